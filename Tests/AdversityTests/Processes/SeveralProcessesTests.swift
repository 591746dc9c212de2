import Foundation
import Samples
import TestKit
import Testing

extension Adversity {
    /// Eight processes at one home, each with pins of its own, and a model of what each acknowledged.
    @Suite(.memoryScratch, .serialized, .timeLimit(.minutes(15))) struct SeveralProcessesTests {
        @Test func eightProcessesKeepWhatEachAcknowledged() async throws {
            try await run(at: Scratch.current, "one disk")
        }

        @Test func eightProcessesDoSoWhereTimesAreWholeSeconds() async throws {
            try await Disk.withCoarseTimes { path in try await run(at: path, "a disk with whole seconds") }
        }

        private func run(at folder: String, _ place: String) async throws {
            let user = User(at: folder + "/user")
            try FileManager.default.createDirectory(atPath: user.folder, withIntermediateDirectories: true)
            try await user.run("init")
            try await user.createDisk("left")
            try await user.createDisk("right")
            let workers = try await withThrowingTaskGroup(of: Worker.self) { group in
                for number in 1...8 {
                    group.addTask {
                        var worker = Worker(user, number)
                        for step in 0..<40 { try await worker.step(step) }
                        return worker
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            var alarms = workers.flatMap { worker in worker.alarms.map { "worker \(worker.number): \($0)" } }
            let expected = workers.reduce(into: [:]) { $0.merge($1.pinned) { one, _ in one } }
            let shared = Set(workers.flatMap(\.shared.keys))
            let pins = Set(try await user.pins())
            for root in Set(expected.keys).symmetricDifference(pins.subtracting(shared)) {
                alarms.append("\(root) is \(pins.contains(root) ? "" : "not ")listed")
            }
            for (root, bytes) in expected {
                let read = try await user.attempt(["cat", root])
                if read.output != Data(bytes) { alarms.append("\(root) gives other bytes: \(read.errorText)") }
            }
            for words in [["sync"], ["verify"], ["store", "verify"]] {
                let result = try await user.attempt(words)
                if result.code != 0 {
                    alarms.append("\(words) ended with \(result.code): \(result.text)\(result.errorText)")
                }
            }
            let count = pins.count
            for row in try await user.json("backend", "list").backends.items
            where row.mapping_counts.stored.int ?? 0 < count {
                alarms.append("\(row.name.text ?? "") stores \(row.mapping_counts.stored.int ?? 0) of \(count) pins")
            }
            alarms.map { Alarm(run: "\(Options.seed)", kind: place, text: $0) }.report("IPFS_KIT_SEED")
            let commands = workers.reduce(0) { $0 + $1.commands }
            print(
                "   several processes: \(commands) commands of 8 processes on \(place), \(count) pins, seed \(Options.seed)"
            )
        }
    }
}

/// A process after the other, by somebody who touches no pins but their own, and those that all share.
private struct Worker: Sendable {
    let user: User
    let number: Int
    var numbers: SeededNumbers
    /// What this worker pinned, and what it pinned of that which all add again and again.
    var pinned: [String: [UInt8]] = [:]
    var shared: [String: [UInt8]] = [:]
    /// What it pinned once and removed.
    var dropped: [String: [UInt8]] = [:]
    var commands = 0
    var alarms: [String] = []

    init(_ user: User, _ number: Int) {
        (self.user, self.number) = (user, number)
        numbers = SeededNumbers(seed: Options.seed &+ UInt64(number))
    }

    /// Does one thing, and compares the answer with what must be so.
    mutating func step(_ step: Int) async throws {
        switch Int.random(in: 0..<12, using: &numbers) {
        case 0...3: try await add(sampleBytes(Int.random(in: 1..<300_000, using: &numbers), seed: seed(step)))
        case 4:
            // The same for all: it is found, while others collect what they removed.
            let root = try await add(
                sampleBytes(100_000, seed: UInt64.random(in: 0..<3, using: &numbers)),
                isShared: true
            )
            if let root, Bool.random(using: &numbers) { try await run(["pin", "rm", root], [0, 4]) }
        case 5, 6: try await remove()
        case 7: try await pinAgain()
        case 8: try await run(["sync"], [0, 4, 5, 6, 11])
        case 9: try await run(["verify"], [0, 4, 5, 11])
        case 10: try await run(["gc", "--waste", "0"], [0, 11])
        default: try await list()
        }
    }

    private func seed(_ step: Int) -> UInt64 { UInt64(number * 1000 + step) }

    @discardableResult
    private mutating func run(_ words: [String], _ codes: Set<Int>) async throws -> ProcessResult {
        commands += 1
        let result = try await user.attempt(words)
        if !codes.contains(result.code) {
            alarms.append("\(words.prefix(3)) ended with \(result.code): \(result.text)\(result.errorText)")
        }
        return result
    }

    @discardableResult
    private mutating func add(_ bytes: [UInt8], isShared: Bool = false) async throws -> String? {
        let path = "\(user.folder)/content-\(number)"
        try write(bytes, to: path)
        let result = try await run(["add", path, "--quiet"], [0, 11])
        guard result.code == 0 else { return nil }
        let root = result.text.trimmingCharacters(in: .whitespacesAndNewlines)
        if isShared { shared[root] = bytes } else { pinned[root] = bytes }
        return root
    }

    private mutating func remove() async throws {
        guard let root = pinned.keys.sorted().randomElement(using: &numbers) else { return }
        let result = try await run(["pin", "rm", root], [0, 11])
        guard result.code == 0 else { return }
        dropped[root] = pinned.removeValue(forKey: root)
    }

    /// Pins a root anew whose blocks may be gone by now; where it is pinned, they are there.
    private mutating func pinAgain() async throws {
        guard let root = dropped.keys.sorted().randomElement(using: &numbers) else { return }
        let result = try await run(["pin", "add", root], [0, 4, 11])
        if result.code == 0 { pinned[root] = dropped.removeValue(forKey: root) }
    }

    private mutating func list() async throws {
        let result = try await run(["pin", "ls", "--json"], [0])
        guard result.code == 0 else { return }
        let listed = Set(try Answer.parse(result.text).pins.items.compactMap(\.cid.text))
        for root in pinned.keys where !listed.contains(root) { alarms.append("\(root) is not listed") }
        for root in dropped.keys where listed.contains(root) { alarms.append("\(root) is still listed") }
        guard let root = pinned.keys.sorted().randomElement(using: &numbers) else { return }
        let read = try await run(["cat", root], [0])
        if read.code == 0, read.output != Data(pinned[root] ?? []) { alarms.append("\(root) has other bytes") }
    }
}
