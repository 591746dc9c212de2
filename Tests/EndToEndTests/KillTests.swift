import Foundation
import Samples
import TestKit
import Testing

/// The program is killed at moments that chance chooses: what it acknowledged is there, and the next run ends well.
@Suite(.scratch, .timeLimit(.minutes(15))) struct KillTests {
    /// How often it is killed; `IPFS_KIT_KILLS` says otherwise.
    private let rounds = Int(ProcessInfo.processInfo.environment["IPFS_KIT_KILLS"] ?? "") ?? 25
    /// `IPFS_KIT_SEED` repeats a run.
    private let seed = UInt64(ProcessInfo.processInfo.environment["IPFS_KIT_SEED"] ?? "") ?? 20_261_121

    @Test func nothingAcknowledgedIsLost() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        var generator = SeededNumbers(seed: seed)
        var kept: [String: Content] = [:]
        var killed = 0
        var longest = try await measure(user)
        for round in 0..<rounds {
            let count = 6_000_000 + Int.random(in: 0..<2_000_000, using: &generator)
            let content = Content(round: round, count: count)
            try write(content.bytes, to: user.folder + "/content")
            let before = killed
            let moment = Duration.milliseconds(Int.random(in: 1..<longest, using: &generator))
            switch round % 3 {
            case 0, 1:
                let added = try await user.attempt(["add", user.folder + "/content", "--quiet"], timeout: moment)
                if let root = Self.root(added) { kept[root] = content }
                killed += added.timedOut ? 1 : 0
                if round % 3 == 1 {
                    let result = try await user.attempt(["sync", "disk"], timeout: moment)
                    killed += result.timedOut ? 1 : 0
                }
            default:
                killed += try await recoverKilled(from: user, moment, round)
            }
            // Where commands were done before, the next ones are killed earlier: what else the machine does changes.
            longest = killed > before ? min(longest * 6 / 5, 2000) : max(longest * 3 / 4, 8)
            let pins = Set(try await user.pins())
            #expect(kept.keys.allSatisfy(pins.contains), "round \(round), seed \(seed)")
            // The same content once more: the run after a kill finishes.
            if round % 5 == 4 {
                let again = try await user.run("add", user.folder + "/content", "--quiet")
                if let root = Self.root(again) { kept[root] = content }
                try await user.run("sync")
            }
        }
        // How many come in time depends on what else the machine does.
        #expect(killed > rounds / 8, "the moments were too late: \(killed) of \(rounds)")
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == (try await user.pins().count))
        try await compare(user, kept)
    }

    /// How long a command with much to do takes here, in milliseconds.
    private func measure(_ user: User) async throws -> Int {
        try write(sampleBytes(8_000_000, seed: 1 << 32), to: user.folder + "/content")
        let duration = try await ContinuousClock().measure {
            try await user.run("add", user.folder + "/content", "--quiet")
        }
        return max(10, Int(duration / .milliseconds(1)))
    }

    /// Recovers into a new home, kills it, and lets the next run finish; returns 1 when it was killed in time.
    private func recoverKilled(from user: User, _ moment: Duration, _ round: Int) async throws -> Int {
        guard try await user.attempt(["sync"]).code == 0, try await !user.pins().isEmpty else { return 0 }
        let fresh = try await User.ready("fresh-\(round)")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", user.folder + "/disk")
        let result = try await fresh.attempt(["recover", "--from", "disk"], timeout: moment)
        try await fresh.run("recover", "--from", "disk")
        #expect(try await fresh.pins() == (try await user.pins()))
        try FileManager.default.removeItem(atPath: fresh.folder)
        return result.timedOut ? 1 : 0
    }

    /// Every root is the same in the store and in a home that was recovered.
    private func compare(_ user: User, _ kept: [String: Content]) async throws {
        let fresh = try await User.ready("last")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", user.folder + "/disk")
        try await fresh.run("recover", "--from", "disk")
        #expect(try await fresh.pins() == (try await user.pins()))
        for (root, content) in kept {
            // Compared outside of the expectation: what differs is of no use to a reader, and has megabytes.
            let isThere = try await user.run("cat", root).output == Data(content.bytes)
            #expect(isThere, "round \(content.round), seed \(seed)")
            let isThereToo = try await fresh.run("cat", root).output == Data(content.bytes)
            #expect(isThereToo, "round \(content.round), seed \(seed), recovered")
        }
    }

    private static func root(_ result: ProcessResult) -> String? {
        let text = result.text.trimmingCharacters(in: .whitespacesAndNewlines)
        return result.text.hasSuffix("\n") && !text.isEmpty ? text : nil
    }
}

/// What was added in a round.
private struct Content {
    let round: Int
    let count: Int

    var bytes: [UInt8] { sampleBytes(count, seed: UInt64(round + 1)) }
}
