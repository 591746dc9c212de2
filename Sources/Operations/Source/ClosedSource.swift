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

    func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks {
        var found = FoundBlocks()
        found.problem = problem
        return found
    }

    func export(_ root: CID) async throws(ReplicationError) -> SourceStream? { throw problem }
}
