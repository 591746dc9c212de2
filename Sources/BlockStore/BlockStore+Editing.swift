public import IPLD
public import Multiformats

extension BlockStore {
    /// Changes the tree of directories at `root`, or an empty one, and stores the blocks that are new.
    ///
    /// Only the nodes on the paths that change are read and written. They are on the disk when this returns; what they
    /// link to need not be in the store. Hold ``protecting(_:)`` around it until the new root is written down
    /// somewhere.
    /// - Throws: ``StoreError`` where a node is missing or damaged, or cannot be stored; the `DecodingProblem` of
    ///   `changes`.
    public func edit(
        _ root: CID?,
        profile: ImportProfile,
        _ changes: @escaping @Sendable (DirectoryEditor) throws(DecodingProblem) -> Void
    ) async throws -> DAGEntry {
        let edited = try await reading { (reader) throws(StoreError) in
            var failure: StoreError?
            do throws(DecodingProblem) {
                let editor = try DirectoryEditor(root: root, profile: profile) { (cid) throws(DecodingProblem) in
                    do throws(StoreError) {
                        return try reader.get(cid)
                    } catch {
                        failure = error
                        throw DecodingProblem(.missing, error.message, cid: cid)
                    }
                }
                try changes(editor)
                let (entry, blocks) = try editor.finish()
                return Edited(entry: entry, blocks: blocks)
            } catch {
                if let failure { throw failure }
                return Edited(problem: error)
            }
        }
        if let problem = edited.problem { throw problem }
        guard let entry = edited.entry else { throw StoreError(.unexpected, "The changes gave no root.") }
        try await ingest { try await $0.write(edited.blocks) }
        return entry
    }
}

/// What came of changes: a root and its new blocks, or why there is none.
private struct Edited: Sendable {
    var entry: DAGEntry?
    var blocks: [Block] = []
    var problem: DecodingProblem?
}
