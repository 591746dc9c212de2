/// What a server says of a file.
package struct SFTPAttributes: Sendable, Hashable {
    /// What a name stands for.
    package enum Kind: Sendable, Hashable { case file, directory, symbolicLink, other, unknown }

    package let length: UInt64?
    /// The user and the group, as they came.
    package let owner: UInt64?
    package let permissions: UInt32?
    /// Seconds since 1970.
    package let modified: UInt32?

    /// What the permissions say that it is.
    package var kind: Kind {
        guard let permissions else { return .unknown }
        return switch permissions & 0o170000 {
        case 0o100000: .file
        case 0o040000: .directory
        case 0o120000: .symbolicLink
        case 0: .unknown
        default: .other
        }
    }
}

/// One name in a directory.
package struct SFTPEntry: Sendable {
    package let name: [UInt8]
    package let attributes: SFTPAttributes
}

/// How much room there is on a disk of the server.
package struct SFTPSpace: Sendable, Hashable {
    /// How many bytes an ordinary user may still write.
    package let free: UInt64
    /// The number by which the server tells the file system from others.
    package let disk: UInt64

    /// Reads the reply of `statvfs@openssh.com`; nil where it is cut off.
    init?(_ bytes: [UInt8]) {
        var reader = WireReader(bytes[...])
        let numbers = (0..<11).map { _ in reader.long() }
        if reader.isCut { return nil }
        let (free, isTooMuch) = numbers[4].multipliedReportingOverflow(by: numbers[1])
        self.free = isTooMuch ? .max : free
        disk = numbers[8]
    }
}

/// A reply, without the number of its request.
enum SFTPReply: Sendable {
    case version(UInt32, extensions: Set<String>)
    case status(UInt32, words: String)
    case handle([UInt8])
    case data([UInt8])
    case names([SFTPEntry])
    case attributes(SFTPAttributes)
    case extended([UInt8])

    /// The type of a server's greeting, the one reply that answers no number.
    static let greeting: UInt8 = 2

    /// Reads a reply; nil where a length in it leads beyond its end, or its type is none of a reply.
    init?(type: UInt8, _ payload: ArraySlice<UInt8>) {
        var reader = WireReader(payload)
        switch type {
        case Self.greeting:
            let version = reader.number()
            var extensions: Set<String> = []
            while !reader.isAtEnd {
                extensions.insert(reader.text())
                _ = reader.bytes()
            }
            self = .version(version, extensions: extensions)
        case 101:
            let code = reader.number()
            // Old servers say nothing beside it.
            self = .status(code, words: reader.isAtEnd ? "" : reader.text())
        case 102:
            self = .handle(reader.bytes())
            // No handle may be longer, by the protocol.
            if payload.count > 4 + 256 { return nil }
        case 103: self = .data(reader.bytes())
        case 104:
            // What a server says of the count is believed name by name.
            let count = reader.number()
            var entries: [SFTPEntry] = []
            while entries.count < count, !reader.isCut {
                let name = reader.bytes()
                _ = reader.bytes()
                entries.append(SFTPEntry(name: name, attributes: reader.attributes()))
            }
            self = .names(entries)
        case 105: self = .attributes(reader.attributes())
        case 201: self = .extended(Array(payload))
        default: return nil
        }
        if reader.isCut { return nil }
    }
}
