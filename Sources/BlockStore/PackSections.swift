internal import IPLD
internal import Multiformats
internal import POSIX

/// A stretch of a pack that was read into memory, and where in it the sections are.
struct PackSections: Sendable {
    /// One section: a CID and a block, by their places in ``bytes``.
    struct Section: Sendable {
        /// Where the length before the CID begins.
        let start: Int
        /// Where the CID begins.
        let cid: Int
        let end: Int
    }

    /// The bytes of whole sections, and what follows them.
    let bytes: [UInt8]
    /// The offset of the first byte in the pack.
    let offset: UInt64
    let sections: [Section]

    /// The CID of a section, and where the block begins; nil where it begins with no CID.
    func cid(of section: Section) -> (cid: CID, block: Int)? {
        var reader = ByteReader(bytes, range: section.cid..<section.end)
        guard let cid = try? CID.decode(from: &reader) else { return nil }
        return (cid, reader.offset)
    }

    /// The block of a section, unchecked; nil where there is none.
    func block(of section: Section) -> Block? {
        guard let (cid, start) = cid(of: section) else { return nil }
        return Block(cid: cid, bytes: Array(bytes[start..<section.end]))
    }
}

/// Reads a pack from its beginning, in stretches of whole sections.
///
/// A section that cannot be read hides where the next one begins: what lies behind it is not read.
struct PackReader: Sendable {
    private let file: File
    private let end: UInt64
    /// The offset after the last section that was read, which is the length of the pack as far as it can be read.
    private(set) var offset: UInt64 = 0
    private var isBroken = false

    private static let stretch = 4 << 20

    /// Opens a pack of which the first `end` bytes count.
    init(_ path: String, upTo end: UInt64) throws(StoreError) {
        do throws(FileError) {
            file = try File(path, .read)
            self.end = min(end, try file.length())
        } catch {
            throw StoreError(error)
        }
    }

    /// The next sections; nil at the end of what can be read.
    mutating func next() throws(StoreError) -> PackSections? {
        guard !isBroken, offset < end else { return nil }
        var count = Self.stretch
        while true {
            let bytes: [UInt8]
            do throws(FileError) {
                bytes = try file.read(at: offset, count: Int(min(UInt64(count), end - offset)))
            } catch {
                throw StoreError(error)
            }
            var start = 0
            if offset == 0 {
                guard let header = Self.frame(bytes, 0, limit: CARParser.Limits().header) else {
                    isBroken = true
                    return nil
                }
                start = header.end
            }
            let sections = find(in: bytes, from: start)
            let used = sections.last?.end ?? start
            // The first section may be longer than what was read.
            if used == 0, !isBroken, UInt64(bytes.count) < end - offset, count < CARParser.Limits().section + 64 {
                count = CARParser.Limits().section + 64
                continue
            }
            if used == 0 { isBroken = true }
            defer { offset += UInt64(used) }
            return used == 0 ? nil : PackSections(bytes: bytes, offset: offset, sections: sections)
        }
    }

    private mutating func find(in bytes: [UInt8], from start: Int) -> [PackSections.Section] {
        var sections: [PackSections.Section] = []
        var position = start
        while let section = Self.frame(bytes, position, limit: CARParser.Limits().section) {
            sections.append(section)
            position = section.end
        }
        return sections
    }

    /// The section that begins at `start`, if it is there whole.
    private static func frame(_ bytes: [UInt8], _ start: Int, limit: Int) -> PackSections.Section? {
        var length = 0
        var index = start
        while index < bytes.count, index - start < 5 {
            let byte = bytes[index]
            length |= Int(byte & 0x7F) << (7 * (index - start))
            index += 1
            guard byte & 0x80 == 0 else { continue }
            guard length > 0, length <= limit, length <= bytes.count - index else { return nil }
            return PackSections.Section(start: start, cid: index, end: index + length)
        }
        return nil
    }
}
