internal import IPLD
internal import Multiformats
internal import POSIX

/// Reads a pack from its beginning, in stretches of whole sections.
///
/// A section that cannot be read hides where the next one begins. There the stretches end, until ``findNext()`` has
/// found a section behind it.
struct PackReader: Sendable {
    private let file: File
    private let end: UInt64
    /// The offset after the last section that was read.
    private(set) var offset: UInt64 = 0
    /// Where the last section that was read begins.
    private var last: UInt64 = 0
    private var isBroken = false

    /// How many bytes are read at a time.
    private static let stretch = 4 << 20
    private static let longestSection = CARParser.Limits().section

    /// Opens a pack of which the first `end` bytes count.
    init(_ path: String, upTo end: UInt64) throws(StoreError) {
        do throws(FileError) {
            file = try File(path, .readFile)
            self.end = min(end, try file.length())
        } catch {
            throw StoreError(error)
        }
    }

    /// The next sections; nil at the end of what can be read.
    mutating func next() throws(StoreError) -> PackSections? {
        guard !isBroken, offset < end else { return nil }
        if offset == 0, try !passHeader() { return nil }
        var bytes = try read(at: offset, count: Self.stretch)
        var sections = Self.sections(in: bytes)
        if sections.isEmpty {
            // The first section may be longer than what was read.
            bytes = try read(at: offset, count: Self.longestSection + Varint.maximumLength)
            sections = Self.sections(in: bytes)
        }
        guard let final = sections.last else {
            isBroken = true
            return nil
        }
        defer {
            last = offset + UInt64(final.start)
            offset += UInt64(final.end)
        }
        return PackSections(bytes: bytes, offset: offset, sections: sections)
    }

    /// Goes on, after what cannot be read, at the next section whose block has the hash that its CID says.
    ///
    /// - Returns: whether there is one.
    mutating func findNext() throws(StoreError) -> Bool {
        // A wrong length of the last section may have led here, past others.
        var position = try isSoundAtLast() ? offset + 1 : last + 1
        var budget = 16 * (end - min(position, end))
        while position < end {
            let bytes = try read(at: position, count: Self.stretch + Self.longestSection + Varint.maximumLength)
            for index in 0..<min(bytes.count, Self.stretch) {
                guard let section = Self.section(bytes, index) else { continue }
                // Content may be made so that sections seem to begin all over it.
                guard budget >= UInt64(section.end - index) else { return false }
                budget -= UInt64(section.end - index)
                guard Self.isSound(section, in: bytes) else { continue }
                offset = position + UInt64(index)
                isBroken = false
                return true
            }
            position += UInt64(Self.stretch)
        }
        return false
    }

    /// Waits until what was read is on the disk, which it may not be where its writer was stopped.
    func makeLasting() throws(StoreError) {
        do throws(FileError) { try file.syncData() } catch { throw StoreError(error) }
    }

    private func isSoundAtLast() throws(StoreError) -> Bool {
        guard offset > last else { return true }
        let bytes = try read(at: last, count: Int(min(UInt64(Self.longestSection + 16), offset - last)))
        return Self.section(bytes, 0).map { Self.isSound($0, in: bytes) } ?? true
    }

    private mutating func passHeader() throws(StoreError) -> Bool {
        let bytes = try read(at: 0, count: 64 << 10)
        var reader = ByteReader(bytes)
        guard let length = try? reader.readVarint(), length > 0, length <= UInt64(reader.remaining) else {
            isBroken = true
            return false
        }
        offset = UInt64(reader.offset) + length
        last = offset
        return offset < end
    }

    private func read(at offset: UInt64, count: Int) throws(StoreError) -> [UInt8] {
        do throws(FileError) {
            return try file.read(at: offset, count: Int(min(UInt64(count), end - min(offset, end))))
        } catch {
            throw StoreError(error)
        }
    }

    private static func sections(in bytes: [UInt8]) -> [PackSections.Section] {
        var sections: [PackSections.Section] = []
        var position = 0
        while let section = section(bytes, position) {
            sections.append(section)
            position = section.end
        }
        return sections
    }

    private static func isSound(_ section: PackSections.Section, in bytes: [UInt8]) -> Bool {
        var reader = ByteReader(bytes, range: section.cid..<section.end)
        guard let cid = try? CID.decode(from: &reader) else { return false }
        return (try? cid.hash.verify(bytes.span.extracting(reader.offset..<section.end))) == true
    }

    /// The section that begins at `start`, if it is there whole and begins with what may be a CID.
    private static func section(_ bytes: [UInt8], _ start: Int) -> PackSections.Section? {
        var length = 0
        var index = start
        while index < bytes.count, index - start < 5 {
            let byte = bytes[index]
            length |= Int(byte & 0x7F) << (7 * (index - start))
            index += 1
            guard byte & 0x80 == 0 else { continue }
            guard length > 0, length <= longestSection, length <= bytes.count - index,
                beginsLikeCID(bytes, index, index + length)
            else { return nil }
            return PackSections.Section(start: start, cid: index, end: index + length)
        }
        return nil
    }

    /// Whether bytes begin as those of a version 0 CID do, or of version 1 with a codec, a hash function and a digest.
    private static func beginsLikeCID(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Bool {
        if bytes[start] == 0x12 { return end - start >= 34 && bytes[start + 1] == 0x20 }
        guard bytes[start] == 1 else { return false }
        var index = start + 1
        for _ in 0..<2 {
            while index < end, bytes[index] & 0x80 != 0 { index += 1 }
            index += 1
        }
        guard index < end else { return false }
        return Int(bytes[index]) <= Multihash.longestDigest && index + 1 + Int(bytes[index]) <= end
    }
}
