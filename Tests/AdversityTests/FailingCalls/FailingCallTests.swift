import Foundation
import TestKit
import Testing

extension Adversity {
    /// Each call of a command fails in turn, or is its last: what was acknowledged is there, nothing that was not done
    /// is said to be done, and the next run ends well.
    @Suite(.memoryScratch, .serialized, .timeLimit(.minutes(240))) struct FailingCallTests {
        @Test func failingCallsAreTold() async throws {
            if try Self.only()?.mode.ends == true { return }
            try await run("failing calls", FaultPlan.failures, count: Options.faults)
        }

        @Test func endsAtCallsLoseNothing() async throws {
            if try Self.only()?.mode.ends == false { return }
            try await run("ends at calls", FaultPlan.ends, count: Options.ends)
        }

        /// The one fault that is to be repeated.
        private static func only() throws -> Fault? {
            guard let text = Options.fault, text.contains("/") else { return nil }
            let fault: Fault = try #require(
                Fault(String(text.drop { $0 != "/" }.dropFirst())),
                "no such fault: \(text)"
            )
            return fault
        }

        private func run(_ name: String, _ plan: ([String: Int]) -> [[Fault]], count: Int) async throws {
            let folder = Scratch.current
            let base = try await World.make(in: folder + "/base")
            let wanted = Options.fault.map { text in text.split(separator: "/").first.map(String.init) ?? "" }
            let scenarios = Scenario.all.filter { wanted == nil || $0.name == wanted }
            let ready = try await sideBySide(scenarios) { try await ReadyScenario.make($0, from: base, in: folder) }
            let groups = ready.flatMap { ready in
                plan(ready.counts).map { $0.map { FaultRun(ready: ready, fault: $0) } }
            }
            var runs = FaultPlan.choose(count, of: groups, seed: Options.seed)
            if let fault = try Self.only() {
                runs = ready.map { FaultRun(ready: $0, fault: fault) }
            }
            let results = try await sideBySide(runs) { try await $0.run(in: folder) }
            results.flatMap(\.alarms).report("IPFS_KIT_FAULT")
            let came = results.count { $0.came }
            let positions = groups.reduce(0) { $0 + $1.count }
            // Threads do not always make the same calls; but a count that is wrong altogether would test nothing.
            #expect(came * 2 > runs.count, "only \(came) of \(runs.count) calls came")
            print(
                "   \(name): \(runs.count) runs, in \(came) of which the call came, of \(positions) over \(ready.count)",
                "commands, seed \(Options.seed)"
            )
        }
    }
}
