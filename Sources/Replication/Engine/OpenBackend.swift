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

    /// A backend whose calls are counted by `meter`.
    package init(name: String, content: any ContentService, meter: Meter, quota: UInt64?, lanes: Int) {
        self.name = name
        self.content = content
        self.meter = meter
        self.quota = quota
        self.lanes = max(1, lanes)
    }

    /// What to say where something was removed and is kept all the same, as a sentence.
    package var whatStays: String? {
        guard meter.counts.hidden > 0 else { return nil }
        return
            "\(name) keeps each older version of what is removed there: it costs until a rule of the bucket removes it."
    }
}
