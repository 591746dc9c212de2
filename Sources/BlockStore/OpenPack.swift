internal import IPLD
internal import POSIX
internal import Synchronization

/// A pack that this process appends to; its lock keeps others away until it is closed.
final class OpenPack: Sendable {
    let number: Int64
    private let file: File
    private let lengths: Mutex<(committed: UInt64, end: UInt64)>

    /// The pack's length with everything that was appended.
    var end: UInt64 { lengths.withLock { $0.end } }

    /// Takes the first pack that has room and that nobody else is writing to, or a new one; none of `avoided`.
    init(in store: BlockStore, avoiding avoided: Set<Int64> = []) throws(StoreError) {
        let known = try store.index.packs()
        let open = known.filter { $0.length < BlockStore.packLimit && !avoided.contains($0.id) }.map(\.id)
        let next = (known.last?.id ?? 0) + 1
        do throws(FileError) {
            for number in open + (next..<next + 1000) {
                let path = store.path(of: number)
                // Only a pack that the index knows may be empty or short; one whose file went missing is left alone.
                if number < next, !fileExists(path) { continue }
                let file = try File(path, .update)
                guard try file.lock(wait: false) else { continue }
                // Another process may have written to it, and closed it, since the packs were listed.
                let length = try Self.committedLength(number, store)
                guard length < BlockStore.packLimit, try file.length() >= length else { continue }
                // What lies beyond was never indexed: a process was stopped in the middle of it.
                try file.truncate(to: length)
                self.number = number
                self.file = file
                let header = CARHeader(roots: []).encoded
                if length == 0 {
                    try file.write(header, at: 0)
                    try syncDirectory(store.folder + "/packs")
                }
                lengths = Mutex((length, length == 0 ? UInt64(header.count) : length))
                return
            }
        } catch {
            throw StoreError(error)
        }
        throw StoreError(.busy, "A thousand processes are writing to the store at once; try again later.")
    }

    private static func committedLength(_ number: Int64, _ store: BlockStore) throws(FileError) -> UInt64 {
        (try? store.index.length(of: number)) ?? .max
    }

    /// Appends pieces whose lengths sum up to `count`.
    func append(_ pieces: [[UInt8]], count: UInt64) throws(StoreError) {
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
