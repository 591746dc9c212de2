/// What a program may be asked.
///
/// A key has no space and no line end in it, and a path no line end.
package enum AnnexRequest: Sendable, Hashable {
    case initialise
    case prepare
    case store(key: String, file: String)
    case retrieve(key: String, file: String, length: UInt64? = nil)
    case check(key: String)
    case remove(key: String)
    case cost
    case availability
    case info
    case settings
    case whereIs(key: String)
    /// How long an object is; of the extension.
    case size(key: String)
    /// Some of the keys that begin with `prefix` and come after another, in the order of their bytes; of the extension.
    case list(prefix: String, after: String)
    /// A part of an object; of the extension.
    case part(Range<UInt64>, key: String, file: String)

    var line: String {
        switch self {
        case .initialise: "INITREMOTE"
        case .prepare: "PREPARE"
        case .store(let key, let file): "TRANSFER STORE \(key) \(file)"
        case .retrieve(let key, let file, _): "TRANSFER RETRIEVE \(key) \(file)"
        case .check(let key): "CHECKPRESENT \(key)"
        case .remove(let key): "REMOVE \(key)"
        case .cost: "GETCOST"
        case .availability: "GETAVAILABILITY"
        case .info: "GETINFO"
        case .settings: "LISTCONFIGS"
        case .whereIs(let key): "WHEREIS \(key)"
        case .size(let key): "CHECKSIZE \(key)"
        case .list(let prefix, let after): "LISTKEYS \(prefix) \(after)"
        case .part(let range, let key, let file):
            "RETRIEVERANGE \(range.lowerBound) \(range.upperBound - range.lowerBound) \(key) \(file)"
        }
    }

    /// Whether bytes are moved, which takes as long as it takes.
    var isTransfer: Bool {
        switch self {
        case .store, .retrieve, .part: true
        default: false
        }
    }

    /// Whether something is another way afterwards.
    var isChange: Bool {
        switch self {
        case .initialise, .store, .remove: true
        default: false
        }
    }
}

/// What a program answered to a request.
package enum AnnexReply: Sendable, Hashable {
    case success
    /// It says that the key is not there.
    case absent
    /// It says that nobody can tell now whether the key is there, and why, as it came.
    case unknown(String)
    /// It says that it did not do it, and why, as it came.
    case failure(String)
    /// It does not know such a request.
    case unsupported
    /// A cost, or a length.
    case number(UInt64)
    case text(String)
    /// Names with values: what it tells of itself, or the settings that it asks for.
    case pairs([AnnexPair])
    /// Keys with lengths, and whether there are more behind them.
    case page([AnnexKey], hasMore: Bool)
}

/// A name with a value.
package struct AnnexPair: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(name: String, value: String) { (self.name, self.value) = (name, value) }
}

/// A key that is there, and how long its object is.
package struct AnnexKey: Sendable, Hashable {
    package let key: String
    package let length: UInt64
}
