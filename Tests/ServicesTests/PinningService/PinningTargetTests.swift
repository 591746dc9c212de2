import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

/// Where settings and variables lead, and what is shown to whom.
@Suite struct PinningTargetTests {
    private func target(
        _ type: String,
        _ values: [String: FieldValue],
        _ environment: [String: String] = [:]
    ) throws -> PinningTarget {
        try PinningTarget(try PinningSettings(values: values), type: type, environment: { environment[$0] })
    }

    private func code(
        _ type: String,
        _ values: [String: FieldValue],
        _ environment: [String: String] = [:]
    ) -> StorageError.Code? {
        do {
            _ = try target(type, values, environment)
            return nil
        } catch {
            return (error as? StorageError)?.code
        }
    }

    @Test func aVendorHasEverythingButTheToken() throws {
        let found = try target("pinata", [:], ["PINATA_JWT": "abc.def"])
        #expect(found.endpoint.url(found.endpoint.path) == "https://api.pinata.cloud/psa")
        #expect(found.api.url(found.api.path) == "https://api.pinata.cloud")
        #expect(found.uploads?.host == "uploads.pinata.cloud" && found.gateway?.host == "gateway.pinata.cloud")
        #expect(found.credentials.map(\.value) == ["Bearer abc.def"])
        let own = try target(
            "pinata",
            ["token": .text("t"), "gateway_token": .text("g")],
            ["PINATA_GATEWAY": "me.mypinata.cloud/ipfs"]
        )
        #expect(own.gateway?.url(own.gateway?.path ?? "") == "https://me.mypinata.cloud")
        #expect(own.gatewayCredentials.map(\.name) == ["x-pinata-gateway-token"])
        let pinning = try target("filebase", ["token": .text("t")])
        #expect(pinning.uploads == nil && pinning.gateway?.host == "ipfs.filebase.io")
        #expect(try target("pinata", ["token": .text("t"), "upload": .flag(false)]).uploads == nil)
        for word in ["pinata", "filebase", "4everland", "psa"] {
            #expect(PinningService.aliases.contains(word))
        }
    }

    /// A variable is for the service that it is named after, and shown to no other.
    @Test func whatVariablesHaveIsShownToTheirServiceAlone() throws {
        let other: [String: FieldValue] = ["endpoint": .text("https://pins.example/api")]
        #expect(code("pinata", other, ["PINATA_JWT": "abc"]) == .badCredentials)
        let pair = ["PINATA_API_KEY": "k", "PINATA_API_SECRET": "s"]
        #expect(code("pinata", other, pair) == .badCredentials)
        #expect(try target("pinata", [:], pair).credentials.map(\.name) == ["pinata_api_key", "pinata_secret_api_key"])
        let own = ["PINNING_SERVICE_ENDPOINT": "https://pins.example/v1", "PINNING_SERVICE_TOKEN": "t"]
        #expect(try target("pinning_service", [:], own).endpoint.path == "/v1")
        #expect(try target("pinning_service", other, own).credentials.map(\.value) == ["Bearer t"])
        let elsewhere: [String: FieldValue] = ["endpoint": .text("https://other.example")]
        #expect(code("pinning_service", elsewhere, own) == .badCredentials)
        // Nor does a vendor's gateway give what somebody else holds.
        let mine = try target(
            "pinata",
            ["endpoint": .text("http://127.0.0.1:1/psa"), "token": .text("t"), "upload": .flag(false)]
        )
        #expect(mine.gateway == nil)
    }

    @Test(arguments: [
        ["endpoint": FieldValue.text("not a url")], ["endpoint": .text("https://user:pw@pins.example")],
        ["endpoint": .text("http://pins.example")],
        ["endpoint": .text("https://pins.example"), "verify_tls": .flag(false)],
        ["upload_url": .text("http://pins.example")], ["gateway_url": .text("ftp://x")],
        ["origins": .list(["node:4001"])],
        ["origins": .list((0..<21).map { "/dns4/n\($0)/tcp/1" })], ["token": .text("a b")], ["part_size": .integer(1)],
        ["group": .text("a/b")], ["bucket": .text("a/b")],
    ]) func whatCannotBeRightIsRefused(_ values: [String: FieldValue]) throws {
        let all = values.merging(["token": .text("t"), "endpoint": .text("https://pins.example")]) { first, _ in first }
        #expect(code("pinning_service", all) == .badSettings)
        #expect(throws: StorageError.self) { try PinningTarget.check(try PinningSettings(values: values)) }
    }

    @Test func whatIsUploadedIsReadBack() {
        #expect(code("pinata", ["token": .text("t"), "gateway_url": .text("none")]) == .badSettings)
        #expect(code("pinata", ["token": .text("t"), "gateway_url": .text("none"), "upload": .flag(false)]) == nil)
        #expect(code("pinning_service", [:]) == .badSettings)
        #expect(code("4everland", [:]) == .badCredentials)
    }

    /// Two tokens may be two accounts, and nothing of them is seen.
    @Test func accountsAreToldApart() throws {
        let (one, two) = (
            try target("4everland", ["token": .text("one")]), try target("4everland", ["token": .text("two")])
        )
        #expect(one.account != two.account && one.account.count == 8 && !one.account.contains("one"))
    }

    @Test func anUploadGoesOnOnlyAtTheSameOwner() throws {
        let server = try #require(HTTPAddress("https://uploads.pinata.cloud/v3/files"))
        func place(_ location: String) -> String? {
            let headers = HTTPHeaders([HTTPField(name: "Location", value: location)])
            return TUSUpload.location(of: HTTPReply(status: 201, headers: headers, body: []), from: server)
        }
        #expect(place("/v3/files/1?x=y") == "https://uploads.pinata.cloud/v3/files/1?x=y")
        #expect(place("https://eu.uploads.pinata.cloud/1") == "https://eu.uploads.pinata.cloud/1")
        #expect(place("//uploads.pinata.cloud/1") == "https://uploads.pinata.cloud/1")
        for other in [
            "https://evil.example/1", "http://uploads.pinata.cloud/1", "https://uploads.pinata.cloud@evil.example/",
        ] {
            #expect(place(other) == nil, "\(other)")
        }
    }
}
