/// How a server is asked what is in a directory.
enum FTPListForm: Sendable, Hashable {
    /// For machines.
    case facts
    /// For people, with what has a hidden name.
    case all
    /// For people.
    case plain

    var verb: String { self == .facts ? "MLSD" : "LIST" }
    var argument: String { self == .all ? "-a" : "" }
}

/// Reads what is in a directory while it comes.
struct FTPList {
    private let form: FTPListForm
    private let target: String
    /// What came of a line that is not whole yet.
    private var rest: [UInt8] = []
    private var entries: [FTPEntry] = []
    private var names: Set<String> = []
    private var length = 0

    private static let longest = 256 << 20
    private static let longestLine = 64 << 10
    private static let most = 1_000_000

    init(_ form: FTPListForm, of target: String) { (self.form, self.target) = (form, target) }

    mutating func add(_ bytes: [UInt8]) throws(FTPError) {
        length += bytes.count
        var bytes = bytes[...]
        while let end = bytes.firstIndex(of: 0x0A) {
            try take(rest + bytes[..<end])
            rest = []
            bytes = bytes[(end + 1)...]
        }
        rest += bytes
        guard rest.count <= Self.longestLine, length <= Self.longest, entries.count <= Self.most else {
            throw FTPError(.protocolViolation, "A list of \(target) does not end.")
        }
    }

    /// All entries; the last line may lack its end.
    mutating func end() throws(FTPError) -> [FTPEntry] {
        if !rest.isEmpty { try take(rest) }
        return entries
    }

    /// What stands in a line that nobody can read may be just what is asked for: it is none to be passed over.
    private mutating func take(_ bytes: [UInt8]) throws(FTPError) {
        let line = String(decoding: bytes.last == 0x0D ? bytes.dropLast() : bytes[...], as: UTF8.self)
        guard !line.isEmpty else { return }
        let entry = form == .facts ? FTPEntry(facts: line) : FTPEntry(listed: line)
        guard let entry else {
            if form != .facts, line.lowercased().hasPrefix("total ") { return }
            throw FTPError(.protocolViolation, "A list of \(target) has a line that is none.", words: line)
        }
        if names.insert(entry.name).inserted { entries.append(entry) }
    }
}
