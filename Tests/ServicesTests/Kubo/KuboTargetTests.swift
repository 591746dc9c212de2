import Foundation
import Schema
import Storage
import TestKit
import Testing

@testable import Services

@Suite(.scratch, .inTurn) struct KuboTargetTests {
    private func target(
        _ values: [String: FieldValue] = [:],
        _ variables: [String: String] = [:]
    ) async throws -> KuboTarget {
        try await KuboTarget(try KuboSettings(values: values), environment: { variables[$0] })
    }

    @Test(arguments: [
        ("http://127.0.0.1:5001", "http://127.0.0.1:5001/api/v0"), ("127.0.0.1:5001", "http://127.0.0.1:5001/api/v0"),
        ("https://node.test/kubo/", "https://node.test/kubo/api/v0"), ("http://[::1]:5001", "http://[::1]:5001/api/v0"),
        ("http://node.test:5001/api/v0/", "http://node.test:5001/api/v0"),
        ("/ip4/127.0.0.1/tcp/5001", "http://127.0.0.1:5001/api/v0"), ("/ip6/::1/tcp/5001", "http://[::1]:5001/api/v0"),
        ("/dns4/node.test/tcp/443/https", "https://node.test/api/v0"),
        ("/dns/node.test/tcp/5001/tls/http", "https://node.test:5001/api/v0"),
    ]) func anAddressIsAURLOrAMultiaddr(_ text: String, _ url: String) async throws {
        let api = try await target(["api_url": .text(text)]).api
        #expect("\(api.scheme)://\(api.host)\(api.path)" == url)
    }

    @Test(arguments: [
        "http://user:secret@node.test:5001", "ftp://node.test", "/unix/run/kubo.sock", "/ip4/127.0.0.1/udp/5001/quic",
        "/ip4/127.0.0.1/tcp/70000", "/ip4/127.0.0.1", "http://node.test/?a=secret", "/dns4/no de/tcp/1", "http://",
    ]) func anAddressOfAnotherKindIsRefused(_ text: String) async throws {
        let error = try #require(await failure { _ = try await target(["api_url": .text(text)]) })
        #expect(error.code == .badSettings && !error.message.contains("secret"))
    }

    /// What stands nearest counts: the settings, the variable, and then what a running node left.
    @Test func theNodeIsFoundByWhatItLeft() async throws {
        let repository = Scratch.current + "/repository"
        try FileManager.default.createDirectory(atPath: repository, withIntermediateDirectories: true)
        try Data("/ip4/127.0.0.1/tcp/5009\n".utf8).write(to: URL(filePath: repository + "/api"))
        var variables = ["IPFS_PATH": repository, "HOME": Scratch.current]
        #expect(try await target([:], variables).api.host == "127.0.0.1:5009")
        variables["IPFS_API_URL"] = "http://127.0.0.1:5008"
        #expect(try await target([:], variables).api.host == "127.0.0.1:5008")
        #expect(try await target(["api_url": .text("http://127.0.0.1:5007")], variables).api.host == "127.0.0.1:5007")
        // Without IPFS_PATH it is the usual place.
        let usual = ["HOME": Scratch.current]
        let missing = try #require(await failure { _ = try await target([:], usual) })
        #expect(missing.code == .badSettings && missing.message.contains("\(Scratch.current)/.ipfs/api"))
        try FileManager.default.moveItem(atPath: repository, toPath: Scratch.current + "/.ipfs")
        #expect(try await target([:], usual).api.host == "127.0.0.1:5009")
    }

    @Test func whatANodeAsksForIsSentAsItWantsIt() async throws {
        func header(_ text: String) async throws -> String? {
            try await target(["api_url": .text("http://127.0.0.1:1"), "api_auth": .text(text)]).authorization
        }
        #expect(try await header("bearer:to-ken:1") == "Bearer to-ken:1")
        #expect(try await header("basic:me:pass:word") == "Basic bWU6cGFzczp3b3Jk")
        #expect(try await header("") == nil)
        for text in ["to-ken-1", "bearer:", "bearer:two words", "basic:only-one", "digest:a:b"] {
            let error = try #require(await failure { _ = try await header(text) })
            #expect(error.code == .badSettings && (text == "bearer:" || !error.message.contains(text)))
        }
    }

    @Test(arguments: ["ipfs-kit", "/", "", "/a/../b", "/a/./b", "/a\nb"])
    func aFolderLiesBelowTheRoot(_ folder: String) async throws {
        let values: [String: FieldValue] = ["api_url": .text("http://127.0.0.1:1"), "folder": .text(folder)]
        #expect(await failure { _ = try await target(values) }?.code == .badSettings)
    }

    private func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }
}
