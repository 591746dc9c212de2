package import Storage

/// A backend that was opened, with what the engine needs to know of it.
package struct OpenBackend: Sendable {
    package let name: String
    package var content: any ContentService { opened.content }
    package let opened: OpenContent
    package let meter: Meter
    /// The most that may be stored on it, in bytes; nil is no bound.
    package let quota: UInt64?
    /// How many roots are worked on at once.
    package let lanes: Int

    package init(name: String, content: any ContentService, meter: Meter, quota: UInt64?, lanes: Int) {
        self.name = name
        opened = OpenContent(content)
        self.meter = meter
        self.quota = quota
        self.lanes = max(1, lanes)
    }
}

/// The service of a backend, for as long as somebody uses it.
package final class OpenContent: Sendable {
    package let content: any ContentService

    init(_ content: any ContentService) { self.content = content }
}
