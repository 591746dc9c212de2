import Foundation
import Samples
import TestKit
import Testing

extension Adversity {
    /// Eight processes commit to one catalog, check-point it, close and open it and are killed.
    ///
    /// SQLite before 3.51.3 may lose commits that it acknowledged where a check-point meets the reset of the log by
    /// another connection. Whatever the library does, nothing that was acknowledged is lost.
    @Suite(.memoryScratch, .serialized, .timeLimit(.minutes(30))) struct CatalogStressTests {
        @Test func noCommitIsLost() async throws {
            let user = try await User.ready()
            let catalog = user.home + "/catalog.sqlite"
            let end = ContinuousClock.now + .seconds(Options.stress)
            let writers = try await withThrowingTaskGroup(of: Writer.self) { group in
                for number in 1...8 {
                    group.addTask {
                        var writer = Writer(number: UInt64(number))
                        while ContinuousClock.now < end { try await writer.live(on: catalog) }
                        return writer
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let names = Set(try await user.json("pin", "ls").pins.items.compactMap(\.name.text))
            for writer in writers {
                let alarms = writer.alarms + writer.compare(names)
                #expect(alarms.isEmpty, "writer \(writer.number), seed by writer and life: \(alarms.prefix(5))")
            }
            let pins = names.count
            #expect(try await SQLiteFile.problems(catalog, pins: pins) == [])
            let commits = writers.reduce(0) { $0 + $1.commits }
            let lives = writers.reduce(0) { $0 + $1.lives }
            #expect(commits > 100)
            print(
                "   catalog stress: \(commits) commits in \(lives) lives of 8 processes in \(Options.stress) s, \(pins) pins kept"
            )
        }
    }
}

/// One writer: what it acknowledged in all of its lives.
private struct Writer: Sendable {
    let number: UInt64
    var lives: UInt64 = 0
    var commits = 0
    /// Pins that were acknowledged; pins whose removal was; and those of which nobody knows.
    var kept: Set<UInt64> = []
    var gone: Set<UInt64> = []
    var undecided: Set<UInt64> = []
    var alarms: [String] = []

    init(number: UInt64) { self.number = number }

    /// Runs for a while that chance chooses, and is killed.
    mutating func live(on catalog: String) async throws {
        lives += 1
        var numbers = SeededNumbers(seed: Options.seed &+ number << 32 &+ lives)
        let program = try #require(Programs.built("kit-catalog"))
        let result = try await ProcessRunner.run(
            program,
            [catalog, "\(number)", "\(lives)"],
            timeout: .milliseconds(Int.random(in: 100...2500, using: &numbers))
        )
        // It lives until it is killed; whatever ends it before is a failure, but to be too busy.
        if !result.timedOut { alarms.append("life \(lives) ended with \(result.code): \(result.errorText)") }
        for line in result.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() { take(line) }
    }

    private mutating func take(_ line: Substring) {
        let words = line.split(separator: " ")
        guard words.count == 4, let first = UInt64(words[2]), let count = UInt64(words[3]) else {
            return alarms.append("life \(lives) says \(line)")
        }
        let range = Set(first..<(first + count))
        undecided.formSymmetricDifference(range)
        guard words[0] == "=" else { return }
        commits += 1
        if words[1] == "+" { kept.formUnion(range) } else { gone.formUnion(range) }
        if words[1] == "-" { kept.subtract(range) }
    }

    /// What is not in the list of names as it was acknowledged.
    func compare(_ names: Set<String>) -> [String] {
        let there = Set(
            names.compactMap { name -> UInt64? in
                let parts = name.split(separator: " ")
                return parts.count == 2 && UInt64(parts[0]) == number ? UInt64(parts[1]) : nil
            }
        )
        let lost = kept.subtracting(there).subtracting(undecided).sorted().map { "\($0) is lost" }
        let back = gone.intersection(there).sorted().map { "\($0) is back" }
        let strange = there.subtracting(kept).subtracting(gone).subtracting(undecided).sorted()
        return lost + back + strange.map { "\($0) came from nowhere" }
    }
}
