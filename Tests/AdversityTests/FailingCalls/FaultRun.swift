import Foundation
import Operations
import TestKit
import Testing

/// A scenario with its world, and whose calls were counted.
struct ReadyScenario: Sendable {
    let scenario: Scenario
    let world: World
    /// The calls of a run in which none fails.
    let counts: [String: Int]
    /// Whether the store is well after such a run.
    let isSound: Bool

    /// Prepares a scenario in a folder of its own, and runs it once without faults.
    static func make(_ scenario: Scenario, from base: World, in folder: String) async throws -> ReadyScenario {
        var world = try await base.copy(to: "\(folder)/\(scenario.name)")
        try await scenario.prepare(&world)
        var copy = try await world.copy(to: "\(folder)/\(scenario.name)-counted")
        defer { copy.remove() }
        try await scenario.arrive(&copy)
        let log = copy.folder + ".log"
        defer { try? FileManager.default.removeItem(atPath: log) }
        copy.user.environment = try Fault.counting(below: copy.folder, log: log)
        let result = try await copy.user.attempt(scenario.command(copy))
        copy.user.environment = [:]
        let text = "\(scenario.name) without faults: \(result.code) \(result.text)\(result.errorText)"
        #expect(scenario.codesWhenDone.contains(result.code), "\(text)")
        #expect(try await scenario.missing(copy, result) == [], "\(text)")
        let problems = try await copy.failing("store", "verify")
        #expect(problems == [], "\(text)")
        let counts = try CallRecord(log).counts
        return ReadyScenario(scenario: scenario, world: world, counts: counts, isSound: problems.isEmpty)
    }
}

/// One run of a command with one call that goes wrong, and what is checked of it.
struct FaultRun: Sendable {
    let ready: ReadyScenario
    let fault: Fault

    /// The run as an alarm prints it.
    var text: String { "\(ready.scenario.name)/\(fault.text)" }

    /// Longer than one outage is waited out.
    private static let patience = Duration.seconds(120)
    private static let codes = Set(ExitCode.allCases.map { Int($0.rawValue) }).union([141])

    /// Runs it in a new folder; gives what was not as it must be, and whether the call came.
    @concurrent
    func run(in folder: String) async throws -> (alarms: [Alarm], came: Bool) {
        let scenario = ready.scenario
        var world = try await ready.world.copy(to: "\(folder)/run-\(UUID().uuidString)")
        let log = world.folder + ".log"
        defer {
            world.remove()
            try? FileManager.default.removeItem(atPath: log)
        }
        try await scenario.arrive(&world)
        world.user.environment = try fault.environment(below: world.folder, log: log)
        let result = try await world.user.attempt(scenario.command(world), timeout: Self.patience)
        world.user.environment = [:]
        let record = try CallRecord(log)
        var alarms: [Alarm] = []
        func alarm(_ law: String, _ seen: [String]) {
            guard !seen.isEmpty else { return }
            let what = "\(law): \(scenario.name)"
            let place = record.first.replacingOccurrences(of: world.folder, with: "")
            let told = seen.joined(separator: "; ").replacingOccurrences(of: world.folder, with: "")
            alarms.append(Alarm(run: text, kind: what, text: "at \(place), exit \(result.code): \(told)"))
        }
        alarm("it ended badly", badEnd(result, record))
        if result.code == 0 {
            alarm("0 without having done it", try await scenario.missing(world, result))
            alarm("0 with a cut answer", cutAnswer(result, scenario.command(world)))
        }
        if scenario.hasHome { alarm("lost", try await world.losses(readable: scenario.isReadable)) }
        alarm("the next run does not mend it", try await again(world, result))
        return (alarms, record.failed > 0)
    }

    /// A process that did not end by itself, or with a code that nobody knows.
    private func badEnd(_ result: ProcessResult, _ record: CallRecord) -> [String] {
        if result.timedOut { return ["it did not end in \(Self.patience)"] }
        if fault.mode.ends, record.failed > 0, result.code == 128 + 9 { return [] }
        guard Self.codes.contains(result.code) else { return ["it crashed: \(result.errorText.prefix(600))"] }
        if result.code != 0, fault.call != "output", result.errorText.isEmpty, result.text.isEmpty {
            return ["it failed and said nothing"]
        }
        return []
    }

    /// JSON that does not end.
    private func cutAnswer(_ result: ProcessResult, _ words: [String]) -> [String] {
        guard words.contains("--json") else { return [] }
        do {
            let lines = try Answer.lines(result.text)
            return lines.isEmpty ? ["it printed nothing"] : []
        } catch {
            return ["its output is no JSON: \(result.text.suffix(100))"]
        }
    }

    /// The same command once more, without the fault.
    private func again(_ world: World, _ first: ProcessResult) async throws -> [String] {
        let scenario = ready.scenario
        let result = try await world.user.attempt(scenario.command(world))
        guard scenario.codesWhenDone.contains(result.code) else {
            return ["it ended with \(result.code): \(result.text)\(result.errorText)"]
        }
        var seen = try await scenario.missing(world, result)
        // After it everything is well, the store too.
        seen += try await world.losses()
        if ready.isSound { seen += try await world.failing("store", "verify") }
        return seen
    }
}
