/// The name of an object: parts of letters, digits, `.`, `_` and `-`, joined by `/`.
///
/// We choose all names, so the set is small: each is safe in URLs, on every file system and on the FTP control channel.
package struct ObjectName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let text: String

    /// Takes a name of at most 512 bytes; nil when a part is empty, begins with a dot, or has another character.
    package init?(_ text: String) {
        guard text.utf8.count <= 512, !text.isEmpty else { return nil }
        var isFirst = true
        for byte in text.utf8 {
            let isSlash = byte == UInt8(ascii: "/")
            guard isSlash || Self.isAllowed(byte), !isFirst || !isSlash && byte != UInt8(ascii: ".") else { return nil }
            isFirst = isSlash
        }
        if isFirst { return nil }
        self.text = text
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2E, 0x5F, 0x2D: true
        default: false
        }
    }

    package var description: String { text }

    /// The folder of what homes say about themselves.
    package static let notes = "kits/"

    /// The folder of what tests store for a moment, and of what trials do.
    package static let (canaries, trials) = ("health/", "certify/")

    /// Whether it is the name of what a test or a trial stores, and removes again.
    package var isPassing: Bool { text.hasPrefix(Self.canaries) || text.hasPrefix(Self.trials) }

    /// Whether the kit gives such names itself: to content, to what homes leave, and to tests.
    ///
    /// The folders themselves are such names, in capital letters or not: some services tell these apart, others do not.
    package var isOfKit: Bool {
        let first = text.prefix { $0 != "/" }.lowercased() + "/"
        return [Self.canaries, Self.trials, Self.notes, CARName.folder].contains(first)
    }

    /// Whether it is the name of what a home says about itself, and of no content.
    package var isOfNote: Bool { text.hasPrefix(Self.notes) }

    package static func < (left: ObjectName, right: ObjectName) -> Bool { left.text < right.text }
}
