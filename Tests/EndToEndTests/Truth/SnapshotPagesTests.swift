import Foundation
import Samples
import TestKit
import Testing

/// What snapshots share is there as long as one of them needs it, and what of it is lost is told.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct SnapshotPagesTests {
    /// Adds files of these numbers, each pinned under its name.
    private func add(_ numbers: Range<Int>, _ user: User) async throws {
        let paths = numbers.map { user.folder + "/file-\($0)" }
        for (number, path) in zip(numbers, paths) { try write(Array("small \(number)".utf8), to: path) }
        let added = try await user.attempt(["add", "--quiet"] + paths)
        #expect(added.code == 0, "\(added.errorText)")
    }

    private func pages(on disk: String) throws -> [String] {
        try Trees.files(in: disk).filter { $0.hasPrefix("kits/") && $0.contains("/pages/") }
    }

    /// The bytes of everything on a disk.
    private func length(of disk: String) throws -> Int {
        try Trees.files(in: disk).reduce(0) { try $0 + bytes(at: "\(disk)/\($1)").count }
    }

    @Test func whatIsSentIsAllThatWasSent() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await add(0..<300, user)
        let first = try await user.json("sync").backends[0]
        #expect(first.bytes_sent.int == (try length(of: disk)))
        try await add(300..<301, user)
        let before = try length(of: disk)
        let second = try await user.json("sync").backends[0]
        let sent = try #require(second.bytes_sent.int)
        #expect(try sent == length(of: disk) - before)
        #expect(sent < 20_000, "\(sent)")
        #expect(try await user.json("sync").backends[0].bytes_sent.int == 0)
    }

    /// Pages without the snapshot that they were left with show that there was a newer one.
    @Test func thatTheNewestSnapshotIsGoneIsSaid() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await add(0..<300, user)
        try await user.run("sync")
        try await add(300..<600, user)
        try await user.run("sync")
        let snapshots = try await user.json("snapshot", "list", "disk").snapshots.items.compactMap(\.name.text)
        try FileManager.default.removeItem(atPath: disk + "/" + (try #require(snapshots.max())))
        let fresh = try await User.ready("fresh")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
        let recovered = try await fresh.json("recover", "--from", "disk")
        let last = try #require(pages(on: disk).max())
        #expect(recovered.warnings.items.contains { $0.text?.contains(last) == true }, "\(recovered.warnings)")
        #expect(try await fresh.pins() == user.pins())
    }

    @Test func aDamagedPageIsToldAndTheRestIsRecovered() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await add(0..<300, user)
        try await user.run("sync")
        try await add(300..<302, user)
        try await user.run("sync")
        let page = try #require(try pages(on: disk).first)
        try flip("\(disk)/\(page)", at: 9000)
        let fresh = try await User.ready("fresh")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", disk)
        let recovered = try await fresh.json("recover", "--from", "disk", code: 6)
        #expect(recovered.lost_snapshots.items.count == 2)
        #expect(recovered.warnings.items.contains { $0.text?.contains("No snapshot is whole") == true })
        // What no page says is there by its content, without its name.
        #expect(try await fresh.pins() == user.pins())
        let names = try await fresh.json("pin", "ls").pins.items.compactMap(\.name.text)
        #expect(names.contains("") && names.count { $0.hasPrefix("file-") } > 250, "\(names.count { $0.isEmpty })")
        let shown = try await fresh.attempt(["snapshot", "show", "disk"])
        #expect(shown.code == 10, "\(shown.errorText)")
        // The home that left them sends all of it anew, when it is told to look.
        try await user.run("sync", "--force")
        try await user.run("snapshot", "show", "disk")
    }

    @Test func aKilledSyncLeavesNoSnapshotThatCannotBeRead() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await add(0..<300, user)
        try await user.run("sync")
        var numbers = SeededNumbers(seed: 7)
        var kills = 0
        for round in 1...12 {
            try await add(300 * round..<300 * round + 60, user)
            // What has to be stored goes first, so that the kill comes where the snapshot is left.
            if round % 2 == 0 { try await user.run("sync") }
            try await user.run("backend", "mark-dirty", "disk")
            let moment = Duration.milliseconds(Int.random(in: 5..<120, using: &numbers))
            if try await user.attempt(["sync"], timeout: moment).code == 128 + 9 { kills += 1 }
            let ids = try await user.json("snapshot", "list", "disk").snapshots.items.compactMap(\.id.text)
            #expect(!ids.isEmpty)
            for id in ids { try await user.run("snapshot", "show", "disk", id, "--quiet") }
        }
        #expect(kills > 0)
        try await user.run("sync")
        try await user.run("sync", "--force")
        // What nobody needs goes with the snapshots that needed it.
        for _ in 1...3 {
            try await user.run("backend", "mark-dirty", "disk")
            try await user.run("sync")
        }
        #expect(try pages(on: disk).count == 1)
    }

    @Test func aPruneLeavesWhatSnapshotsOfAnyHomeNeed() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await add(0..<300, user)
        try await user.run("sync")
        let other = try user.copied("other")
        try await add(300..<500, user)
        try await user.run("sync")
        // A copy of the home knows less than the one that went on, so it takes that over before it leaves its own.
        try await other.run("recover", "--from", "disk")
        try await add(500..<600, other)
        try await other.run("sync")
        try await add(600..<601, user)
        try await user.run("recover", "--from", "disk")
        try await user.run("sync")
        func snapshots() async throws -> [String] {
            // What the other home did is seen by who asks.
            try await user.json("snapshot", "list", "disk", "--fresh").snapshots.items.compactMap(\.id.text)
        }
        #expect(try await snapshots().count >= 4)
        let before = try pages(on: disk)
        try await other.run("snapshot", "prune", "disk", "--keep", "1")
        let left = try await snapshots()
        #expect(left.count == 2)
        for id in left {
            let shown = try await user.json("snapshot", "show", "disk", id)
            #expect(shown.pins.items.count >= 600)
        }
        let after = try pages(on: disk)
        #expect(!after.isEmpty && Set(after).isSubset(of: Set(before)))
        // Both go on, and what they leave is whole.
        for one in [user, other] {
            try await one.run("recover", "--from", "disk")
            try await one.run("sync", "--force")
        }
        for id in try await snapshots() {
            #expect(try await user.json("snapshot", "show", "disk", id).pins.items.count >= 600)
        }
    }
}
