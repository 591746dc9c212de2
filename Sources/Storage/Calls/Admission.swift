/// A change that the gate admitted, and about which it is asked again when it took long to come to it.
package final class Admission: Sendable {
    private let gate: any ChangeGate
    private let change: Change
    private let timing: Timing
    private let admitted: Locked<Duration?>

    /// How old an admission may be when a request is sent.
    private static let longest = Duration.milliseconds(800)

    /// A change about which the gate was asked at a moment and that it admitted, or that was not yet.
    init(_ change: Change, by gate: any ChangeGate, timing: Timing, admittedAt: Duration?) {
        self.gate = gate
        self.change = change
        self.timing = timing
        admitted = Locked(admittedAt)
    }

    /// Whether a request may be sent now on what was admitted.
    package var isFresh: Bool { admitted.read { $0 }.map { timing.uptime() - $0 <= Self.longest } ?? false }

    /// To be called immediately before each request of the change; throws where it must not be sent any more.
    package func renew() async throws(StorageError) {
        guard !isFresh else { return }
        // Whoever is stopped while it is asked finds out by the time before.
        let now = timing.uptime()
        try await gate.admit(change)
        admitted.change { $0 = now }
    }
}
