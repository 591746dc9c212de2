package import Multiformats
package import Schema

extension CID: Shown {
    package static var shape: Shape { .cid }
    package var json: JSON { .text(self) }
}

/// The name of a file, which may be no text.
struct NameShown: Shown {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    static var shape: Shape { .fileName }
    var json: JSON { .name(bytes) }
}

/// Text that is JSON, such as the metadata of a pin: an object where it is one.
struct Metadata: Shown {
    let text: String

    init(_ text: String) { self.text = text }

    static var shape: Shape { .map(.any) }

    var json: JSON {
        guard let value = try? JSON(reading: Array(text.utf8)), case .object = value else {
            return text.isEmpty ? .object([]) : ["text": .string(text)]
        }
        return value
    }
}

/// Counts under names, in the order of the names.
struct Counts: Shown {
    let items: [(name: String, count: UInt64)]

    init(_ items: [(String, some BinaryInteger)]) {
        self.items = items.map { ($0.0, UInt64($0.1)) }.sorted { $0.name < $1.name }
    }

    static var shape: Shape { .map(.integer(nil)) }
    var json: JSON { .object(items.map { JSON.Member($0.name, .count($0.count)) }) }
}

extension OutputField {
    /// What somebody should know although nothing failed.
    static func warnings(_ read: @escaping @Sendable (Root) -> [String]) -> OutputField {
        OutputField("warnings", "What somebody should know although nothing failed.", read)
    }

    /// The backend that the answer is about.
    static func backend(_ read: @escaping @Sendable (Root) -> String) -> OutputField {
        OutputField("backend", "The backend.", as: .backend, read)
    }

    /// When the service was asked for what the answer says.
    static func askedAt(_ read: @escaping @Sendable (Root) -> Timestamp) -> OutputField {
        OutputField("asked_at", "When the backend was asked.", read)
    }

    /// Whether nothing was changed.
    static func dryRun(_ read: @escaping @Sendable (Root) -> Bool) -> OutputField {
        OutputField("dry_run", "Whether this is what would be done, and nothing was changed.", read)
    }

    /// Why something could not be done.
    static func error(_ read: @escaping @Sendable (Root) -> KitError?) -> OutputField {
        OutputField("error", "Why it could not be done; null where it was.", read)
    }
}
