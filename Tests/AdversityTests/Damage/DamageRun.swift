import Foundation
import Samples
import TestKit
import Testing

/// One damaged copy of a world, and what its owner does then.
struct DamageRun: Sendable {
    let original: Original
    /// Which one; with the seed it says everything.
    let number: Int
    let folder: String

    /// What came of it.
    struct Result: Sendable {
        var alarms: [Alarm] = []
        var commands = 0
        var hintsFollowed = 0
    }

    /// Damages a copy, and uses it as an owner would.
    @concurrent
    func run() async throws -> Result {
        var world = try await original.world.copy(to: "\(folder)/damaged-\(number)")
        defer { world.remove() }
        var numbers = SeededNumbers(seed: Options.seed &* 1_000_003 &+ UInt64(number))
        let damages = try damage(world, &numbers)
        var session = DamageSession(original: original, damages: damages)
        // Removals come first, in a copy of its own: what they take away must not come back from a backend.
        try await session.collects(try await world.copy(to: world.folder + "-gc"))
        try await session.follows(try await world.copy(to: world.folder + "-hints"))
        try await session.looks(&world)
        try await session.recovers(world, damages.first.map { $0.path.hasPrefix("right") } == true ? "right" : "left")
        try await session.repairs(&world)
        let told = "\(number): " + damages.map(\.text).joined(separator: ", ")
        var result = session.result
        result.alarms = result.alarms.map { alarm in
            let text = alarm.text.replacingOccurrences(of: world.folder, with: "").replacingOccurrences(
                of: folder,
                with: ""
            )
            let sites = Set(damages.map(\.site.rawValue)).sorted().joined(separator: " and ")
            return Alarm(run: "\(number)", kind: "\(alarm.kind): damaged \(sites)", text: "\(told)\n    \(text)")
        }
        return result
    }

    /// Damages one file, now and then two, of all kinds in turn.
    private func damage(_ world: World, _ numbers: inout SeededNumbers) throws -> [DamagedFile] {
        var done: [DamagedFile] = []
        let wanted = number % 16 > 13 ? 2 : 1
        var turn = number
        while done.count < wanted {
            let (site, kind) = original.turns[turn % original.turns.count]
            // What cannot be done to a file is replaced by something else.
            turn = Int.random(in: original.turns.indices, using: &numbers)
            guard let path = original.files[site]?.randomElement(using: &numbers),
                !done.contains(where: { $0.path == path }),
                let text = try kind.apply(
                    to: path,
                    of: world,
                    like: original.files[site] ?? [],
                    older: original.older,
                    &numbers
                )
            else { continue }
            done.append(DamagedFile(path: path, site: site, damage: kind, text: text))
        }
        return done
    }
}

/// A file that was damaged.
struct DamagedFile: Sendable {
    let path: String
    let site: Site
    let damage: Damage
    let text: String

    /// Whether nobody can tell that something else was there: a file that is whole, but not the newest, or gone.
    var cannotBeSeen: Bool { [.missing, .old, .renamed, .swapped, .doubled].contains(damage) }
}
