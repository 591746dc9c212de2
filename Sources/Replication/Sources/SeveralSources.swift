internal import BlockStore
package import IPLD
package import Multiformats
package import Storage

/// Several sources together, asked in their order: what the first does not give, the next one may.
///
/// One that did not answer, and may have it, is told of where nobody else has what was wanted.
package struct SeveralSources: BlockSource {
    private let sources: [any BlockSource]
    private let packing: FarPacking
    /// How often in a row each did not answer, and what it said last, by their places among all.
    private let silences = Locked<[Int: (count: Int, problem: ReplicationError)]>([:])
    /// One that did not answer so often in a row is not asked again.
    private static let patience = 3

    package init(_ sources: [any BlockSource], packing: FarPacking) {
        (self.sources, self.packing) = (sources, packing)
    }

    package var isFar: Bool { sources.first?.isFar ?? false }

    package func blocks(_ cids: [CID], below root: CID) async throws(ReplicationError) -> [Block] {
        var found: [CID: Block] = [:]
        var problems: [ReplicationError] = []
        for index in sources.indices {
            // Nothing is asked for twice.
            let wanted = Array(Set(cids.filter { found[$0] == nil }))
            guard !wanted.isEmpty else { break }
            if let problem = silence(of: index) {
                problems.append(problem)
                continue
            }
            let (blocks, problem) = try await find(wanted, below: root, in: index)
            for block in blocks { found[block.cid] = block }
            if let problem { problems.append(problem) }
        }
        let blocks = cids.compactMap { found[$0] }
        guard blocks.count == cids.count else { throw Self.joined(problems) }
        return blocks
    }

    /// The blocks that one source has of some, and what it says of one that it has not.
    private func find(
        _ cids: [CID],
        below root: CID,
        in index: Int
    ) async throws(ReplicationError) -> (blocks: [Block], problem: ReplicationError?) {
        do throws(ReplicationError) {
            let blocks = try await sources[index].blocks(cids, below: root)
            silences.change { $0[index] = nil }
            return (blocks, nil)
        } catch {
            try note(error, of: index)
            guard error.isOfContent, cids.count > 1 else { return ([], error) }
        }
        // Some are there and some are not: it is asked for fewer at once.
        let middle = cids.count / 2
        let first = try await find(Array(cids[..<middle]), below: root, in: index)
        let second = try await find(Array(cids[middle...]), below: root, in: index)
        return (first.blocks + second.blocks, first.problem ?? second.problem)
    }

    /// The first CAR that one of them gives.
    package func export(_ root: CID) async throws(ReplicationError) -> (any ByteStream)? {
        for (index, source) in sources.enumerated() where silence(of: index) == nil {
            do throws(ReplicationError) {
                if let stream = try await source.export(root) { return stream }
            } catch {
                try note(error, of: index)
            }
        }
        return nil
    }

    /// Where one source has all of it, it is packed from there, and else from all of them, block by block.
    package func pack(_ root: CID, holding limit: UInt64) async throws(ReplicationError) -> PackedDAG {
        var problems: [ReplicationError] = []
        for (index, source) in sources.enumerated() {
            if let problem = silence(of: index) {
                problems.append(problem)
                continue
            }
            do throws(ReplicationError) {
                return try await source.pack(root, holding: limit)
            } catch {
                try note(error, of: index)
                problems.append(error)
            }
        }
        guard sources.indices.count(where: { silence(of: $0) == nil }) > 1 else { throw Self.joined(problems) }
        return try await packing.pack(root, from: OneByOne(all: self, packing: packing), holding: limit)
    }

    package func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) {
        for (index, source) in sources.enumerated() where silence(of: index) == nil {
            do throws(ReplicationError) {
                return try await source.expectWhole(root, progress: progress)
            } catch {
                try note(error, of: index)
            }
        }
        _ = try await pack(root)
    }

    package func expectHere(_ root: CID) async throws(ReplicationError) {
        var problem: ReplicationError?
        for source in sources {
            do throws(ReplicationError) {
                return try await source.expectHere(root)
            } catch {
                problem = problem ?? error
            }
        }
        throw problem ?? Self.joined([])
    }

    /// What a source said last that is asked no more; nil for one that is.
    private func silence(of index: Int) -> ReplicationError? {
        silences.read { silences in
            silences[index].flatMap { $0.count >= Self.patience ? $0.problem : nil }
        }
    }

    /// Remembers that a source did not answer; throws where the work was stopped.
    private func note(_ error: ReplicationError, of index: Int) throws(ReplicationError) {
        if error.isCancellation { throw error }
        guard !error.isOfContent else { return }
        silences.change { $0[index] = (($0[index]?.count ?? 0) + 1, error) }
    }

    /// What to say where nobody gave what was wanted: first of all, who did not answer; and what is damaged somewhere
    /// is not absent.
    private static func joined(_ problems: [ReplicationError]) -> ReplicationError {
        if let unknown = problems.first(where: { !$0.isOfContent }) { return unknown }
        guard let first = problems.first else {
            return .source(StorageError(.notFound, "There is no source of content."))
        }
        guard problems.count > 1 else { return first }
        let message = problems.map(\.description).joined(separator: " ")
        switch problems.first(where: \.isDamage) {
        case .store(let error): return .store(StoreError(error.code, message, cid: error.cid))
        case .source(let error): return .source(StorageError(error.code, message))
        default: return .source(StorageError(.notFound, message))
        }
    }

    /// The same sources without their exports: each has a part only.
    private struct OneByOne: BlockSource {
        let all: SeveralSources
        let packing: FarPacking

        var isFar: Bool { true }

        func blocks(_ cids: [CID], below root: CID) async throws(ReplicationError) -> [Block] {
            try await all.blocks(cids, below: root)
        }

        func export(_ root: CID) async throws(ReplicationError) -> (any ByteStream)? { nil }

        func pack(_ root: CID, holding limit: UInt64) async throws(ReplicationError) -> PackedDAG {
            try await packing.pack(root, from: self, holding: limit)
        }

        func expectHere(_ root: CID) async throws(ReplicationError) { try await all.expectHere(root) }
    }
}
