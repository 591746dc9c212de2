package import Schema

/// What a service says of an object that it holds.
package struct ObjectInfo: Sendable, Hashable {
    package private(set) var name: ObjectName
    /// Length in bytes; nil where the service says nothing that could be one.
    package let length: UInt64?
    /// When it was written, as the service says; a moment that no calendar has is the nearest one that it has.
    package let modified: Timestamp?
    /// A digest that the service computed over the bytes that it holds, where it has one.
    package let digest: ObjectDigest?
    /// What is the same now for the same bytes under another name: the file system and the number of a file, or the
    /// whole name of an object; nil where nobody says, and in lists.
    package let place: String?
    /// What tells it from every copy of it as long as it is there, such as the birth of a file; nil where nobody says.
    package let birth: String?
    /// What it has beside its bytes; nil where nobody says, and in lists.
    package var metadata: [String: String]?
    /// What keeps it from being removed; nil where nobody says, and in lists.
    package var lock: ObjectLock?

    package init(
        name: ObjectName,
        length: UInt64?,
        modified: Timestamp? = nil,
        digest: ObjectDigest? = nil,
        place: String? = nil,
        birth: String? = nil
    ) {
        self.name = name
        self.length = length
        self.modified = modified.map { $0.inCalendar }
        self.digest = digest
        self.place = place
        self.birth = birth
    }

    /// The same of an object under another name.
    package func named(_ name: ObjectName) -> ObjectInfo {
        var info = self
        info.name = name
        return info
    }
}

/// A digest that a service computed.
package enum ObjectDigest: Sendable, Hashable {
    case md5([UInt8])
    case sha256([UInt8])
    /// MD5 of the joined MD5 digests of the parts, and the number of parts (the ETag of an S3 multipart upload).
    case md5OfParts([UInt8], parts: Int)

    /// The name of the method, for evidence.
    package var method: String {
        switch self {
        case .md5: "md5"
        case .sha256: "sha256"
        case .md5OfParts: "md5-of-parts"
        }
    }
}

/// What a service answered to an upload that it took.
package struct PutReceipt: Sendable, Hashable {
    /// The digest computed by the service that was compared with ours and matched; nil when there was none.
    package let proof: ObjectDigest?

    package init(proof: ObjectDigest?) { self.proof = proof }
}

/// How much a service holds and has room for, in bytes and objects, as far as it says.
package struct Usage: Sendable, Hashable {
    package var used: UInt64?
    package var free: UInt64?
    package var objects: UInt64?

    package init(used: UInt64? = nil, free: UInt64? = nil, objects: UInt64? = nil) {
        self.used = used
        self.free = free
        self.objects = objects
    }
}
