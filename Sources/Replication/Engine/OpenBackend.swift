package import Storage

/// A backend that was opened, with what the engine needs to know of it.
package struct OpenBackend: Sendable {
    package let name: String
    package let content: any ContentService
    package let meter: Meter
    /// The most that may be stored on it, in bytes; nil is no bound.
    package let quota: UInt64?
    /// How many roots are worked on at once.
    package let lanes: Int
    /// What lives as long as somebody uses the backend.
    private let use: (any Sendable)?

    /// A backend whose calls are counted by `meter`; `use` is held for as long as it is used.
    package init(
        name: String,
        content: any ContentService,
        meter: Meter,
        quota: UInt64?,
        lanes: Int,
        use: (any Sendable)? = nil
    ) {
        self.name = name
        self.content = content
        self.use = use
        self.meter = meter
        self.quota = quota
        self.lanes = max(1, lanes)
    }
}
