import HTTPClient
import POSIX
import Schema
import Storage
import TestKit
import Testing

@testable import Services

/// URLs that anybody may read from.
struct S3URLTests {
    private let key = "cars/ab/x.car"

    private func url(_ endpoint: String, token: String?, lasting seconds: Int64 = 600) async throws -> String {
        var settings = S3Settings()
        (settings.endpoint, settings.region, settings.bucket, settings.prefix) = (
            endpoint, "eu-west-1", "bkt", "pre fix \u{E4}+"
        )
        let unused = HTTPTransport(
            exchange: { (_) throws(HTTPError) in throw HTTPError(code: .unexpected, message: "It was sent.") },
            download: { (_) throws(HTTPError) in throw HTTPError(code: .unexpected, message: "It was sent.") }
        )
        let connection = S3Connection(
            target: try S3Target(settings, type: "s3", profile: [:], environment: { _ in nil }),
            credentials: AccessKeys(accessKeyID: "AK", secretAccessKey: "SK", sessionToken: token),
            transport: unused,
            policy: policy(Timing(now: { noon.milliseconds }), retries: 0)
        )
        let end = Timestamp(milliseconds: noon.milliseconds + seconds * 1000)
        return try await S3Service(connection, settings).url(try name(key), until: end)
    }

    /// What boto3 makes of the same bucket, key, date and credentials.
    @Test(
        arguments: [
            (
                "http://s3.test:8080", nil, "http://s3.test:8080/bkt/",
                "44f2a53ac6ffe1515c737c1ad20adec0025036f25ca39dbce9af2c9772cb6509"
            ),
            (
                "", nil, "https://bkt.s3.eu-west-1.amazonaws.com/",
                "cd2f1c8f031c09d2a99eb47d86b2031da010195839fab1c64126b162798e2a96"
            ),
            (
                "http://s3.test:8080", "T/+=oken", "http://s3.test:8080/bkt/",
                "38572a0021ed5c8be09bead0b8b7a128b477af8c556649b3678b61e13351498e"
            ),
            (
                "", "T/+=oken", "https://bkt.s3.eu-west-1.amazonaws.com/",
                "90683b61c676f551ee161f97a6fcf0c7138a116ebf53efcc2a7bc43369cb46d5"
            ),
        ] as [(String, String?, String, String)]
    )
    func isThatOfAmazonsClient(_ endpoint: String, _ token: String?, _ base: String, _ signature: String) async throws {
        let url = try await url(endpoint, token: token)
        let halves = url.split(separator: "?").map(String.init)
        #expect(halves[0] == base + "pre%20fix%20%C3%A4%2B/cars/ab/x.car")
        var expected = [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Credential=AK%2F20260101%2Feu-west-1%2Fs3%2Faws4_request",
            "X-Amz-Date=20260101T120000Z", "X-Amz-Expires=600", "X-Amz-SignedHeaders=host",
            "X-Amz-Signature=\(signature)",
        ]
        if token != nil { expected.append("X-Amz-Security-Token=T%2F%2B%3Doken") }
        #expect(halves[1].split(separator: "&").map(String.init).sorted() == expected.sorted())
    }

    @Test(arguments: [(0, false), (-5, false), (1, true), (604_800, true), (604_801, false)])
    func isGoodForAWeekAtMost(_ seconds: Int64, _ isGiven: Bool) async throws {
        let error = await failure { try await url("", token: nil, lasting: seconds) }
        #expect((error == nil) == isGiven)
        if let error { #expect(error.code == .unsupported && error.message.contains("604800, which are 7 days.")) }
    }

    /// A server that checks signatures gives the object to whoever has the URL, and to nobody without the query.
    ///
    /// moto, told to check signatures, breaks on those in a URL, whoever made them.
    @Test func whoHasItNeedsNoKey() async throws {
        let server = try await S3Server.running(.seaweedfs)
        let content = try await Subject.open(
            "s3",
            [
                "endpoint": .text(server.endpoint), "region": .text(server.region),
                "bucket": .text(try await server.sharedBucket()), "prefix": .text("given \u{E4}+"),
                "access_key_id": .text(server.accessKeyID), "secret_access_key": .text(server.secretAccessKey),
            ]
        )
        let object = try name("cars/a.car")
        let objects = try #require(content.objects)
        _ = try await objects.put(object, Body(Array("Whole.".utf8)))
        let url = try await objects.url(object, until: Timestamp(milliseconds: currentMilliseconds() + 60_000))
        let client = HTTPClient(HTTPOptions())
        let given = try await client.exchange(HTTPRequest(url: url))
        #expect(String(decoding: given.body, as: UTF8.self) == "Whole.", "\(url): \(given.status)")
        let other = url.replacing("a.car", with: "b.car")
        #expect(try await client.exchange(HTTPRequest(url: other)).status >= 400)
        let bare = String(url.prefix { $0 != "?" })
        #expect(try await client.exchange(HTTPRequest(url: bare)).status == 403)
    }
}
