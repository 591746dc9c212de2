internal import BlockStore
package import Multiformats
package import Storage

/// Several sources together, asked in their order: what the first does not give, the next one may.
///
/// One that did not answer, and may have it, is told of where nobody else has what was wanted.
package struct SeveralSources: BlockSource {
    private let sources: [any BlockSource]
    /// Of those that did not answer last, by their places among all.
    private let silences: Silences<Int, ReplicationError>

    package init(_ sources: [any BlockSource], timing: Timing) {
        self.sources = sources
        silences = Silences(timing: timing)
    }

    package var isFar: Bool { sources.first?.isFar ?? false }

    package func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks {
        var all = FoundBlocks()
        var problems: [ReplicationError] = []
        for index in sources.indices {
            // Nothing is asked for twice.
            let wanted = Array(Set(cids.filter { all.blocks[$0] == nil }))
            guard !wanted.isEmpty else { return all }
            do throws(ReplicationError) {
                try expectAnswers(of: index)
                let found = try await sources[index].find(wanted, below: root)
                all.blocks.merge(found.blocks) { $1 }
                all.givers.formUnion(found.givers)
                try note(found.problem, of: index)
                if let problem = found.problem { problems.append(problem) }
            } catch {
                guard error.isOfSource else { throw error }
                problems.append(error)
            }
        }
        if cids.contains(where: { all.blocks[$0] == nil }) { all.problem = Self.joined(problems) }
        return all
    }

    /// The first CAR that one of them gives.
    package func export(_ root: CID) async throws(ReplicationError) -> SourceStream? {
        let (stream, _) = try await first { (source) async throws(ReplicationError) in try await source.export(root) }
        return stream
    }

    /// Where one source has all of it, it is packed from there, and else from all of them, block by block.
    package func pack(
        _ root: CID,
        by packing: FarPacking,
        holding limit: UInt64
    ) async throws(ReplicationError) -> PackedDAG {
        let (packed, problems) = try await first { (source) async throws(ReplicationError) in
            try await source.pack(root, by: packing, holding: limit)
        }
        if let packed {
            return packed.falling { [self] (cids) async throws(ReplicationError) in try await blocks(cids, below: root)
            }
        }
        guard mayTogether else { throw Self.joined(problems) }
        return try await packing.pack(root, from: OneByOne(all: self), holding: limit)
    }

    package func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) {
        let (isWhole, problems) = try await first { (source) async throws(ReplicationError) in
            try await source.expectWhole(root, progress: progress)
            return true
        }
        if isWhole == true { return }
        guard mayTogether else { throw Self.joined(problems) }
        try await walk(root, withLeaves: true, progress: progress) { _ in }
    }

    /// What the first source makes that makes something, and what those before it said.
    private func first<Value>(
        _ make: (any BlockSource) async throws(ReplicationError) -> Value?
    ) async throws(ReplicationError) -> (value: Value?, problems: [ReplicationError]) {
        var problems: [ReplicationError] = []
        for (index, source) in sources.enumerated() {
            do throws(ReplicationError) {
                try expectAnswers(of: index)
                let value = try await make(source)
                try note(nil, of: index)
                if let value { return (value, problems) }
            } catch {
                try note(error, of: index)
                problems.append(error)
            }
        }
        return (nil, problems)
    }

    /// Whether several answer, of which each may have a part.
    private var mayTogether: Bool {
        sources.indices.count { silences.problem(of: $0) == nil } > 1
    }

    /// Throws what a source said last that is left alone for now.
    private func expectAnswers(of index: Int) throws(ReplicationError) {
        if let problem = silences.problem(of: index) { throw problem }
    }

    /// Remembers whether a source answered; throws what is not of it, such as that the work was stopped.
    private func note(_ error: ReplicationError?, of index: Int) throws(ReplicationError) {
        guard let error, !error.isOfContent, !error.isOfObject else { return silences.note(nil, of: index) }
        guard error.isOfSource else { throw error }
        silences.note(error, of: index)
    }

    /// What to say where nobody gave what was wanted: first of all, who did not answer; and what is damaged somewhere
    /// is not absent.
    private static func joined(_ problems: [ReplicationError]) -> ReplicationError {
        if let unknown = problems.first(where: { !$0.isOfContent }) { return unknown }
        guard let first = problems.first else {
            return .source(StorageError(.notFound, "There is no source of content."))
        }
        guard problems.count > 1 else { return first }
        let message = problems.map(\.description.asSentence).joined(separator: " ")
        switch problems.first(where: \.isDamage) {
        case .store(let error): return .store(StoreError(error.code, message, cid: error.cid))
        case .source(let error): return .source(StorageError(error.code, message))
        default: return .source(StorageError(.notFound, message))
        }
    }

    /// The same sources without their exports: each has a part only.
    private struct OneByOne: BlockSource {
        let all: SeveralSources

        var isFar: Bool { true }

        func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks {
            try await all.find(cids, below: root)
        }

        func export(_ root: CID) async throws(ReplicationError) -> SourceStream? { nil }
    }
}

extension String {
    /// The same with a capital letter at the beginning, where that is the word for something that has no name.
    package var asSentence: String { hasPrefix("the ") ? "T" + dropFirst() : self }
}
