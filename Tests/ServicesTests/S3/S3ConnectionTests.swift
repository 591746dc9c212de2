import Digests
import HTTPClient
import Schema
import Storage
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
