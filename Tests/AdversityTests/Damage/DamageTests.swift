import Foundation
import TestKit
import Testing

/// Files of a home and of its backends are damaged: what was there is repaired, or refused with what repairs it.
///
/// Wrong bytes never come, and no command says 0 over a loss.
@Suite(.memoryScratch, .serialized, .timeLimit(.minutes(240))) struct DamageTests {
    @Test func aCopyThatLacksOneBlockIsTold() async throws {
        let world = try await World.make(in: Scratch.current + "/world")
        let archive = try #require(world.roots["tree"]?.archive)
        let parts = try Archive.parts(archive)
        for left in 1..<parts.count {
            let lacking = parts.enumerated().filter { $0.offset != left }.reduce(Data()) { $0 + $1.element.frame }
            try lacking.write(to: URL(filePath: "\(world.disk("left"))/cars/\(world.cid("tree")).car"))
            let verified = try await world.user.json("verify", "left", code: 10)
            #expect(verified.backends[0].damaged.items.compactMap(\.cid.text) == [world.cid("tree")], "part \(left)")
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
