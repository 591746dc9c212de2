import Foundation
import TestKit
import Testing

/// What tests need that read from a Kubo node or a backend.
protocol FromSources {}

extension FromSources {
    /// Adds content to a node, pinned there under a name; its CID.
    func give(_ node: KuboServer, _ bytes: [UInt8], name: String = "") async throws -> String {
        let answer = try await node.command("add?cid-version=1&pin=true&raw-leaves=true", file: bytes)
        let line = try #require(String(decoding: answer, as: UTF8.self).split(separator: "\n").last)
        let cid = try #require(try Answer.parse(String(line)).Hash.text)
        if !name.isEmpty { try await node.command("pin/add?arg=\(cid)&name=\(name)") }
        return cid
    }

    /// A CID that nobody has.
    var absent: String { "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy" }

    func configure(_ user: User, _ source: String) throws {
        try write(Array("version: '1'\nsource: \(source)\n".utf8), to: user.home + "/config/main.yaml")
    }

    /// A user whose content is read from the store and then from a node, with a backend `disk`.
    func ready(_ node: KuboServer, source: String? = nil) async throws -> User {
        let user = try await User.ready()
        try await user.createDisk("disk")
        try configure(user, source ?? "[store, kubo: '\(node.endpoint)']")
        return user
    }

    /// The CIDs that a block leads to.
    func links(_ user: User, _ root: String) async throws -> [String] {
        try await user.run("dag", "get", root).text.matches(of: /baf[a-z2-7]+/).map { String($0.output) }
    }

    func blocks(_ user: User) async throws -> Int? { try await user.json("store", "stat").blocks.int }

    func node(_ faults: String...) async throws -> KuboServer {
        try await KuboServer.start(faults.flatMap { ["--fault", $0] })
    }
}
