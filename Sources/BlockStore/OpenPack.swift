internal import IPLD
internal import POSIX
internal import Synchronization

/// A pack that this process appends to; its lock keeps others away until it is closed.
final class OpenPack: Sendable {
    let id: PackID
    private let file: File
    private let lengths: Mutex<(committed: UInt64, end: UInt64)>
    private let store: BlockStore

    /// The pack's length with everything that was appended.
    var end: UInt64 { lengths.withLock { $0.end } }

    /// Takes the first pack of a kind that has room, ends where the index says and is nobody else's; or a new one.
    ///
    /// What lies beyond the end of a pack was perhaps acknowledged by an index that is lost, so nobody appends there:
    /// only a collection, which has proof that the index is whole, cuts it off.
    init(in store: BlockStore, references: Bool = false, avoiding avoided: Set<PackID> = []) throws(StoreError) {
        self.store = store
        let known = try store.index.packs().filter { $0.id.isReferences == references }
        for pack in known where pack.length > 0 && pack.length < BlockStore.packLimit && !avoided.contains(pack.id) {
            guard let (file, length) = try Self.take(pack.id, store) else { continue }
            id = pack.id
            self.file = file
            lengths = Mutex((length, length))
            return
        }
        try store.checkPackFolder()
        (id, file) = try Self.make(after: known.last?.id, references, store)
        let header = CARHeader(roots: []).encoded
        do throws(FileError) {
            try file.write(header, at: 0)
            try syncDirectory(store.folder + "/packs")
        } catch {
            throw StoreError(error)
        }
        lengths = Mutex((0, UInt64(header.count)))
    }

    /// Locks a pack, and gives its length; nil where somebody else has it, or it is not as long as the index says now.
    private static func take(_ id: PackID, _ store: BlockStore) throws(StoreError) -> (File, UInt64)? {
        // A pack whose file went missing, or is on a disk that cannot be looked at, is left alone: there are others.
        guard (try? store.fileLength(id)) != nil else { return nil }
        return try StoreError.translating {
            let file = try File(store.path(of: id), .update)
            guard try file.tryLock() else { return nil }
            // Another process may have written to it, and closed it, since the packs were listed.
            let length = try file.length()
            guard length < BlockStore.packLimit else { return nil }
            return try store.index.packs().contains { $0.id == id && $0.length == length } ? (file, length) : nil
        }
    }

    /// Makes a pack with a number that was never used.
    private static func make(
        after last: PackID?,
        _ references: Bool,
        _ store: BlockStore
    ) throws(StoreError) -> (PackID, File) {
        let there = try store.packNumbers().filter { $0.isReferences == references }.map(\.number).max() ?? 0
        let next = max(there, last?.number ?? 0) + 1
        for number in next..<min(next + 1000, PackID.highest) {
            let id = PackID(number, isReferences: references)
            do throws(FileError) {
                let file = try File(store.path(of: id), .createNew)
                guard try file.tryLock() else { continue }
                return (id, file)
            } catch {
                guard error.code == .exists else { throw StoreError(error) }
            }
        }
        throw StoreError(.busy, "A thousand processes are writing to the store at once; try again later.")
    }

    /// Appends pieces whose lengths sum up to `count`.
    func append(_ pieces: [ArraySlice<UInt8>], count: UInt64) throws(StoreError) {
        let start = end
        do throws(FileError) {
            try file.write(pieces: pieces, at: start)
            file.startWriting(from: start, count: count)
        } catch {
            throw StoreError(error)
        }
        lengths.withLock { $0.end = start + count }
    }

    /// Waits until everything appended is on the disk.
    func makeLasting() throws(StoreError) {
        do throws(FileError) {
            try file.syncData()
        } catch {
            throw StoreError(error)
        }
    }

    /// Notes that the index knows everything up to the end, or that nobody knows that it does not.
    func committed() {
        lengths.withLock { $0.committed = $0.end }
    }

    /// Cuts off what was appended and never committed, as far as the index confirms that; removes a pack without any.
    func undo() {
        let committed = lengths.withLock { $0.committed }
        guard let packs = try? store.index.packs() else { return }
        let length = max(committed, packs.first { $0.id == id }?.length ?? 0)
        if length > 0 { try? file.truncate(to: length) } else { try? removeFile(store.path(of: id)) }
    }
}
