/// Who uses an opened backend: who decides about his changes, and where his requests are counted.
///
/// One opening is shared by all who use the backend; each call of one of them is made in his name.
package struct Asker: Sendable {
    let backend: String
    let gate: any ChangeGate
    let meter: Meter
    /// What lives as long as he may ask: all that gives him something keeps it.
    private let use: (any Sendable)?

    package init(backend: String, gate: any ChangeGate, meter: Meter, use: (any Sendable)? = nil) {
        self.backend = backend
        self.gate = gate
        self.meter = meter
        self.use = use
    }

    /// In whose name this task makes a call.
    @TaskLocal static var current: Asker?

    /// Does `work` in the name of one.
    static func naming<Value>(
        _ asker: Asker?,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        guard let asker else { return try await work() }
        return try await $current.withValue(asker) { () async in await outcome(of: work) }.get()
    }
}

/// An opened backend, which many may use side by side.
package struct Opening: Sendable {
    private let view: @Sendable (Asker?) -> any ContentService

    init(_ view: @escaping @Sendable (Asker?) -> any ContentService) { self.view = view }

    /// What it holds, for one who asks; without one, the gate and the meter that it was opened with are everybody's.
    package func content(for asker: Asker? = nil) -> any ContentService { view(asker) }
}
