import Foundation
import Samples
import TestKit
import Testing

/// The life of a backend on a server that keeps named bytes, from its first day to its last, with the program that
/// people get.
struct WholeLife {
    /// The word for the type.
    let type: String
    /// The settings, as flags.
    let flags: [String]
    /// Where the server keeps the files of the backend, on a disk of this machine; nil where it does not see what
    /// others change there.
    let folder: String?
    /// Takes a file of the backend away, by its path in the folder.
    let lose: @Sendable (String) async throws -> Void

    private static let (small, large) = (30, sampleBytes(3 << 20))

    func run() async throws {
        let owner = try await user("owner")
        try await owner.run("backend", "test", "box")
        let (roots, largest) = try await sync(owner)
        if let folder { try await repair(owner, roots, in: folder) }
        try await restore(owner, largest)
        try await recover(roots, largest)
        try await remove(owner)
    }

    private func user(_ name: String) async throws -> User {
        let user = try await User.ready(name)
        let created = try await user.attempt(["backend", "create", "box", type] + flags)
        #expect(created.code == 0, "\(created.errorText)")
        return user
    }

    /// Stores pins, and what is added later; gives the roots, and the one of several blocks.
    private func sync(_ owner: User) async throws -> (roots: [String], largest: String) {
        var roots: [String] = []
        for number in 0..<Self.small { roots.append(try await owner.add(sampleBytes(2000 + number))) }
        let large = try await owner.add(Self.large)
        let first = try await owner.json("sync").backends[0]
        #expect(first.uploaded.int == Self.small + 1 && first.status.text == "synced", "\(first)")
        #expect(first.bytes_sent.int ?? 0 > first.bytes_uploaded.int ?? .max, "\(first)")
        // What was there and is sent anew, is listed; and so is who else is there.
        roots.append(try await owner.add(sampleBytes(77)))
        #expect(try await owner.json("sync").backends[0].uploaded.int == 1)
        let forced = try await owner.json("sync", "--force").backends[0]
        #expect(forced.adopted.int == Self.small + 2 && forced.uploaded.int == 0, "\(forced)")
        #expect(try await owner.json("verify").backends[0].whole.int == Self.small + 2)
        #expect(try await owner.json("snapshot", "list", "box").snapshots.items.count == 3)
        #expect(try await owner.run("backend", "certify", "box").code == 0)
        return (roots, large)
    }

    /// What is damaged on the server, or gone from it, is found and sent again.
    private func repair(_ owner: User, _ roots: [String], in folder: String) async throws {
        let files = try Trees.files(in: folder).filter { $0.hasSuffix(".car") }
        let damaged = try #require(files.first { $0.hasSuffix(roots[0] + ".car") })
        let missing = try #require(files.first { $0.hasSuffix(roots[1] + ".car") })
        var content = try bytes(at: "\(folder)/\(damaged)")
        content[content.count / 2] ^= 0x40
        try write(content, to: "\(folder)/\(damaged)")
        try await lose(missing)
        let found = try await owner.json("verify", code: 10).backends[0]
        #expect(found.corrupt.int == 1 && found.missing.int == 1, "\(found)")
        let repaired = try await owner.json("sync").backends[0]
        #expect(repaired.uploaded.int == 2, "\(repaired)")
        #expect(try await owner.json("verify").backends[0].whole.int == roots.count + 1)
    }

    /// The store is lost, and comes back from the server.
    private func restore(_ owner: User, _ large: String) async throws {
        try FileManager.default.removeItem(atPath: owner.home + "/store/packs")
        try await owner.run("store", "rebuild-index", code: 10)
        try await owner.run("restore")
        #expect([UInt8](try await owner.attempt(["cat", large]).output) == Self.large)
    }

    /// A home that has nothing but the server has everything again, and prunes what it does not want.
    private func recover(_ roots: [String], _ large: String) async throws {
        let fresh = try await user("fresh")
        let part = ["cat", large, "--from", "box", "--offset", "1500000", "--length", "4096"]
        #expect([UInt8](try await fresh.attempt(part).output) == Array(Self.large[1_500_000..<1_504_096]))
        try await fresh.run("recover", "--from", "box")
        #expect(try await Set(fresh.pins()) == Set(roots + [large]))
        #expect([UInt8](try await fresh.attempt(["cat", large]).output) == Self.large)

        // The other home was at work there: nothing is removed before it is said to be gone.
        try await fresh.run("pin", "rm", try #require(roots.last))
        try await fresh.run("sync")
        for peer in try await fresh.json("backend", "peers", "box").peers.items {
            if let home = peer.home.text { _ = try await fresh.attempt(["backend", "peers", "forget", home]) }
        }
        let pruned = try await fresh.json("sync", "--prune").backends[0]
        #expect(pruned.removed.int == 1, "\(pruned)")
    }

    private func remove(_ owner: User) async throws {
        try await owner.run("backend", "remove", "box", "--force")
        #expect(try await owner.json("backend", "list").backends.items.isEmpty)
    }
}
