import Digests
import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

private let noon = Timestamp("2026-01-01T12:00:00Z") ?? Timestamp(milliseconds: 0)

/// A service that answers by a function and remembers what it was asked.
private final class ScriptedServer: Sendable {
    typealias Answer = @Sendable (HTTPRequest, Int) throws(HTTPError) -> HTTPReply

    private let asked = Locked<[HTTPRequest]>([])
    private let answer: Answer

    init(_ answer: @escaping Answer) { self.answer = answer }

    var requests: [HTTPRequest] { asked.read { $0 } }
    var lines: [String] { requests.map { "\($0.method) \($0.url)" } }

    func connection(
        type: String = "s3",
        endpoint: String = "http://s3.test",
        prefix: String = ""
    ) throws -> S3Connection {
        var settings = S3Settings()
        settings.endpoint = endpoint
        settings.bucket = "bkt"
        settings.prefix = prefix
        let transport = S3Transport(
            exchange: { (request) throws(HTTPError) in
                let number = self.asked.change { requests in
                    requests.append(request)
                    return requests.count
                }
                return try self.answer(request, number)
            },
            download: { (_) throws(HTTPError) in throw HTTPError(code: .unexpected, message: "No downloads here.") }
        )
        return S3Connection(
            target: try S3Target(settings, type: type, profile: [:], environment: { _ in nil }),
            credentials: S3Credentials(accessKeyID: "AK", secretAccessKey: "SK"),
            transport: transport,
            timing: Timing(now: { noon.milliseconds })
        )
    }

    func service(prefix: String = "", type: String = "s3") throws -> S3Service {
        var settings = S3Settings()
        settings.multipartThreshold = ByteCount(4 << 20)
        settings.partSize = ByteCount(5 << 20)
        return try S3Service(try connection(type: type, prefix: prefix), settings)
    }
}

private func reply(_ status: Int, _ headers: [String: String] = [:], _ body: String = "") -> HTTPReply {
    HTTPReply(
        status: status,
        headers: HTTPHeaders(headers.map { HTTPField(name: $0.key, value: $0.value) }),
        body: Array(body.utf8)
    )
}

private func fault(_ code: String, _ more: String = "") -> String {
    "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>Said.</Message>\(more)</Error>"
}

private func failure<Value>(_ work: () async throws -> Value) async -> StorageError? {
    do {
        _ = try await work()
        return nil
    } catch {
        return error as? StorageError
    }
}

private func name(_ text: String) throws -> ObjectName { try #require(ObjectName(text)) }

struct S3ErrorTests {
    private let errors = S3Errors(bucket: "bkt", host: "s3.test")

    @Test(arguments: [
        (404, "NoSuchKey", StorageError.Code.notFound, StorageError.Retry.never, "“bkt”"),
        (404, "NoSuchBucket", .badSettings, .never, "connection.bucket"),
        (403, "SignatureDoesNotMatch", .badCredentials, .never, "credentials.secret_access_key"),
        (403, "InvalidAccessKeyId", .badCredentials, .never, "credentials.access_key_id"),
        (400, "ExpiredToken", .badCredentials, .never, "expired"),
        (403, "AccessDenied", .permissionDenied, .never, "“bkt”"),
        (403, "QuotaExceeded", .quotaExceeded, .never, "room"),
        (503, "SlowDown", .rateLimited, .later, "fewer"),
        (400, "RequestTimeout", .unavailable, .later, "now"),
        (400, "EntityTooSmall", .badSettings, .never, "connection.part_size"),
        (400, "BadDigest", .corrupt, .later, "changed"),
        (501, "NotImplemented", .unsupported, .never, "cannot"),
        (418, "Teapot", .unexpected, .never, "418 (Teapot: “Said.”)"),
        (403, "", .permissionDenied, .never, "403"), (401, "", .badCredentials, .never, "401"),
        (500, "", .unavailable, .later, "500"), (302, "", .badSettings, .never, "connection.endpoint"),
        (413, "", .tooLarge, .never, "413"), (429, "", .rateLimited, .later, "429"),
    ])
    func table(
        _ status: Int,
        _ word: String,
        _ code: StorageError.Code,
        _ retry: StorageError.Retry,
        _ phrase: String
    ) {
        let error = errors.translate(
            "Storing x",
            status: status,
            headers: HTTPHeaders([]),
            body: word.isEmpty ? [] : Array(fault(word).utf8),
            now: noon
        )
        #expect(error.code == code)
        #expect(error.retry == retry)
        #expect(error.message.contains(phrase))
        #expect(error.message.hasPrefix("Storing x failed: ") && error.message.hasSuffix("."))
    }

    @Test(arguments: [
        ("7", StorageError.Retry.after(.seconds(7))), ("Thu, 01 Jan 2026 12:00:30 GMT", .after(.seconds(30))),
        ("Thu, 01 Jan 2026 11:00:00 GMT", .after(.zero)), ("soon", .later), ("-1", .later),
    ])
    func retryAfter(_ text: String, _ retry: StorageError.Retry) {
        let headers = HTTPHeaders([HTTPField(name: "retry-after", value: text)])
        #expect(errors.translate("x", status: 503, headers: headers, body: [], now: noon).retry == retry)
    }

    @Test func hostileTextIsCut() {
        let text = fault("A\u{202E}<!-- -->b&#10;", "").replacing(
            "Said.",
            with: String(repeating: "x\u{9B}", count: 900)
        )
        let error = errors.translate("x", status: 400, headers: HTTPHeaders([]), body: Array(text.utf8), now: noon)
        #expect(error.message.utf8.count < 400)
        #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9B })
    }

    @Test(arguments: [
        (HTTPError.Code.cannotConnect, StorageError.Code.unavailable, StorageError.Retry.later),
        (.timedOut, .unavailable, .later), (.truncated, .unavailable, .later), (.tls, .unavailable, .never),
        (.cancelled, .cancelled, .never), (.protocolViolation, .unavailable, .later),
    ])
    func exchanges(_ from: HTTPError.Code, _ code: StorageError.Code, _ retry: StorageError.Retry) {
        let error = errors.translate("x", HTTPError(code: from, message: "It broke."))
        #expect(error.code == code)
        #expect(error.retry == retry)
    }
}

struct S3ConnectionTests {
    private let request = S3Request(what: "Looking", method: "HEAD", key: "k")

    @Test func aRegionIsLearntOnce() async throws {
        let server = ScriptedServer { (request, number) in
            number == 1
                ? reply(400, [:], fault("AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>")) : reply(200)
        }
        let connection = try server.connection(endpoint: "")
        _ = try await connection.success(request)
        _ = try await connection.success(request)
        #expect(server.requests.count == 3)
        #expect(server.requests[2].url == "https://bkt.s3.eu-west-3.amazonaws.com/k")
        let signature = HTTPHeaders(server.requests[1].headers)["Authorization"]
        #expect(signature?.contains("/20260101/eu-west-3/s3/") == true)
    }

    @Test func aRegionThatIsNoneIsNotFollowed() async throws {
        let server = ScriptedServer { (_, _) in reply(301, ["x-amz-bucket-region": "evil.example/"]) }
        let connection = try server.connection(endpoint: "")
        let error = await failure { try await connection.success(request) }
        #expect(error?.code == .badSettings)
        #expect(server.requests.count == 1)
    }

    @Test func theClockIsLearntOnce() async throws {
        let server = ScriptedServer { (request, _) in
            let sent = HTTPHeaders(request.headers)["x-amz-date"] ?? ""
            return sent.hasPrefix("20260101T15") ? reply(200) : reply(403, ["Date": "Thu, 01 Jan 2026 15:00:00 GMT"])
        }
        let connection = try server.connection()
        _ = try await connection.success(request)
        _ = try await connection.success(request)
        #expect(server.requests.count == 3)
    }

    @Test(arguments: [
        ("http://two.storage.test/bkt/k?x", true), ("http://one.storage.test:81/bkt/k", true),
        ("http://evil.example/bkt/k", false), ("https://two.storage.test/bkt/k", false), ("/bkt/k", false),
        ("http://one.storage.test.evil/bkt/k", false), ("http://one.storage.test@evil.example/k", false),
    ])
    func temporaryRedirects(_ location: String, _ isFollowed: Bool) async throws {
        let server = ScriptedServer { (_, number) in number == 1 ? reply(307, ["Location": location]) : reply(200) }
        let connection = try server.connection(endpoint: "http://one.storage.test")
        let error = await failure { try await connection.success(request) }
        #expect((error == nil) == isFollowed)
        #expect(server.requests.count == (isFollowed ? 2 : 1))
    }

    @Test func hostsWithShortSuffixesNeedAThirdLabel() {
        #expect(S3Connection.areRelated("a.shop.co.uk", "b.shop.co.uk"))
        #expect(!S3Connection.areRelated("shop.co.uk", "other.co.uk"))
        #expect(!S3Connection.areRelated("127.0.0.1", "10.0.0.1"))
    }

    @Test func aMissingBucketIsNotAMissingKey() async throws {
        let server = ScriptedServer { (_, _) in reply(404) }
        let error = await failure { try await server.connection().success(request) }
        #expect(error?.code == .badSettings)
        let other = ScriptedServer { (request, _) in reply(request.url.hasSuffix("/bkt") ? 200 : 404) }
        let connection = try other.connection()
        for _ in 0..<3 { #expect(await failure { try await connection.success(request) }?.code == .notFound) }
        // The bucket was asked for once and is known then.
        #expect(other.requests.count == 4)
    }

    @Test func nothingSecretIsInAnError() async throws {
        let server = ScriptedServer { (_, _) throws(HTTPError) in
            throw HTTPError(code: .connectionLost, message: "The connection to s3.test:80 was lost.")
        }
        let error = await failure { try await server.connection().success(request) }
        #expect(error?.message.contains("s3.test") == true)
        #expect(error?.message.contains("Signature") == false && error?.message.contains("SK") == false)
    }
}

struct S3ServiceTests {
    private let bytes = Array("hello".utf8)

    @Test func putComparesTheDigest() async throws {
        let md5 = digest(.md5, of: bytes)
        let server = ScriptedServer { (_, number) in
            switch number {
            case 1: reply(200, ["ETag": "\"\(hex(md5))\""])
            case 2: reply(200, ["ETag": "\"\(hex(md5.reversed()))\""])
            case 3: reply(200, ["ETag": hex(md5.reversed()), "x-amz-server-side-encryption": "aws:kms"])
            default: reply(200)
            }
        }
        let service = try server.service(prefix: "p")
        let x = try name("x")
        #expect(try await service.put(x, Body(bytes)).proof == .md5(md5))
        #expect(await failure { try await service.put(x, Body(bytes)) }?.code == .corrupt)
        #expect(try await service.put(x, Body(bytes)).proof == nil)
        #expect(try await service.put(x, Body(bytes)).proof == nil)
        let headers = HTTPHeaders(server.requests[0].headers)
        #expect(headers["Content-MD5"] == S3Encoding.base64(md5))
        #expect(headers["x-amz-content-sha256"] == hex(digest(.sha256, of: bytes)))
        #expect(server.lines[0] == "PUT http://s3.test/bkt/p/x")
    }

    @Test(arguments: [1, 9]) func aBodyOfAnotherLengthIsNotSent(_ length: UInt64) async throws {
        let server = ScriptedServer { (_, _) in reply(200) }
        let service = try server.service()
        let body = Body(length: length) { _ in Body([1, 2, 3]).open() }
        #expect(await failure { try await service.put(name("x"), body) }?.code == .corrupt)
        #expect(server.requests.isEmpty)
    }

    @Test(arguments: [
        (200, "bytes 2-4/5", 2..<5, UInt64(0), UInt64(3)), (206, "bytes 2-4/5", 2..<100, 0, 3),
        (206, "bytes 0-4/5", 2..<4, 2, 2), (200, "", 2..<4, 2, 2),
    ])
    func ranges(_ status: Int, _ text: String, _ asked: Range<UInt64>, _ skipped: UInt64, _ count: UInt64) throws {
        let headers = HTTPHeaders(text.isEmpty ? [] : [HTTPField(name: "Content-Range", value: text)])
        let window = try S3Window(
            status: status,
            headers: headers,
            asked: asked,
            "x",
            S3Errors(bucket: "b", host: "h")
        )
        #expect(window.skipped == skipped)
        #expect(window.count == count)
    }

    @Test(arguments: [
        (206, "bytes 3-4/5"), (206, "bytes 0-2/5"), (206, ""), (206, "bytes 4-2/5"), (206, "bytes */5"),
        (206, "bytes 2-99999999999999999999/5"), (206, "2-4/5"), (206, "bytes 2-4/3"),
    ])
    func wrongRanges(_ status: Int, _ text: String) {
        let headers = HTTPHeaders(text.isEmpty ? [] : [HTTPField(name: "Content-Range", value: text)])
        #expect(throws: StorageError.self) {
            try S3Window(status: status, headers: headers, asked: 2..<5, "x", S3Errors(bucket: "b", host: "h"))
        }
    }

    @Test func aWebPageIsNoObject() {
        let headers = HTTPHeaders([HTTPField(name: "Content-Type", value: "text/html; charset=utf-8")])
        let error = #expect(throws: StorageError.self) {
            try S3Window(status: 200, headers: headers, asked: nil, "x", S3Errors(bucket: "b", host: "h"))
        }
        #expect(error?.message.contains("web page") == true)
    }
}

struct S3ListingTests {
    private func page(_ names: [String], _ more: String = "<IsTruncated>false</IsTruncated>") -> HTTPReply {
        let contents = names.map {
            "<Contents><Key>\($0)</Key><Size>3</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
        }
        return reply(200, [:], "<ListBucketResult xmlns=\"x\">\(more)\(contents.joined())</ListBucketResult>")
    }

    private func names(_ service: S3Service) async throws -> [[String]] {
        var pages: [[String]] = []
        for try await page in service.list("a") { pages.append(page.map(\.name.text)) }
        return pages
    }

    @Test func pagesAreFollowedAndStrangersLeftOut() async throws {
        let server = ScriptedServer { (request, number) in
            number == 1
                ? page(
                    ["p/a%2B", "p/a1", "p/a1", "q/a", "p/", "p/b", "p/a/../x"],
                    "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
                        + "<NextContinuationToken>t/+</NextContinuationToken>"
                )
                : page(["p/a2"])
        }
        #expect(try await names(server.service(prefix: "p")) == [["a1"], ["a2"]])
        #expect(
            server.lines[1].contains(
                "continuation-token=t%2F%2B&encoding-type=url&list-type=2&max-keys=1000&prefix=p%2Fa"
            )
        )
    }

    @Test func anOldServiceIsFollowedByMarker() async throws {
        let server = ScriptedServer { (request, number) in
            number == 1 ? page(["a1"], "<IsTruncated>true</IsTruncated>") : page(["a2"])
        }
        #expect(try await names(server.service()) == [["a1"], ["a2"]])
        #expect(server.lines[1].contains("marker=a1") && !server.lines[1].contains("list-type"))
    }

    @Test func aServiceWithoutVersionTwo() async throws {
        let server = ScriptedServer { (request, _) in
            request.url.contains("list-type=2") ? reply(501, [:], fault("NotImplemented")) : page(["a1"])
        }
        #expect(try await names(server.service()) == [["a1"]])
    }

    @Test(arguments: [
        "<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>",
        "<IsTruncated>true</IsTruncated><Contents><Key>a</Key></Contents>",
        "<IsTruncated>true</IsTruncated><Contents><Size>1</Size></Contents>",
        "<IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>-1</Size></Contents>",
        "<IsTruncated>true</IsTruncated>", "",
        "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
            + "<Contents><Key>a%</Key><Size>1</Size></Contents>",
    ])
    func aListingThatCannotBeFinishedThrows(_ more: String) async throws {
        let server = ScriptedServer { (_, _) in page([], more) }
        let service = try server.service()
        #expect(await failure { try await names(service) }?.code == .unexpected)
        #expect(server.requests.count <= 3)
    }

    @Test func aFailedPageIsAskedForAgain() async throws {
        let server = ScriptedServer { (_, number) in
            switch number {
            case 1: page(["a1"], "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>")
            case 2: reply(503)
            default: page(["a2"])
            }
        }
        let cursor = StreamCursor(try server.service().list("a"))
        #expect(try await cursor.next()?.count == 1)
        #expect(await failure { try await cursor.next() }?.retry == .later)
        #expect(try await cursor.next()?.first?.name.text == "a2")
        #expect(try await cursor.next() == nil)
        #expect(server.lines[1] == server.lines[2])
    }
}

struct S3UploadTests {
    private static let part = 5 << 20
    private static let body = Body([UInt8](repeating: 7, count: part + 10))
    private static let first = digest(.md5, of: [UInt8](repeating: 7, count: part))
    private static let last = digest(.md5, of: [UInt8](repeating: 7, count: 10))
    private static let whole = hex(digest(.md5, of: first + last)) + "-2"
    private static let proof = ObjectDigest.md5OfParts(digest(.md5, of: first + last), parts: 2)

    /// A service that takes parts; `complete` is its answer to the last request, `pending` what it lists in the beginning.
    private func server(
        pending: String = "",
        parts: String = "",
        head: HTTPReply = reply(404),
        complete: HTTPReply
    ) -> ScriptedServer {
        ScriptedServer { (request, _) in
            switch request.method {
            case "GET" where request.url.contains("uploads="):
                reply(200, [:], "<ListMultipartUploadsResult>\(pending)</ListMultipartUploadsResult>")
            case "GET": reply(200, [:], "<ListPartsResult>\(parts)</ListPartsResult>")
            case "POST" where request.url.contains("uploads="):
                reply(
                    200,
                    [:],
                    "<InitiateMultipartUploadResult><UploadId>U/1</UploadId></InitiateMultipartUploadResult>"
                )
            case "POST": complete
            case "PUT":
                reply(200, ["ETag": "\"\(hex(request.url.contains("partNumber=1&") ? Self.first : Self.last))\""])
            case "HEAD": request.url.hasSuffix("/bkt") ? reply(200) : head
            default: reply(204)
            }
        }
    }

    private func done(_ etag: String) -> HTTPReply {
        reply(
            200,
            [:],
            "  \n<CompleteMultipartUploadResult><ETag>&quot;\(etag)&quot;</ETag></CompleteMultipartUploadResult>"
        )
    }

    private func put(_ server: ScriptedServer) async throws -> PutReceipt {
        try await server.service().put(name("x"), Self.body)
    }

    @Test func partsAreSentAndProven() async throws {
        let server = server(complete: done(Self.whole))
        #expect(try await put(server).proof == Self.proof)
        #expect(server.lines.contains("PUT http://s3.test/bkt/x?partNumber=2&uploadId=U%2F1"))
        #expect(!server.lines.contains { $0.hasPrefix("DELETE") })
    }

    @Test func partsThatAreThereAreKept() async throws {
        let pending =
            "<Upload><Key>x.other</Key><UploadId>no</UploadId></Upload><Upload><Key>x</Key><UploadId>old</UploadId></Upload>"
        let parts =
            "<Part><PartNumber>1</PartNumber><Size>\(Self.part)</Size><ETag>\(hex(Self.first))</ETag></Part>"
            + "<Part><PartNumber>2</PartNumber><Size>10</Size><ETag>\(hex(Self.first))</ETag></Part>"
        let server = server(pending: pending, parts: parts, complete: done(Self.whole))
        #expect(try await put(server).proof == Self.proof)
        #expect(server.lines.filter { $0.hasPrefix("PUT") } == ["PUT http://s3.test/bkt/x?partNumber=2&uploadId=old"])
    }

    @Test func anErrorInsideSuccessIsAnError() async throws {
        let server = server(complete: reply(200, [:], fault("InternalError")))
        #expect(await failure { try await put(server) }?.code == .unavailable)
        // It may be tried again, so the parts stay.
        #expect(!server.lines.contains { $0.hasPrefix("DELETE") })
    }

    @Test func whatCannotSucceedIsTakenAway() async throws {
        let server = server(complete: reply(403, [:], fault("AccessDenied")))
        #expect(await failure { try await put(server) }?.code == .permissionDenied)
        #expect(server.lines.last == "DELETE http://s3.test/bkt/x?uploadId=U%2F1")
    }

    @Test(arguments: [true, false]) func aLostUploadMayBeDone(_ isThere: Bool) async throws {
        let head = reply(200, ["Content-Length": "\(Self.part + 10)", "ETag": isThere ? Self.whole : hex(Self.first)])
        let server = server(head: head, complete: reply(404, [:], fault("NoSuchUpload")))
        if isThere {
            #expect(try await put(server).proof == Self.proof)
        } else {
            #expect(await failure { try await put(server) }?.retry == .later)
        }
    }

    @Test func anotherDigestOfTheWholeProvesNothing() async throws {
        #expect(try await put(server(complete: done("\(hex(Self.first))-2"))).proof == nil)
    }
}
