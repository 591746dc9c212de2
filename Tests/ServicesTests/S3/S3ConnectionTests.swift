import Digests
import HTTPClient
import Schema
import Storage
import TestKit
import Testing

@testable import Services

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
        ("http://two.storage.test/bkt/k?x", true), ("http://one.storage.test:81/bkt/k", false),
        ("http://evil.example/bkt/k", false), ("https://two.storage.test/bkt/k", false), ("/bkt/k", true),
        ("//two.storage.test/bkt/k", true), ("//evil.example/bkt/k", false), ("bkt/k", false),
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
        func areRelated(_ one: String, _ other: String) -> Bool? {
            HTTPAddress("https://\(one)").flatMap { one in HTTPAddress("https://\(other)").map(one.isRelated) }
        }
        #expect(areRelated("a.shop.co.uk", "b.shop.co.uk") == true)
        #expect(areRelated("shop.co.uk", "other.co.uk") == false)
        #expect(areRelated("127.0.0.1", "10.0.0.1") == false)
        #expect(areRelated("one.example.org", "one.example.org:8080") == false)
        #expect(areRelated("[::1]:8080", "[::1]:8081") == false && areRelated("[::1]", "[::1]") == true)
    }

    @Test func aMissingBucketIsSaidByTheService() async throws {
        let server = ScriptedServer { (request, _) in
            request.method == "HEAD" ? reply(404) : reply(404, [:], fault("NoSuchBucket"))
        }
        let bucket = S3Request(what: "Asking", method: "HEAD")
        let error = await failure { try await server.connection().success(bucket) }
        #expect(error?.code == .unavailable && error?.message.contains("connection.bucket") == true)
        let silent = ScriptedServer { (_, _) in reply(404) }
        #expect(await failure { try await silent.connection().success(bucket) }?.code == .unavailable)
    }

    @Test func nothingSecretIsInAnError() async throws {
        let server = ScriptedServer { (_, _) throws(HTTPError) in
            throw HTTPError(code: .connectionLost, message: "The connection to s3.test:80 was lost.")
        }
        let error = await failure { try await server.connection().success(request) }
        #expect(error?.message.contains("s3.test") == true)
        #expect(error?.message.contains("Signature") == false && error?.message.contains("SK") == false)
    }

    @Test(
        arguments: [
            "x-amz-security-token: TOKENTOKEN+/==0123456789", "you sent TOKENTOKEN+/==012", "key=SECRETKEY and more",
            "Authorization: AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/s3/aws4_request, Signature=ab12ab12ab12ab12",
            "signature was 5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            "tokentoken+/==0123456789",
            "<b>TOKEN\u{200B}TOKEN+/==0123456789</b>", "proxy-authorization: Basic dXNlcjpwYXNz",
        ],
        ["Said.", "Invalid"]
    )
    func whatWasSentIsNotRepeated(_ said: String, insteadOf word: String) async throws {
        let server = ScriptedServer { (_, _) in
            reply(400, [:], fault("InvalidRequest").replacing(word, with: said.replacing("<", with: "&lt;")))
        }
        let connection = try server.connection(secret: "SECRETKEY", token: "TOKENTOKEN+/==0123456789")
        let error = await failure { try await connection.success(S3Request(what: "Asking", method: "GET")) }
        let message = (error?.message ?? "").lowercased()
        #expect(message.contains("asking failed") && message.contains(Redactor.mark))
        for secret in ["tokentok", "9", "secretkey", "ab12", "c15b1316", "dxnlcjpwyxnz"] {
            #expect(!message.replacing("s3.test", with: "").contains(secret), "\(message)")
        }
    }

    // MARK: The gate

    /// Admits so many changes.
    private struct ClosingGate: ChangeGate {
        let left: Locked<Int>
        func admit(_ change: Change) async throws(StorageError) {
            let isOpen = left.change { left in
                left -= 1
                return left >= 0
            }
            if !isOpen { throw StorageError(.unsupported, "The right to change things was lost.") }
        }
    }

    @Test(arguments: [1, 2]) func noRequestOfAChangeIsSentPastAClosedGate(admitted: Int) async throws {
        let clock = ManualClock(milliseconds: noon.milliseconds)
        // Each reply takes two seconds, so each request asks anew.
        let server = ScriptedServer { (request, _) in
            clock.advance(by: .seconds(2))
            return switch request.method {
            case "POST":
                reply(200, [:], "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>")
            case "GET": reply(200, [:], "<ListMultipartUploadsResult/>")
            default: reply(200, ["ETag": "\"x\""])
            }
        }
        let gate = ClosingGate(left: Locked(admitted))
        let service = try server.service(timing: clock.timing, gate: gate)
        let body = Body([UInt8](repeating: 7, count: 40 << 20))
        #expect(await failure { try await service.put(name("x"), body) }?.code == .unsupported)
        let changes = server.requests.map(\.method).filter { $0 != "GET" }
        // Parts that are on their way side by side when the right is lost were sent with it.
        #expect(changes.first == "POST" && changes.dropFirst().allSatisfy { $0 == "PUT" })
        #expect(changes.count <= (admitted == 1 ? 1 : 4))
    }
}
