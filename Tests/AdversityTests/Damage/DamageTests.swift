import Foundation
import TestKit
import Testing

extension Adversity {
    /// Files of a home and of its backends are damaged: what was there is repaired, or refused with what repairs it.
    ///
    /// Wrong bytes never come, and no command says 0 over a loss.
    @Suite(.memoryScratch, .serialized, .timeLimit(.minutes(240))) struct DamageTests {
        @Test func aCopyThatIsNotTheArchiveIsTold() async throws {
            let world = try await World.make(in: Scratch.current + "/world")
            let archive = try #require(world.roots["tree"]?.archive)
            let parts = try Archive.parts(archive)
            for left in 1..<parts.count {
                let lacking = parts.enumerated().filter { $0.offset != left }.reduce(Data()) { $0 + $1.element.frame }
                try lacking.write(to: URL(filePath: "\(world.disk("left"))/cars/\(world.cid("tree")).car"))
                let verified = try await world.user.json("verify", "left", code: 10)
                #expect(
                    verified.backends[0].damaged.items.compactMap(\.cid.text) == [world.cid("tree")],
                    "part \(left)"
                )
            }
            // Every block is there, but it is not the archive of that root, or does not end where it should.
            let other = try Archive.parts(try #require(world.roots["small"]?.archive))[0].frame
            for strange in [
                other + archive.dropFirst(parts[0].frame.count), archive + Data([0x50, 1, 0x55, 0x12, 0x20, 7]),
            ] {
                try Data(strange).write(to: URL(filePath: "\(world.disk("left"))/cars/\(world.cid("tree")).car"))
                try await world.user.run("verify", "left", code: 10)
            }
            try await world.user.run("sync")
            #expect(world.isWhole(world.cid("tree"), on: "left"))
        }

        @Test func damageIsRepairedOrTold() async throws {
            let folder = Scratch.current
            let originals = [
                try await Original.make(in: folder + "/untidy", isTidy: false),
                try await Original.make(in: folder + "/tidy", isTidy: true),
            ]
            let numbers = try Options.damage.map { [try #require(Int($0))] } ?? Array(0..<Options.damages)
            let runs = numbers.map { DamageRun(original: originals[$0 % 2], number: $0, folder: folder) }
            let results = try await sideBySide(runs) { try await $0.run() }
            results.flatMap(\.alarms).report("IPFS_KIT_DAMAGE")
            let commands = results.reduce(0) { $0 + $1.commands }
            let hints = results.reduce(0) { $0 + $1.hintsFollowed }
            print("   damage: \(runs.count) homes, \(commands) commands, \(hints) hints followed, seed \(Options.seed)")
        }
    }
}
