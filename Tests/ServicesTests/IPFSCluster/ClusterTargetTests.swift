import Foundation
import Schema
import Storage
import TestKit
import Testing

@testable import Services

@Suite(.scratch, .inTurn) struct ClusterTargetTests {
    private func target(
        _ values: [String: FieldValue] = [:],
        _ variables: [String: String] = [:]
    ) throws -> ClusterTarget {
        try ClusterTarget(try ClusterSettings(values: values), environment: { variables[$0] })
    }

    private func problem(_ values: [String: FieldValue], _ variables: [String: String] = [:]) -> StorageError? {
        do {
            _ = try target(values, variables)
            return nil
        } catch {
            return error as? StorageError
        }
    }

    private func api(_ values: [String: FieldValue], _ variables: [String: String] = [:]) throws -> String {
        let api = try target(values, variables).api
        return "\(api.scheme)://\(api.host)\(api.path)"
    }

    @Test func theAPIIsWhereSomethingSaysItIs() throws {
        #expect(try api([:]) == "http://127.0.0.1:9094")
        #expect(try api(["api_url": .text("https://cluster.test/api/")]) == "https://cluster.test/api")
        #expect(try api(["api_url": .text("/ip4/10.0.0.1/tcp/9094")]) == "http://10.0.0.1:9094")
        #expect(try api(["endpoint": .text("cluster.test:9094")]) == "http://cluster.test:9094")
        var variables = ["CLUSTER_RESTAPI_HTTPLISTENMULTIADDRESS": "/ip4/0.0.0.0/tcp/9194,/ip4/10.0.0.1/tcp/9194"]
        #expect(try api([:], variables) == "http://127.0.0.1:9194")
        variables["CLUSTER_API_URL"] = "http://127.0.0.1:9294"
        #expect(try api([:], variables) == "http://127.0.0.1:9294")
        variables["IPFS_CLUSTER_API_URL"] = "http://127.0.0.1:9394"
        #expect(try api([:], variables) == "http://127.0.0.1:9394")
        #expect(try api(["api_url": .text("http://127.0.0.1:1")], variables) == "http://127.0.0.1:1")
    }

    @Test func olderSpellingsAreRead() throws {
        let values: [String: FieldValue] = [
            "api_endpoint": .text("http://127.0.0.1:5"), "replication_factor_min": .integer(2),
            "replication_factor_max": .integer(3), "username": .text("me"), "password": .text("a-word"),
        ]
        let settings = try ClusterSettings(values: named(values))
        #expect(settings.apiURL == "http://127.0.0.1:5" && settings.factors == (2, 3) && settings.user == "me")
        #expect(try ClusterSettings(values: named(["auth_token": .text("to-ken")])).token == "to-ken")
        #expect(try ClusterSettings(values: named(["replication_factor": .integer(2)])).factors == (2, 2))
    }

    /// The values by the names that fields have now.
    private func named(_ values: [String: FieldValue]) -> [String: FieldValue] {
        Dictionary(
            uniqueKeysWithValues: values.map { name, value in
                (ClusterSettings.fieldInfo.first { $0.aliases.contains(name) }?.name ?? name, value)
            }
        )
    }

    @Test(arguments: [
        ["api_url": FieldValue.text("ftp://x")], ["api_url": .text("http://me:secret@host:9094")],
        ["proxy_url": .list(["http://x", "/unix/socket"])], ["gateway_url": .list(["http://x/?a=secret"])],
        ["replication_min": .integer(3), "replication_max": .integer(2)],
        ["replication_min": .integer(-1), "replication_max": .integer(2)], ["pin_metadata": .list(["no-equals"])],
        ["pin_metadata": .list(["ipfs-kit=another"])], ["peers": .list(["12D3 KooW"])],
        ["pin_timeout": .integer(100_000)], ["api_url": .text("http://a:1"), "endpoint": .text("http://b:1")],
        ["user": .text("a:b"), "password": .text("secret")], ["bearer_token": .text("two secret")],
        ["user": .text("me"), "password": .text("secret"), "bearer_token": .text("secret")],
    ]) func whatCanNeverBeRightIsRefused(_ values: [String: FieldValue]) throws {
        let error = try #require(problem(values))
        #expect(error.code == .badSettings && !error.message.contains("secret"))
    }

    @Test func secretsAreShownWhereNobodyElseReadsThem() throws {
        func access(_ values: [String: FieldValue]) throws -> ClusterTarget.Access { try target(values).access }
        let pair: [String: FieldValue] = ["user": .text("me"), "password": .text("pass:word")]
        #expect(try access(pair) == .shown("Basic bWU6cGFzczp3b3Jk"))
        #expect(try access(pair.merging(["token_login": .flag(true)]) { $1 }) == .login("Basic bWU6cGFzczp3b3Jk"))
        #expect(try access(["bearer_token": .text("to-ken")]) == .shown("Bearer to-ken"))
        #expect(try access([:]) == .none)
        let far: [String: FieldValue] = ["api_url": .text("http://cluster.test:9094")]
        #expect(problem(far.merging(pair) { $1 })?.message.contains("plain_credentials") == true)
        #expect(try access(far.merging(pair.merging(["plain_credentials": .flag(true)]) { $1 }) { $1 }) != .none)
        let near: [String: FieldValue] = ["api_url": .text("https://cluster.test"), "bearer_token": .text("t")]
        #expect(try access(near) == .shown("Bearer t"))
    }

    @Test func variablesAreOfTheAPIThatTheyName() throws {
        let pair = ["CLUSTER_CREDENTIALS": "me:word"]
        let shown = ClusterTarget.Access.shown("Basic bWU6d29yZA==")
        #expect(try target([:], pair).access == shown)
        #expect(try target(["api_url": .text("http://127.0.0.1:9095")], pair).access == .none)
        #expect(try target(["api_url": .text("https://elsewhere.test")], pair).access == .none)
        let named = pair.merging(["CLUSTER_API_URL": "https://cluster.test"]) { $1 }
        #expect(try target(["api_url": .text("https://cluster.test")], named).access == shown)
        #expect(try target(["api_url": .text("http://127.0.0.1:9094")], named).access == .none)
        let server = ["CLUSTER_RESTAPI_BASICAUTHCREDENTIALS": "me:word,you:other"]
        #expect(try target([:], server).access == shown)
        let both = ["IPFS_CLUSTER_TOKEN": "t", "CLUSTER_CREDENTIALS": "a:b"]
        #expect(try target([:], both).access == .shown("Bearer t"))
        #expect(try target(["bearer_token": .text("own")], pair).access == .shown("Bearer own"))
    }

    @Test func contentIsReadWhereSettingsSay() throws {
        let values: [String: FieldValue] = [
            "proxy_url": .list(["http://127.0.0.1:9095", "/ip4/127.0.0.1/tcp/9095", "http://127.0.0.1:5001/api/v0"]),
            "gateway_url": .list(["http://127.0.0.1:8080/"]),
        ]
        let target = try target(values)
        let proxies = ["http://127.0.0.1:9095/api/v0", "http://127.0.0.1:5001/api/v0"]
        #expect(target.proxies.map { $0.url($0.path) } == proxies)
        #expect(target.gateways.map { $0.url($0.path) } == ["http://127.0.0.1:8080"])
    }

    /// A cluster is the same one as long as some peers stay, also for the next process.
    @Test func aClusterIsKnownByItsPeers() async throws {
        let folder = Scratch.current + "/state"
        let place = ClusterPlace(folder: folder)
        #expect(try await place.name(of: ["b", "c"]) == "b")
        #expect(try await place.name(of: ["a", "c"]) == "b")
        let next = ClusterPlace(folder: folder)
        #expect(try await next.name(of: ["a"]) == "b")
        #expect(try await next.name(of: ["x", "y"]) == "x")
        #expect(try await ClusterPlace(folder: folder).name(of: ["c", "d"]) == "b")
        #expect(try await ClusterPlace(folder: nil).name(of: ["d", "c"]) == "c")
        try write(Array("nonsense".utf8), to: folder + "/clusters.json")
        #expect(try await ClusterPlace(folder: folder).name(of: ["e"]) == "e")
    }

    private func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }
}
