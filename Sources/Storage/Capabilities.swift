/// What a service can do, as data: checked in one place and printed for people.
package struct Capabilities: OptionSet, Sendable, Hashable {
    package let rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let write = Capabilities(rawValue: 1 << 0)
    package static let delete = Capabilities(rawValue: 1 << 1)
    package static let rangeReads = Capabilities(rawValue: 1 << 2)
    package static let listing = Capabilities(rawValue: 1 << 3)
    /// The service reports how much is stored, or how much room is left.
    package static let usage = Capabilities(rawValue: 1 << 4)
    /// The service gives back a digest that it computed over the bytes that it holds.
    package static let digests = Capabilities(rawValue: 1 << 5)
    /// The service takes bytes; one that does not takes a CID, and fetches the content itself.
    package static let takesBytes = Capabilities(rawValue: 1 << 6)
    /// The service gives back what it holds; of one that does not there is only its word.
    package static let reads = Capabilities(rawValue: 1 << 7)
    /// The service gives single blocks by their CIDs.
    package static let blocks = Capabilities(rawValue: 1 << 8)
    /// Others keep roots there too, and its list has theirs: what nobody here knows may be anybody's.
    package static let sharedRoots = Capabilities(rawValue: 1 << 9)
    /// The service gives URLs by which anybody can read an object for a while.
    package static let urls = Capabilities(rawValue: 1 << 10)
    /// The service looks for content elsewhere, too: what it does not find others may have, so it says of nothing that
    /// it is absent.
    package static let finds = Capabilities(rawValue: 1 << 11)
    /// The service keeps nothing: it gives what other backends give URLs of, and what is read there is no replica.
    package static let relays = Capabilities(rawValue: 1 << 12)
    /// The service keeps short texts beside the bytes of an object.
    package static let metadata = Capabilities(rawValue: 1 << 13)
    /// The service lists the versions of an object that it keeps, and gives the bytes of each.
    package static let versions = Capabilities(rawValue: 1 << 14)

    /// The service takes a root by its CID alone, and fetches what belongs to it itself.
    package static let pins = Capabilities(rawValue: 1 << 15)

    /// The names of the capabilities in the set, in a fixed order.
    package var names: [String] {
        Self.all.filter { contains($0.power) }.map(\.name)
    }

    private static let all: [(power: Capabilities, name: String)] = [
        (.write, "write"), (.delete, "delete"), (.rangeReads, "range"), (.listing, "list"), (.usage, "usage"),
        (.digests, "digest"), (.takesBytes, "bytes"), (.reads, "read"), (.blocks, "block"),
        (.sharedRoots, "shared"), (.urls, "url"),
        (.finds, "find"), (.relays, "relay"), (.metadata, "metadata"), (.versions, "versions"),
        (.pins, "pins"),
    ]
}

/// The bounds of a service.
package struct Limits: Sendable, Hashable {
    /// The largest object, in bytes.
    package var largestObject: UInt64
    /// Objects above this length are uploaded in parts.
    package var largestSinglePut: UInt64
    /// The least length of a part.
    package var minPart: UInt64
    /// The most parts of one upload.
    package var maxParts: UInt64
    /// Whether names are to be spread over folders, for one with all of them is more than it holds, or slow.
    package var spreadsNames: Bool
    /// Whether content lies in an archive, from which it is taken hours after somebody asks, and for money.
    package var isArchive: Bool
    /// Whether it is told how long an object is that is not read; where it is not, whoever asks about one gets no
    /// length.
    package var tellsLengths: Bool

    package init(
        largestObject: UInt64 = .max,
        largestSinglePut: UInt64 = .max,
        minPart: UInt64 = 16 << 20,
        maxParts: UInt64 = 10_000,
        spreadsNames: Bool = false,
        isArchive: Bool = false,
        tellsLengths: Bool = true
    ) {
        self.largestObject = largestObject
        self.largestSinglePut = largestSinglePut
        self.minPart = minPart
        self.maxParts = maxParts
        self.spreadsNames = spreadsNames
        self.isArchive = isArchive
        self.tellsLengths = tellsLengths
    }

    /// The length of the parts of an upload of `length` bytes: whole MiB, the same for all parts but the last.
    ///
    /// It depends on nothing but the length, so a later run divides the same object in the same way.
    package func partLength(for length: UInt64) -> UInt64 {
        let mebibyte: UInt64 = 1 << 20
        let least = length / maxParts + (length.isMultiple(of: maxParts) ? 0 : 1)
        return max(minPart, (least / mebibyte + (least.isMultiple(of: mebibyte) ? 0 : 1)) * mebibyte)
    }

    /// The ranges in which an object of `length` bytes is uploaded.
    package func parts(for length: UInt64) -> [Range<UInt64>] {
        let step = partLength(for: length)
        return stride(from: 0, to: length, by: Int(step)).map { $0..<min($0 + step, length) }
    }
}
