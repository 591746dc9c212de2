package import Schema

/// What is kept beside the bytes of an object: short texts under keys.
package struct ObjectMetadata: Sendable, Hashable {
    package let values: [String: String]

    /// Nothing.
    package static let empty = ObjectMetadata()
    /// The most bytes of all keys and values together: what Amazon's S3 takes.
    package static let most = 2048

    private init() { values = [:] }

    package var isEmpty: Bool { values.isEmpty }

    /// Takes what every service that keeps any keeps as it is; throws `badValue` for anything else.
    package init(_ values: [String: String]) throws(SchemaError) {
        for (key, value) in values {
            guard (1...128).contains(key.utf8.count), key.utf8.allSatisfy(Self.isOfKey), key.first != "-",
                key.last != "-"
            else {
                throw SchemaError.badValue(
                    "meta",
                    "“\(key)” is no key: that is of the letters a to z, digits, and - between them"
                )
            }
            guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), value.first != " ", value.last != " ",
                !value.isEmpty
            else {
                let phrase =
                    "the value of \(key) is of the characters of ASCII, and neither begins nor ends with a space"
                throw SchemaError.badValue("meta", phrase)
            }
        }
        let count = values.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        guard count <= Self.most else {
            throw SchemaError.badValue(
                "meta",
                "keys and values have \(count) bytes, and may have \(Self.most) together"
            )
        }
        self.values = values
    }

    private static func isOfKey(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x30...0x39, 0x2D: true
        default: false
        }
    }
}

/// What keeps a version of an object from being removed.
package struct ObjectLock: Sendable, Hashable {
    /// The service's word for who may lift it, in small letters: nobody, where it is `compliance`.
    package let mode: String?
    /// Until when it lasts; nil where nobody says.
    package let until: Timestamp?
    /// Whether somebody holds it besides, until he lets it go.
    package let isHeld: Bool

    /// What a service says of a lock; nil where that is nothing.
    package init?(mode: String?, until: Timestamp?, isHeld: Bool) {
        guard mode != nil || until != nil || isHeld else { return nil }
        (self.mode, self.until, self.isHeld) = (mode, until, isHeld)
    }

    /// Whether it lasts still at a moment.
    package func lasts(at now: Timestamp) -> Bool { isHeld || until.map { $0 > now } ?? false }

    /// The same in words that fit after “it is”.
    package var words: String {
        let time = until.map { "locked until \($0)\(mode.map { " (\($0))" } ?? "")" }
        return [time, isHeld ? "held until somebody lets it go" : nil].compactMap(\.self).joined(separator: ", and ")
    }
}
