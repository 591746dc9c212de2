import Foundation
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
        var generator = Chance(state: seed)
        var kept: [String: Int] = [:]
        var killed = 0
        var longest = try await measure(user)
        for round in 0..<rounds {
            let count = 6_000_000 + Int.random(in: 0..<2_000_000, using: &generator)
            try write(sample(count, seed: UInt64(round + 1)), to: user.folder + "/content")
            let before = killed
            let moment = Duration.milliseconds(Int.random(in: 1..<longest, using: &generator))
            switch round % 3 {
            case 0, 1:
                let added = try await user.attempt(["add", user.folder + "/content", "--quiet"], timeout: moment)
                if let root = Self.root(added) { kept[root] = round }
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
                if let root = Self.root(again) { kept[root] = round }
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
        try write(sample(8_000_000, seed: 1 << 32), to: user.folder + "/content")
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
    private func compare(_ user: User, _ kept: [String: Int]) async throws {
        let fresh = try await User.ready("last")
        try await fresh.run("backend", "create", "disk", "filesystem", "--path", user.folder + "/disk")
        try await fresh.run("recover", "--from", "disk")
        #expect(try await fresh.pins() == (try await user.pins()))
        for (root, round) in kept.sorted(by: { $0.value < $1.value }) {
            let content = try await user.run("cat", root).output
            #expect([UInt8](content.prefix(20_000)) == sample(20_000, seed: UInt64(round + 1)))
            #expect(try await fresh.run("cat", root).output == content)
        }
    }

    private static func root(_ result: ProcessResult) -> String? {
        let text = result.text.trimmingCharacters(in: .whitespacesAndNewlines)
        return result.text.hasSuffix("\n") && !text.isEmpty ? text : nil
    }
}

/// Chance that can be repeated.
struct Chance: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
