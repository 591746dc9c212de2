internal import POSIX
internal import Storage

/// A file that was fetched and has no name any more: it is gone when nobody holds it.
struct FetchedFile: Sendable {
    let length: UInt64
    private let file: File
    private let threads: BlockingThreads

    private static let chunk: UInt64 = 256 << 10

    /// An open file, which is read on some threads.
    init(_ file: File, on threads: BlockingThreads) throws(FileError) {
        (self.file, length, self.threads) = (file, try file.length(), threads)
    }

    /// Its bytes, or a part of them.
    func bytes(_ range: Range<UInt64>) -> any ByteStream {
        let wanted = range.clamped(to: 0..<length)
        return Pulled {
            let position = Locked(wanted.lowerBound)
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                let start = position.read { $0 }
                let count = Int(min(Self.chunk, wanted.upperBound - start))
                guard count > 0 else { return nil }
                let bytes = try await read(at: start, count)
                position.change { $0 = start + UInt64(count) }
                return bytes
            }
        }
    }

    private func read(at offset: UInt64, _ count: Int) async throws(StorageError) -> [UInt8] {
        do throws(FileError) {
            let bytes = try await threads.run { () throws(FileError) in try file.read(at: offset, count: count) }
            guard bytes.count < count else { return bytes }
        } catch {
            throw StorageError(.unavailable, "What was fetched cannot be read: \(error)", cause: error)
        }
        throw StorageError(.corrupt, "What was fetched is shorter than it was.")
    }
}
