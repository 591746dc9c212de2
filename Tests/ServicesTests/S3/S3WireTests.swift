import Digests
import HTTPClient
import Samples
import Schema
import StorageLaws
import TestKit
import Testing

@testable import Services
@testable import Storage

/// What is made of answers as they come over the wire, of which some are not the service's.
@Suite(.inTurn, .timeLimit(.minutes(2))) struct S3WireTests {
    /// An answer as it is written to the wire.
    struct Answer: Sendable, CustomTestStringConvertible {
        var status = 200
        var headers = ""
        var body = ""
        /// Whether the length of the body is told.
        var isAnnounced = true

        static let page = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"
        static let html = Answer(headers: "Content-Type: text/html\r\n", body: page)
        static let bare = Answer(body: page)
        static let xhtml = Answer(
            headers: "Content-Type: application/xml\r\nETag: \"x\"\r\n",
            body: "<?xml version=\"1.0\"?>\n<h:html xmlns:h=\"http://www.w3.org/1999/xhtml\"><h:body/></h:html>"
        )
        static let json = Answer(headers: "Content-Type: application/json\r\nETag: \"x\"\r\n", body: "{\"ok\":true}")
        static let login = Answer(status: 302, headers: "Location: http://login.test/\r\n")
        static let empty = Answer()
        static func fault(_ status: Int, _ word: String) -> Answer { Answer(status: status, body: wireFault(word)) }
        static func fault(_ word: String) -> Answer { fault(404, word) }
        static func of(_ status: Int, _ headers: String = "") -> Answer { Answer(status: status, headers: headers) }

        var testDescription: String {
            "\(status) \(headers.split(separator: "\r\n").joined(separator: " ")) \(body.prefix(40))"
        }

        /// The bytes on the wire in answer to a request of this method.
        func text(_ method: String) -> String {
            let hasLength = isAnnounced && status != 204 && !headers.contains("Content-Length")
            let length = hasLength ? "Content-Length: \(body.utf8.count)\r\n" : ""
            let close = isAnnounced ? "" : "Connection: close\r\n"
            return "HTTP/1.1 \(status) Said\r\n\(headers)\(length)\(close)\r\n" + (method == "HEAD" ? "" : body)
        }
    }

    /// Requests and their answers, by method; a request may have several in turn, of which the last one stays.
    private func service(
        _ answers: [String: [Answer]],
        asked: Locked<[String]> = Locked([]),
        type: String = "s3",
        retries: Int = 0
    ) throws -> S3Service {
        let counts = Locked<[String: Int]>([:])
        let server = try SocketServer { connection in
            while let (head, _) = connection.nextRequest() {
                let method = String(head.prefix { $0 != " " })
                let kind = head.contains("list-type=") ? "LIST" : method
                asked.change { $0.append(head) }
                let number = counts.change { counts in
                    defer { counts[kind, default: 0] += 1 }
                    return counts[kind, default: 0]
                }
                let known = answers[kind] ?? [.of(500)]
                let answer = known[min(number, known.count - 1)]
                connection.send(answer.text(method))
                if !answer.isAnnounced { return }
            }
        }
        var settings = S3Settings()
        (settings.bucket, settings.endpoint) = ("bkt", server.url)
        var options = HTTPOptions()
        options.usesEnvironmentProxy = false
        options.stallTimeout = .seconds(30)
        let connection = S3Connection(
            target: try S3Target(settings, type: type, profile: [:], environment: { _ in nil }),
            credentials: AccessKeys(accessKeyID: "AK", secretAccessKey: "SK"),
            transport: HTTPTransport(HTTPClient(options)),
            policy: policy(Timing(now: { noon.milliseconds }), retries: retries)
        )
        return try S3Service(connection, settings)
    }

    private func code(_ work: () async throws -> Void) async -> StorageError.Code? {
        await failure { try await work() }?.code
    }

    // MARK: Absence

    @Test(
        arguments: [
            (.fault("NoSuchKey"), .notFound), (.fault("NoSuchVersion"), .notFound),
            (.fault("NoSuchBucket"), .unavailable),
            (.of(404), .unavailable),
            (Answer(status: 404, headers: "Content-Type: text/html\r\n", body: Answer.page), .unavailable),
            (Answer(status: 404, body: "<Upstream>\(wireFault("NoSuchKey"))</Upstream>"), .unavailable),
            (
                Answer(
                    status: 404,
                    headers: "Content-Type: application/xml\r\n",
                    body: "<html><Error><Code>NoSuchKey</Code></Error></html>"
                ),
                .unavailable
            ),
            (
                Answer(status: 404, body: "<ErrorResponse><Error><Code>NoSuchKey</Code></Error></ErrorResponse>"),
                .notFound
            ),
            (Answer(status: 404, body: Answer.page), .unavailable), (Answer(status: 404, body: "{}"), .unavailable),
            (Answer(status: 404, body: "<Error><Code>NotHere</Code></Error>"), .unavailable), (.of(410), .unexpected),
            (.html, .unavailable), (.bare, .unavailable), (.empty, .unavailable), (.login, .unavailable),
            (.of(301), .unavailable),
            (.fault(500, "NoSuchKey"), .unavailable), (.fault(403, "NoSuchKey"), .permissionDenied),
            (.of(204), .unexpected),
            (.fault(403, "AccessDenied"), .permissionDenied), (.of(502), .unavailable),
        ] as [(Answer, StorageError.Code)]
    )
    func absentIsWhatTheServiceCallsSo(_ answer: Answer, _ expected: StorageError.Code) async throws {
        let service = try service(["HEAD": [.of(answer.status)], "GET": [answer]])
        #expect(await code { _ = try await service.read(name("x")) } == expected)
        // A reply to HEAD has no words, so one byte is asked for, unless the status is clear.
        if [200, 400, 403, 404].contains(answer.status) {
            #expect(await code { _ = try await service.stat(name("x")) } == expected)
        } else {
            #expect(await code { _ = try await service.stat(name("x")) } != .notFound)
        }
    }

    private static let one = "ETag: \"e\"\r\nContent-Range: bytes 0-0/1234\r\n"
    private static let list =
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>x.more</Key><Size>1</Size>"
        + "</Contents><Contents><Key>x</Key><Size>1234</Size></Contents></ListBucketResult>"

    @Test(
        arguments: [
            [Answer(status: 206, headers: one, body: "a")],
            [Answer(headers: "ETag: \"e\"\r\nContent-Length: 1234\r\n", body: String(repeating: "a", count: 1234))],
            [Answer(headers: "ETag: \"e\"\r\n", body: "ab", isAnnounced: false)],
            [Answer(status: 416, headers: "Content-Range: bytes */1234\r\n")],
            [Answer(status: 206, headers: "ETag: \"e\"\r\nContent-Range: bytes 0-0/*\r\n", body: "a")],
        ],
        [200, 404, 403]
    )
    func aLengthIsFoundWhereHeadDoesNotTellIt(_ get: [Answer], _ head: Int) async throws {
        let heads = [Answer(status: head, headers: "ETag: \"e\"\r\nTransfer-Encoding: chunked\r\n")]
        let service = try service(["HEAD": heads, "GET": get, "LIST": [Answer(body: Self.list)]])
        #expect(try await service.stat(name("x")).length == 1234)
    }

    @Test func anEmptyObjectWithoutALengthIsEmpty() async throws {
        let heads = [Answer(headers: "ETag: \"e\"\r\nTransfer-Encoding: chunked\r\n")]
        let service = try service(["HEAD": heads, "GET": [.of(416, "Content-Range: bytes */0\r\n")]])
        #expect(try await service.stat(name("x")).length == 0)
    }

    // MARK: Changes

    @Test(
        arguments: [
            (.of(204), nil), (.empty, nil), (Answer(body: "<DeleteResult/>"), nil), (.fault("NoSuchKey"), nil),
            (.html, .unavailable), (.bare, .unavailable), (.xhtml, .unavailable), (.json, .unavailable),
            (.fault(200, "InternalError"), .unavailable), (.of(202), .unavailable), (.login, .unavailable),
            (.of(404), .unavailable), (Answer(status: 404, body: Answer.page), .unavailable),
            (.fault("NoSuchBucket"), .unavailable),
            (.fault(403, "AccessDenied"), .permissionDenied), (.fault(405, "MethodNotAllowed"), .unsupported),
            (.of(500), .unavailable),
        ] as [(Answer, StorageError.Code?)]
    )
    func removedIsWhatTheServiceCallsSo(_ answer: Answer, _ expected: StorageError.Code?) async throws {
        let there = Answer(headers: "ETag: \"e\"\r\nContent-Length: 3\r\n")
        let service = try service(["DELETE": [answer], "HEAD": [there], "GET": [.html]])
        let error = await failure { try await service.delete(name("x")) }
        #expect(error?.code == expected)
        // That the bucket is not there says that nothing was removed.
        let isKnown = answer.body.contains("NoSuchBucket")
        if expected == .unavailable { #expect(error?.mayHaveHappened == !isKnown) }
    }

    @Test func aRemovalWithoutWordsIsLookedAt() async throws {
        let service = try service(["DELETE": [.of(404)], "HEAD": [.of(404)], "GET": [.fault("NoSuchKey")]])
        try await service.delete(name("x"))
    }

    @Test(
        arguments: [
            (Answer(headers: "ETag: \"x\"\r\n"), nil),
            (Answer(headers: "ETag: \"x\"\r\n", body: "<PutObjectResult/>"), nil),
            (.empty, .unavailable), (.html, .unavailable), (.bare, .unavailable), (.xhtml, .unavailable),
            (.json, .unavailable),
            (Answer(headers: "ETag: \"x\"\r\nContent-Type: text/html\r\n", body: Answer.page), .unavailable),
            (Answer(headers: "ETag: \"x\"\r\n", body: fault("SlowDown")), .rateLimited), (.login, .unavailable),
            (.of(204), .unavailable),
        ] as [(Answer, StorageError.Code?)]
    )
    func storedIsWhatTheServiceCallsSo(_ answer: Answer, _ expected: StorageError.Code?) async throws {
        let service = try service(["PUT": [answer]])
        var receipt: PutReceipt?
        #expect(await code { receipt = try await service.put(name("x"), Body([1, 2])) } == expected)
        #expect(receipt?.proof == nil)
    }

    @Test(arguments: ["s3", "aws"]) func aDigestThatWasSentProvesNothing(_ type: String) async throws {
        let bytes = sampleBytes(100)
        let (md5, sha) = (digest(.md5, of: bytes), HTTPText.base64(digest(.sha256, of: bytes)))
        let wants = Answer.fault(400, "MissingContentMD5")
        let taken = Answer(headers: "ETag: \"\(hex(md5))\"\r\nx-amz-checksum-sha256: \(sha)\r\n")
        let asked = Locked<[String]>([])
        let service = try service(["PUT": [taken, wants, taken]], asked: asked, type: type)
        // The MD5 was not sent; then it was demanded, and is sent from then on.
        #expect(try await service.put(name("x"), Body(bytes)).proof == .md5(md5))
        #expect(try await service.put(name("x"), Body(bytes)).proof == nil)
        #expect(try await service.put(name("x"), Body(bytes)).proof == nil)
        #expect(asked.read { $0.map { $0.contains("Content-MD5: ") } } == [false, false, true, true])
        // What was only accepted may never be acted upon.
        let accepted = Answer(status: 202, headers: "ETag: \"\(hex(md5))\"\r\n")
        #expect(try await self.service(["PUT": [accepted]], type: type).put(name("x"), Body(bytes)).proof == nil)
        let echo = Answer(headers: "ETag: \"no-digest\"\r\nx-amz-checksum-sha256: \(sha)\r\n")
        #expect(try await self.service(["PUT": [echo]], type: type).put(name("x"), Body(bytes)).proof == nil)
    }

    // MARK: Reads

    /// A service that resumes what breaks.
    private func retrying(_ answers: [String: [Answer]], asked: Locked<[String]> = Locked([])) throws -> S3Service {
        try service(answers, asked: asked, retries: 2)
    }

    private static let half = Answer(
        headers: "ETag: \"v1\"\r\nContent-Length: 10\r\n",
        body: "01234",
        isAnnounced: false
    )
    private static func rest(_ etag: String, _ body: String, total: Int = 10) -> Answer {
        let tag = etag.isEmpty ? "" : "ETag: \(etag)\r\n"
        return Answer(status: 206, headers: "\(tag)Content-Range: bytes 5-\(total - 1)/\(total)\r\n", body: body)
    }

    @Test(
        arguments: [
            (rest("\"v1\"", "56789"), nil), (rest("v1", "56789"), nil), (rest("\"v2\"", "abcde"), .changed),
            (.fault(412, "PreconditionFailed"), .changed), (.of(412), .changed), (rest("W/\"v1\"", "abcde"), .changed),
            (rest("", "56789"), .unavailable), (rest("\"v1\"", "56789a", total: 11), .changed),
            (Answer(headers: "ETag: \"v2\"\r\n", body: "abcdefghij"), .changed), (.fault("NoSuchKey"), .notFound),
            (Answer(headers: "ETag: \"v1\"\r\n", body: "0123456789"), nil), (.html, .unavailable),
            (.of(416), .unavailable),
            (
                Answer(status: 206, headers: "ETag: \"v1\"\r\nContent-Range: bytes 0-4/10\r\n", body: "01234"),
                .unexpected
            ),
        ] as [(Answer, StorageError.Code?)]
    )
    func aReadGoesOnInItsOwnVersionOnly(_ second: Answer, _ expected: StorageError.Code?) async throws {
        let asked = Locked<[String]>([])
        let head = Answer(headers: "ETag: \"v1\"\r\nContent-Length: 10\r\n")
        let service = try retrying(["GET": [Self.half, second], "HEAD": [head]], asked: asked)
        var bytes: [UInt8] = []
        let error = await failure {
            for try await chunk in try await service.read(name("x")) { bytes += chunk }
        }
        #expect(error?.code == expected)
        #expect(String(decoding: bytes, as: UTF8.self) == (expected == nil ? "0123456789" : "01234"))
        let again = asked.read { $0.filter { $0.hasPrefix("GET") }[1] }
        #expect(again.contains("If-Match: \"v1\"") && again.contains("Range: bytes=5-"))
    }

    @Test(
        arguments: [("\"v1\"", nil), ("\"v2\"", .changed), ("W/\"v1\"", .changed), ("", .unavailable)]
            as [(String, StorageError.Code?)]
    )
    func whoeverDoesNotKnowTheConditionIsCompared(_ etag: String, _ expected: StorageError.Code?) async throws {
        let tag = etag.isEmpty ? "" : "ETag: \(etag)\r\n"
        let service = try service(["GET": [Answer(headers: tag, body: "0123456789")]])
        let error = await failure { try await service.get(name("x"), nil, version: ObjectVersion("v1")) }
        #expect(error?.code == expected)
    }

    @Test func aReadWithoutAVersionDoesNotGoOn() async throws {
        let asked = Locked<[String]>([])
        let weak = Answer(headers: "ETag: W/\"v1\"\r\nContent-Length: 10\r\n", body: "01234", isAnnounced: false)
        let service = try retrying(["GET": [weak]], asked: asked)
        let error = await failure { try await collect(service.read(name("x")), limit: 10) }
        #expect(error?.code == .unavailable && error?.retry == .later)
        #expect(asked.read { $0.count } == 1)
    }

    @Test(arguments: ["ETag: \"v1\"\r\n", "ETag: \"v1\"\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n"])
    func anEndThatNobodyAnnouncedIsNone(_ headers: String) async throws {
        let isChunked = headers.contains("chunked")
        let body = isChunked ? "5\r\n01234\r\n0\r\n\r\n" : "01234"
        let short = Answer(headers: headers, body: body, isAnnounced: isChunked ? true : false)
        let head = Answer(headers: "ETag: \"v1\"\r\nContent-Length: 10\r\n")
        let service = try service(["GET": [short], "HEAD": [head]])
        #expect(await code { _ = try await collect(service.read(name("x")), limit: 10) } == .unavailable)
        let whole = try self.service([
            "GET": [short], "HEAD": [Answer(headers: "ETag: \"v1\"\r\nContent-Length: 5\r\n")],
        ])
        #expect(try await collect(whole.read(name("x")), limit: 10) == Array("01234".utf8))
        let silent = try self.service(["GET": [short], "HEAD": [.html], "LIST": [.html]])
        #expect(await code { _ = try await collect(silent.read(name("x")), limit: 10) } == .unavailable)
    }

    @Test func anEndInTheMiddleIsNone() async throws {
        let head = Answer(headers: "ETag: \"v1\"\r\nContent-Length: 10\r\n")
        let service = try service(["GET": [.of(416)], "HEAD": [head]])
        #expect(await code { _ = try await service.read(name("x"), 3..<7) } == .unavailable)
        #expect(try await collect(service.read(name("x"), 10..<70), limit: 10) == [])
        #expect(try await collect(service.read(name("x"), 10..<UInt64.max), limit: 10) == [])
    }

    @Test func aRangeThatIsIgnoredGivesItsBytes() async throws {
        let whole = Answer(headers: "ETag: \"v1\"\r\n", body: "0123456789")
        let service = try service(["GET": [whole]])
        #expect(try await collect(service.read(name("x"), 3..<7), limit: 10) == Array("3456".utf8))
        #expect(try await collect(service.read(name("x"), 7..<UInt64.max), limit: 10) == Array("789".utf8))
    }
}

private func wireFault(_ word: String) -> String { fault(word) }
