/// A change that the gate admitted, and about which it is asked again when it took long to come to it.
package final class Admission: Sendable {
    private let gate: any ChangeGate
    private let change: Change
    private let timing: Timing
    private let admitted: Locked<Duration>

    /// How old an admission may be when a request is sent.
    private static let longest = Duration.seconds(1)

    /// A change that was admitted a moment ago.
    package init(_ change: Change, by gate: any ChangeGate, timing: Timing) {
        self.gate = gate
        self.change = change
        self.timing = timing
        admitted = Locked(timing.uptime())
    }

    /// Whether a request may be sent now on what was admitted.
    package var isFresh: Bool { timing.uptime() - admitted.read { $0 } <= Self.longest }

    /// To be called immediately before each request of the change; throws where it must not be sent any more.
    package func renew() async throws(StorageError) {
        guard !isFresh else { return }
        try await gate.admit(change)
        let now = timing.uptime()
        admitted.change { $0 = now }
    }
}
