internal import Catalog
internal import Multiformats
internal import Schema
internal import Storage

/// What a line says of where a root is.
struct ClaimLine: Sendable {
    let cid: CID
    let path: String
    var name = ""
    var size: UInt64?
    var shards: [Location.Shard] = []

    init(cid: CID, path: String, name: String = "", size: UInt64? = nil) {
        (self.cid, self.path, self.name, self.size) = (cid, path, name, size)
    }

    /// Reads a line; throws `usage` where it is none.
    init(_ line: InputLines.Line) throws(KitError) {
        guard let bytes = line.bytes else {
            throw KitError(.usage, "It is longer than \(InputLines.longest) bytes.")
        }
        if bytes.first(where: { !Self.isSpace($0) }) == UInt8(ascii: "{") {
            try self.init(json: bytes)
        } else {
            let words = bytes.split(maxSplits: 1, whereSeparator: Self.isSpace)
            guard words.count == 2, let root = String(validating: words[0], as: UTF8.self),
                let path = String(validating: Self.trimmed(words[1]), as: UTF8.self)
            else { throw KitError(.usage, "It is not a CID and a path with a space between them.") }
            self.init(cid: try parseCID(root), path: path)
        }
        try check()
    }

    /// The columns of `backend pin list --json` that say nothing of where a root is.
    private static let others: Set = [
        "backend_name", "created_at", "metadata", "block_count", "car_sha256", "verified_at", "verify_method",
        "verified_by", "updated_at",
    ]

    private init(json bytes: ArraySlice<UInt8>) throws(KitError) {
        let value: JSON
        do { value = try JSON(reading: bytes) } catch {
            throw KitError(.usage, "It is no JSON that can be read: \(error)")
        }
        guard case .object(let members) = value else { throw KitError(.usage, "It is no object of JSON.") }
        var (root, path, name, size): (String?, String?, String?, UInt64?)
        var shards: [Location.Shard] = []
        for member in members where member.value != .null && !Self.others.contains(member.name) {
            switch (member.name, member.value) {
            case ("cid", .string(let text)): root = text
            case ("car_path", .string(let text)), ("car_file_path", .string(let text)): path = text
            case ("name", .string(let text)): name = text
            case ("size", .integer(0...)), ("size_bytes", .integer(0...)): size = member.value.natural
            case ("shards", .array(let items)): shards = try items.map(Self.shard)
            case ("status", .string(let text)):
                guard ![Mapping.Status.missing, .corrupt].map(\.rawValue).contains(text) else {
                    throw KitError(.usage, "It says itself that its CAR is \(text).")
                }
            case ("cid", _), ("car_path", _), ("car_file_path", _), ("name", _), ("size", _), ("size_bytes", _),
                ("shards", _):
                throw KitError(.usage, "The value of “\(member.name)” is of the wrong kind.")
            default: throw KitError(.usage, "It has “\(member.name)”, which is not known here.")
            }
        }
        guard let root, let path else { throw KitError(.usage, "It has no “cid” or no “car_path”.") }
        self.init(cid: try parseCID(root), path: path, name: name ?? "", size: size)
        self.shards = shards
    }

    private static func shard(_ value: JSON) throws(KitError) -> Location.Shard {
        guard let name = value["name"]?.string, let length = value["size_bytes"]?.natural, isOfContent(name) else {
            throw KitError(.usage, "A shard has no name that content can have, or no size.")
        }
        return Location.Shard(name, length: length)
    }

    private static func isOfContent(_ name: String) -> Bool { ObjectName(name).map { !$0.isOfNote } ?? false }

    /// Throws where nothing can be there, or where it would not go along in snapshots.
    func check() throws(KitError) {
        guard Self.isOfContent(path) else {
            throw KitError(
                .usage,
                "“\(path)” can be the name of no content: names are relative, of letters, digits, “.”, “_” and “-” with "
                    + "/ between their parts, and what is under \(ObjectName.notes) is what homes say about themselves."
            )
        }
        guard shards.count <= Location.maxShards else {
            throw KitError(.limit, "It has \(shards.count) shards; the limit is \(Location.maxShards).")
        }
        guard size ?? 0 <= UInt64(Int64.max) else { throw KitError(.usage, "\(size ?? 0) is the size of nothing.") }
        do throws(CatalogError) { try Pin.check(name, of: cid) } catch { throw KitError(error) }
    }

    /// Whether something else is known of the root than this says.
    func isOutvoted(by mapping: Mapping) -> Bool {
        mapping.path != path || mapping.shards != shards || mapping.status != .pending
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let start = bytes.firstIndex { !isSpace($0) } ?? bytes.endIndex
        let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? start
        return bytes[start..<max(start, end)]
    }
}

/// The lines of an input, one after another.
struct InputLines {
    /// A line, without its end.
    struct Line {
        /// Counted from 1.
        let number: Int
        /// nil where it is longer than ``InputLines/longest``.
        let bytes: ArraySlice<UInt8>?

        /// Whether nothing stands on it.
        var isBlank: Bool { bytes?.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } ?? false }
    }

    /// The longest line that is read, in bytes.
    static let longest = 1 << 20

    private let input: Input
    private var offset: UInt64 = 0
    private var buffer: ArraySlice<UInt8> = []
    private var isAtEnd = false
    private var number = 0

    init(_ input: Input) { self.input = input }

    /// The next line; nil at the end.
    mutating func next() async throws(KitError) -> Line? {
        var searched = 0
        var isTooLong = false
        while true {
            if let end = buffer.dropFirst(searched).firstIndex(of: 0x0A) {
                let line = buffer[..<end]
                buffer = buffer[(end + 1)...]
                return take(line, isTooLong)
            }
            searched = buffer.count
            if searched > Self.longest {
                isTooLong = true
                (buffer, searched) = ([], 0)
            }
            let more = isAtEnd ? [] : try await input.read(at: offset, 256 << 10)
            guard !more.isEmpty else {
                isAtEnd = true
                guard !buffer.isEmpty || isTooLong else { return nil }
                defer { buffer = [] }
                return take(buffer, isTooLong)
            }
            offset += UInt64(more.count)
            buffer = buffer.isEmpty ? more[...] : (buffer + more)[...]
        }
    }

    private mutating func take(_ line: ArraySlice<UInt8>, _ isTooLong: Bool) -> Line {
        number += 1
        return Line(number: number, bytes: isTooLong || line.count > Self.longest ? nil : line)
    }
}
