internal import IPLD
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

/// A place to read from that cannot be opened, such as a backend that is gone: whatever it is asked, it says why.
struct ClosedSource: BlockSource {
    private let problem: ReplicationError

    /// The place that could not be opened with an error.
    init(_ error: KitError) { problem = .source(StorageError(.badSettings, error.message, cause: error)) }

    var isFar: Bool { true }

    func blocks(_ cids: [CID], below root: CID) async throws(ReplicationError) -> [Block] { throw problem }

    func export(_ root: CID) async throws(ReplicationError) -> (any ByteStream)? { throw problem }

    func pack(_ root: CID, holding limit: UInt64) async throws(ReplicationError) -> PackedDAG { throw problem }

    func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) { throw problem }

    func expectHere(_ root: CID) async throws(ReplicationError) { throw problem }
}
