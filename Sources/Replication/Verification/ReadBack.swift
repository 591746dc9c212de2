internal import Digests
package import IPLD
package import Multiformats
package import Schema
package import Storage
internal import Synchronization

/// What a complete reading of a root found.
package struct ReadBack: Sendable, Hashable {
    package let blockCount: UInt64
    /// The length of the CAR in bytes.
    package let length: UInt64
    package let sha256: [UInt8]
}

/// So much is read of a CAR whose length nobody knows, in bytes: a service may send without end.
let longestUnknown: UInt64 = 1 << 40

/// Reads the CAR of a root back from a backend, checks every block against its CID, and that none is missing.
///
/// `take` is given the sections as they come, each of them checked. More than `longest` bytes are not read, nor more
/// than ``longestUnknown`` where nobody knows the length. Throws
/// `notFound` where the backend says that it is not there, `corrupt` where it is not what it should be, and whatever
/// kept the backend from answering: none of these is read as one of the others.
@concurrent
package func readBack(
    _ root: CID,
    from content: any ContentService,
    at location: Location?,
    longest: UInt64? = nil,
    progress: Progress = .silent,
    take: ([CARSection]) async throws(StorageError) -> Void = { _ in }
) async throws(StorageError) -> ReadBack {
    let stream = try await content.read(root, at: location)
    return try await readBack(root, from: stream, longest: longest, progress: progress, take: take)
}

/// The same for a CAR that is being read already.
@concurrent
func readBack(
    _ root: CID,
    from stream: any ByteStream,
    longest: UInt64? = nil,
    progress: Progress = .silent,
    take: ([CARSection]) async throws(StorageError) -> Void = { _ in }
) async throws(StorageError) -> ReadBack {
    let hashing = HashingStream(stream, longest ?? longestUnknown, of: root, progress)
    var completeness = Completeness(root: root)
    for try await sections in VerifiedSections(hashing.stream, root: root) {
        try damage(of: root) { () throws(DecodingProblem) in
            for section in sections { try completeness.see(section) }
        }
        try await take(sections)
    }
    if let missing = try damage(of: root, { () throws(DecodingProblem) in try completeness.missing() }) {
        throw StorageError(.corrupt, "The CAR of \(root) is not complete: it lacks the block \(missing).")
    }
    return ReadBack(blockCount: completeness.blockCount, length: hashing.length, sha256: hashing.digest)
}

private func damage<Value>(
    of root: CID,
    _ body: () throws(DecodingProblem) -> Value
) throws(StorageError) -> Value {
    do throws(DecodingProblem) {
        return try body()
    } catch {
        throw StorageError(.corrupt, "The CAR of \(root) is damaged: \(error)", cause: error)
    }
}

/// A stream whose length and SHA-256 are known when it has been read.
private struct HashingStream: Sendable {
    private final class State: Sendable {
        private let hash = Mutex(RunningHash(.sha256))
        private let count = Locked<UInt64>(0)

        func pass(_ chunk: [UInt8]) {
            hash.withLock { $0.update(chunk) }
            count.change { $0 += UInt64(chunk.count) }
        }

        var length: UInt64 { count.read { $0 } }
        var digest: [UInt8] { hash.withLock { $0.digest() } }
    }

    private let state = State()
    let stream: any ByteStream

    init(_ base: any ByteStream, _ longest: UInt64, of root: CID, _ progress: Progress) {
        stream = Pulled { [state] in
            let cursor = StreamCursor(base)
            return { () async throws(StorageError) in
                let chunk = try await cursor.next()
                if let chunk {
                    state.pass(chunk)
                    guard state.length <= longest else {
                        throw StorageError(
                            .corrupt,
                            "The CAR of \(root) has more than the \(longest) bytes that it should have."
                        )
                    }
                    progress.bytes(UInt64(chunk.count))
                }
                return chunk
            }
        }
    }

    var length: UInt64 { state.length }
    var digest: [UInt8] { state.digest }
}
