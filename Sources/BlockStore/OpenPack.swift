internal import IPLD
internal import POSIX
internal import Synchronization

/// A pack that this process appends to; its lock keeps others away until it is closed.
final class OpenPack: Sendable {
    let id: PackID
    private let file: File
    private let lengths: Mutex<(committed: UInt64, end: UInt64)>

    /// The pack's length with everything that was appended.
    var end: UInt64 { lengths.withLock { $0.end } }

    /// Takes the first pack of a kind that has room and that nobody else is writing to, or a new one; none of `avoided`.
    init(in store: BlockStore, references: Bool = false, avoiding avoided: Set<PackID> = []) throws(StoreError) {
        let known = try store.index.packs().filter { $0.id.isReferences == references }
        let open = known.filter { $0.length > 0 && $0.length < BlockStore.packLimit && !avoided.contains($0.id) }
        let next = (known.last?.id.number ?? 0) + 1
        let fresh = (next..<min(next + 1000, PackID.highest)).map { PackID($0, isReferences: references) }
        for id in open.map(\.id) + fresh {
            // A pack whose file went missing is left alone.
            if id.number < next, !fileExists(store.path(of: id)) { continue }
            guard let (file, length) = try Self.take(id, store) else { continue }
            self.id = id
            self.file = file
            let header = CARHeader(roots: []).encoded
            if length == 0 { try Self.begin(file, header, store) }
            lengths = Mutex((length, length == 0 ? UInt64(header.count) : length))
            return
        }
        throw StoreError(.busy, "A thousand processes are writing to the store at once; try again later.")
    }

    /// Locks a pack and cuts off what was never committed; nil where somebody else has it, or it has no room.
    private static func take(_ id: PackID, _ store: BlockStore) throws(StoreError) -> (File, UInt64)? {
        let file: File
        do throws(FileError) {
            file = try File(store.path(of: id), .update)
            guard try file.lock(wait: false) else { return nil }
        } catch {
            throw StoreError(error)
        }
        // Another process may have written to it, and closed it, since the packs were listed.
        let length = try store.index.packs().first { $0.id == id }?.length ?? 0
        do throws(FileError) {
            guard length < BlockStore.packLimit, try file.length() >= length else { return nil }
            // What lies beyond was never indexed: a process was stopped in the middle of it.
            try file.truncate(to: length)
            return (file, length)
        } catch {
            throw StoreError(error)
        }
    }

    private static func begin(_ file: File, _ header: [UInt8], _ store: BlockStore) throws(StoreError) {
        do throws(FileError) {
            try file.write(header, at: 0)
            try syncDirectory(store.folder + "/packs")
        } catch {
            throw StoreError(error)
        }
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

    /// Notes that the index knows everything up to the end.
    func committed() {
        lengths.withLock { $0.committed = $0.end }
    }

    /// Cuts off what the index does not know.
    func undo() {
        let length = lengths.withLock { $0.committed }
        try? file.truncate(to: length)
    }
}
