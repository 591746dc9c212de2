internal import IPLD
internal import Multiformats
internal import POSIX

extension BlockStore {
    /// Reads a block out of the file that its reference names; throws `changed` where the file is not what it was.
    ///
    /// Where other content was seen there, the reference leaves the index at once. Of a file that cannot be read now
    /// nothing was seen: its disk may not be mounted, and the reference stays.
    func readReferred(_ cid: CID, _ location: BlockLocation) throws(StoreError) -> Block {
        let reference = try reference(cid, location)
        if let block = try Self.read(reference, through: file) { return Block(cid: cid, bytes: block.bytes) }
        try? index.forget([(BlockKey(cid), location)])
        throw StoreError.changed(reference, "has other content there now, or is shorter than it was.")
    }

    /// The block out of the file that a reference names; nil where other content is there.
    ///
    /// Throws `changed` where that cannot be seen now.
    static func read(
        _ reference: Reference,
        through open: (String) throws(FileError) -> File = { (path) throws(FileError) in try File(path, .readFile) }
    ) throws(StoreError) -> Block? {
        let bytes: [UInt8]
        do throws(FileError) {
            // Opening what is no file may wait for ever.
            guard try fileInfo(reference.path, follow: true).kind == .file else {
                throw FileError.missing(reference.path)
            }
            bytes = try open(reference.path).read(at: reference.offset, count: reference.length)
        } catch {
            throw StoreError.away(reference, "cannot be read: \(error)")
        }
        guard bytes.count == reference.length else { return nil }
        let block = Block(cid: reference.cid, bytes: bytes)
        return try isSound(block) ? block : nil
    }

    /// Throws `changed` where the file that a reference leads to is gone, or too short; nothing of it is read.
    func expectFile(of cid: CID, _ location: BlockLocation) throws(StoreError) {
        let reference = try reference(cid, location)
        do throws(FileError) {
            let info = try fileInfo(reference.path, follow: true)
            guard info.kind == .file, info.length >= reference.offset + UInt64(reference.length) else {
                throw FileError.missing(reference.path)
            }
        } catch {
            throw StoreError.away(reference, "cannot be read: \(error)")
        }
    }

    func reference(_ cid: CID, _ location: BlockLocation) throws(StoreError) -> Reference {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try file(path(of: location.pack)).read(at: location.offset, count: Reference.longestSection)
        } catch {
            guard error.meansGone else { throw StoreError(error) }
            throw StoreError.damaged(cid, "the pack with its reference is gone. \(error)")
        }
        guard let record = Self.section(bytes), let reference = Reference(record), reference.cid.hash == cid.hash else {
            throw StoreError.damaged(cid, "there is no reference to it where one should be.")
        }
        return reference
    }

    /// The block of the section that `bytes` begin with.
    private static func section(_ bytes: [UInt8]) -> Block? {
        var reader = ByteReader(bytes)
        guard let length = try? reader.readVarint(), length <= UInt64(reader.remaining) else { return nil }
        let end = reader.offset + Int(length)
        guard let cid = try? CID.decode(from: &reader), reader.offset <= end else { return nil }
        return Block(cid: cid, bytes: Array(bytes[reader.offset..<end]))
    }
}

extension StoreError {
    /// A file that was added by reference and is not what it was.
    static func changed(_ reference: Reference, _ detail: String) -> StoreError {
        changed(reference, detail, "Add the file again as it was")
    }

    /// A file that was added by reference and cannot be looked at now.
    static func away(_ reference: Reference, _ detail: String) -> StoreError {
        changed(reference, detail, "Put the file back as it was")
    }

    private static func changed(_ reference: Reference, _ detail: String, _ help: String) -> StoreError {
        StoreError(
            .changed,
            "\(reference.path) holds the block \(reference.cid) since it was added with --no-copy, and \(detail) "
                + "\(help), or bring the block back with `ipfs-kit restore`.",
            cid: reference.cid
        )
    }
}
