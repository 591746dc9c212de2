import Foundation
import Samples
import TestKit
import Testing

/// What was acknowledged in one home by processes that run side by side, some of which are killed.
struct Crowd {
    /// What a process of the crowd does.
    enum Deed: Sendable {
        case add(seed: UInt64, count: Int)
        case remove(String)
        case command([String])

        /// The first words, under which times and codes are kept.
        var name: String {
            switch self {
            case .add: "add"
            case .remove: "pin rm"
            case .command(let words): words.prefix(2).joined(separator: " ")
            }
        }
    }

    /// What came of a deed.
    struct Outcome: Sendable {
        let deed: Deed
        let result: ProcessResult
        let took: Duration
    }

    /// What a root is.
    struct Content: Sendable {
        let seed: UInt64
        let count: Int
        var bytes: [UInt8] { sampleBytes(count, seed: seed) }
    }

    let user: User
    let backends: [String]
    private var numbers: SeededNumbers
    private var nextSeed: UInt64 = 1
    /// Pins that were acknowledged, with their content.
    private(set) var pinned: [String: Content] = [:]
    /// Pins whose removal was acknowledged.
    private var removed: [String: Content] = [:]
    /// Pins that a process that was killed may have removed.
    private var undecided: [String: Content] = [:]
    /// How long each kind of deed takes, in milliseconds.
    private var durations: [String: Double] = [:]
    private(set) var kills = 0
    private(set) var deeds = 0
    private(set) var alarms: [String] = []

    init(_ user: User, backends: [String], seed: UInt64) {
        (self.user, self.backends) = (user, backends)
        numbers = SeededNumbers(seed: seed)
    }

    /// How commands that nobody killed may end: another process may hold what they need, or remove what they look at.
    private static let codes: [String: Set<Int>] = [
        "add": [0, 11], "pin rm": [0, 4, 11], "sync": [0, 4, 5, 6, 11], "sync --prune": [0, 4, 5, 6, 11],
        "verify": [0, 4, 5, 11], "gc --waste": [0, 11], "restore": [0, 4, 5, 6, 11], "store rebuild-index": [0, 11],
        "pin ls": [0], "status": [0],
    ]

    /// Starts several processes at once, and kills most of them at moments that chance chooses.
    mutating func round(_ label: String) async throws {
        let deeds = choose()
        let timed = deeds.map { deed in (deed, moment(for: deed)) }
        for case .add(let seed, let count) in deeds {
            try write(sampleBytes(count, seed: seed), to: "\(user.folder)/content-\(seed)")
        }
        let user = user
        let outcomes = try await withThrowingTaskGroup(of: Outcome.self) { group in
            for (deed, moment) in timed { group.addTask { try await Self.run(deed, by: user, killedAfter: moment) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for outcome in outcomes { take(outcome, label) }
        for case .add(let seed, _) in deeds {
            try FileManager.default.removeItem(atPath: "\(user.folder)/content-\(seed)")
        }
        try await compare(label)
    }

    /// Three to five deeds that do not get into each other's way but where the program itself must see to it.
    private mutating func choose() -> [Deed] {
        var deeds: [Deed] = []
        let kinds: [[String]] = [
            ["sync"], ["sync", "--prune"], ["verify"], ["gc", "--waste", "0"], ["restore"], ["store", "rebuild-index"],
            ["pin", "ls"], ["status"],
        ]
        // A few that are large enough to be sent in parts.
        let length = Int.random(in: 0..<12, using: &numbers) == 0 ? 20_000_000 : 1_500_000
        for _ in 0..<Int.random(in: 1...2, using: &numbers) {
            deeds.append(.add(seed: nextSeed, count: Int.random(in: 1..<length, using: &numbers)))
            nextSeed += 1
        }
        if pinned.count > 4, let root = pinned.keys.sorted().randomElement(using: &numbers) {
            deeds.append(.remove(root))
        }
        for words in kinds.shuffled(using: &numbers).prefix(Int.random(in: 1...2, using: &numbers)) {
            deeds.append(.command(words))
        }
        return deeds
    }

    /// When to kill it: somewhere in the time that it usually takes; one in five may end.
    private mutating func moment(for deed: Deed) -> Duration? {
        guard Int.random(in: 0..<5, using: &numbers) > 0 else { return nil }
        let usual = durations[deed.name] ?? 40
        return .microseconds(Int64(Double.random(in: 1...(usual * 1000), using: &numbers)))
    }

    @concurrent
    private static func run(_ deed: Deed, by user: User, killedAfter moment: Duration?) async throws -> Outcome {
        let words =
            switch deed {
            case .add(let seed, _): ["add", "\(user.folder)/content-\(seed)", "--quiet"]
            case .remove(let root): ["pin", "rm", root, "--quiet"]
            case .command(let words): words
            }
        let start = ContinuousClock.now
        let result = try await user.attempt(words, timeout: moment ?? .seconds(120))
        return Outcome(deed: deed, result: result, took: ContinuousClock.now - start)
    }

    private mutating func take(_ outcome: Outcome, _ label: String) {
        let (deed, result) = (outcome.deed, outcome.result)
        let isKilled = result.code == 128 + 9
        deeds += 1
        if isKilled { kills += 1 }
        if result.timedOut, outcome.took > .seconds(100) { alarms.append("\(label): \(deed.name) hangs") }
        if !isKilled {
            let took = outcome.took / .milliseconds(1)
            durations[deed.name] = (durations[deed.name] ?? took) * 0.7 + took * 0.3
            if Self.codes[deed.name]?.contains(result.code) == false {
                let text = result.text + result.errorText
                alarms.append("\(label): \(deed.name) ended with \(result.code) though nothing is damaged: \(text)")
            }
        }
        switch deed {
        case .add(let seed, let count):
            // A line that is whole was said, whatever became of the process afterwards.
            guard result.text.hasSuffix("\n") else { return }
            pinned[result.text.trimmingCharacters(in: .whitespacesAndNewlines)] = Content(seed: seed, count: count)
        case .remove(let root):
            guard let content = pinned[root], isKilled || result.code == 0 else { return }
            pinned[root] = nil
            if result.text.hasSuffix("\n") { removed[root] = content } else { undecided[root] = content }
        case .command: break
        }
    }

    /// Compares the list of pins with what was acknowledged.
    private mutating func compare(_ label: String) async throws {
        let listed = Set(try await user.pins())
        for root in pinned.keys where !listed.contains(root) { alarms.append("\(label): the pin \(root) is lost") }
        for root in removed.keys where listed.contains(root) { alarms.append("\(label): the pin \(root) is back") }
        for (root, content) in undecided where listed.contains(root) { pinned[root] = content }
        undecided = [:]
    }

    /// Reads everything that is pinned.
    mutating func readAll(_ label: String, in other: User? = nil) async throws {
        for (root, content) in pinned.sorted(by: { $0.key < $1.key }) {
            let result = try await (other ?? user).attempt(["cat", root])
            if result.code != 0 { alarms.append("\(label): \(root) cannot be read: \(result.errorText)") }
            if result.code == 0, result.output != Data(content.bytes) {
                alarms.append("\(label): \(root) has other bytes")
            }
        }
    }

    /// Runs a command that nothing stands in the way of any more; it ends with 0.
    mutating func mustRun(_ words: String..., label: String) async throws {
        let result = try await user.attempt(words)
        guard result.code != 0 else { return }
        let text = result.text + result.errorText
        alarms.append("\(label): \(words.joined(separator: " ")) ended with \(result.code): \(text)")
    }

    /// Notes what a test saw beside the deeds.
    mutating func note(_ alarm: String) { alarms.append(alarm) }
    mutating func note(kills more: Int) { kills += more }

    /// A number that chance and the seed choose.
    mutating func number(in range: Range<Int>) -> Int { Int.random(in: range, using: &numbers) }
}
