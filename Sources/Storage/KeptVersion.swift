package import Schema

/// A version of an object that a service keeps, also where later ones have the name.
package struct KeptVersion: Sendable, Hashable {
    /// What the service calls it.
    package let id: String
    /// Length in bytes; nil where the service says nothing that could be one, and of a removal.
    package let length: UInt64?
    package let modified: Timestamp?
    /// Whether it is what has the name now.
    package let isLatest: Bool
    /// Whether it only says that the object was removed.
    package let isRemoval: Bool

    package init(id: String, length: UInt64?, modified: Timestamp?, isLatest: Bool, isRemoval: Bool) {
        (self.id, self.length, self.isLatest, self.isRemoval) = (id, length, isLatest, isRemoval)
        self.modified = modified.map { $0.inCalendar }
    }

    /// Whether a text may be what a service calls a version.
    package static func isID(_ text: String) -> Bool {
        (1...1024).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

/// Pages of versions, the newest first; a list that cannot be finished throws.
package typealias VersionStream = AsyncSequence<[KeptVersion], StorageError> & Sendable
