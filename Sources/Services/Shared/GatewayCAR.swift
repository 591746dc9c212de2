internal import IPLD
internal import Multiformats
internal import Storage

/// The CAR of a root, made of what hosts give of it: one root, depth first, each block once, every block checked.
///
/// A host says 200 before it knows whether it has all of it, and a CAR that ends may lack anything. So the DAG is
/// walked here: what a CAR does not bring is asked for by its CID, of whichever host has it, in a CAR of its own where
/// something may be below it. What comes out is the same whoever gave it; it ends when all of it came.
actor GatewayCAR {
    private let root: CID
    private let hosts: GatewayHosts
    private let policy: CallPolicy
    private var walk: DAGWalk
    private var isBegun = false
    /// What a host gives now, and which one.
    private var source: GatewayFind<GatewaySections>?
    /// Blocks that came before their turn, by their hashes.
    private var held: [Multihash: [UInt8]] = [:]
    private var heldBytes = 0
    /// The beginnings of the hashes of what was passed on: hosts may send the same twice.
    private var given: Set<UInt64> = []
    private var longest = 1 << 20
    /// What is ready to be passed on.
    private var ready: ArraySlice<[UInt8]> = []

    init(of root: CID, from hosts: GatewayHosts) {
        (self.root, self.hosts, policy) = (root, hosts, hosts.policy)
        walk = DAGWalk(root: root)
    }

    /// So many bytes are passed on at once.
    private static let chunk = 256 << 10
    /// So many bytes may come before their turn.
    private static let mostHeld = 16 << 20
    /// So many blocks are asked for at once, of at most so many bytes as far as is known.
    private static let (lanes, ahead) = (6, 8 << 20)

    /// Sees to it that the root is there; throws what all hosts say who have not got it.
    func begin() async throws(StorageError) {
        guard root.inlineContent == nil, held[root.hash] == nil else { return }
        hold(try await fetchFirst(root), of: root)
    }

    /// The next bytes of the CAR; nil when all of it came.
    func next() async throws(StorageError) -> [UInt8]? {
        if let chunk = ready.popFirst() { return chunk }
        var bytes: [UInt8] = isBegun ? [] : CARHeader(roots: [root]).encoded
        isBegun = true
        while bytes.count < Self.chunk, let cid = walk.next() {
            let content = try await content(of: cid)
            bytes += CARSection.prefix(for: cid, length: content.count)
            bytes += content
            note(cid, content.count)
            do throws(DecodingProblem) {
                try cid.checkLimits(length: content.count)
                walk.visit(try links(of: Block(cid: cid, bytes: content)))
            } catch {
                let code: StorageError.Code = error.code == .unsupported ? .unsupported : .corrupt
                throw StorageError(code, "The DAG of \(root) cannot be walked: \(error)", cause: error)
            }
        }
        guard !bytes.isEmpty else { return nil }
        ready =
            stride(from: 0, to: bytes.count, by: Self.chunk).map { start in
                Array(bytes[start..<min(start + Self.chunk, bytes.count)])
            }[...]
        return ready.popFirst()
    }

    // MARK: Blocks

    private func content(of cid: CID) async throws(StorageError) -> [UInt8] {
        if let content = cid.inlineContent { return content }
        if let content = release(cid) { return content }
        while let section = await nextSection() {
            if section.cid.hash == cid.hash { return Array(section.bytes) }
            guard !given.contains(Self.mark(of: section.cid)) else { continue }
            hold(Array(section.bytes), of: section.cid)
            // Who sends so much that is not wanted yet sends in no order, or what nobody asked for.
            if heldBytes > Self.mostHeld { source = nil }
        }
        if cid.codec != .raw {
            return try await policy.inRead { () async throws(StorageError) in try await fetchFirst(cid) }
        }
        try await fetchBlocks(cid)
        guard let content = release(cid) else {
            throw StorageError(.unexpected, "The block \(cid) came, and was not kept.")
        }
        return content
    }

    /// The next section of what a host gives; nil where it gives nothing more, however that came about.
    private func nextSection() async -> CARSection? {
        guard let source else { return nil }
        do throws(StorageError) {
            if let section = try await source.value.next() { return section }
        } catch {
            hosts.note(error, of: source.index)
        }
        self.source = nil
        return nil
    }

    /// A block with what is below it, as far as a host gives that in one CAR; the block alone where none gives CARs.
    private func fetchFirst(_ cid: CID) async throws(StorageError) -> [UInt8] {
        source = nil
        let what = "Reading \(cid)"
        do throws(StorageError) {
            let find = try await hosts.first(what, for: .car) { (connection) async throws(StorageError) in
                let sections = GatewaySections(try await connection.car(cid, .all), connection.errors, what)
                guard let first = try await sections.first(cid) else { throw connection.errors.empty(what) }
                return GatewayOpening(sections: sections, first: Array(first.bytes))
            }
            source = GatewayFind(index: find.index, value: find.value.sections)
            return find.value.first
        } catch {
            let mayHelp = error.isBrokenPromise || [.corrupt, .unsupported].contains(error.code) || hosts.mayLackCARs
            guard mayHelp, hosts.connections.contains(where: \.host.givesBlocks) else { throw error }
        }
        return try await hosts.block(cid)
    }

    /// Asks for a block that has nothing below it, and for those that come after it.
    private func fetchBlocks(_ cid: CID) async throws(StorageError) {
        let most = max(1, min(Self.lanes, Self.ahead / max(1, longest)))
        var wanted = [cid]
        for next in walk.upcoming(most - 1) where next.codec == .raw && next.inlineContent == nil {
            if held[next.hash] == nil, !wanted.contains(next) { wanted.append(next) }
        }
        let (hosts, policy) = (hosts, policy)
        var problem: StorageError?
        await withTaskGroup(of: GatewayBlock.self) { group in
            for each in wanted {
                group.addTask {
                    do throws(StorageError) {
                        let bytes = try await policy.inRead { () async throws(StorageError) in
                            try await hosts.block(each)
                        }
                        return GatewayBlock(cid: each, content: .success(bytes))
                    } catch {
                        return GatewayBlock(cid: each, content: .failure(error))
                    }
                }
            }
            for await block in group {
                switch block.content {
                case .success(let bytes): hold(bytes, of: block.cid)
                case .failure(let error): if block.cid == cid { problem = error }
                }
            }
        }
        if let problem { throw problem }
    }

    // MARK: What came before its turn

    private func hold(_ content: [UInt8], of cid: CID) {
        guard held.updateValue(content, forKey: cid.hash) == nil else { return }
        heldBytes += content.count
    }

    private func release(_ cid: CID) -> [UInt8]? {
        guard let content = held.removeValue(forKey: cid.hash) else { return nil }
        heldBytes -= content.count
        return content
    }

    private func note(_ cid: CID, _ length: Int) {
        given.insert(Self.mark(of: cid))
        longest = max(length, longest / 2)
    }

    private static func mark(of cid: CID) -> UInt64 { cid.hash.digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

/// A CAR that was opened, with its first block.
private struct GatewayOpening: Sendable {
    let sections: GatewaySections
    let first: [UInt8]
}

/// What came of one block.
private struct GatewayBlock: Sendable {
    let cid: CID
    let content: Result<[UInt8], StorageError>
}

extension GatewayHosts {
    /// A block, checked, of whoever has it.
    func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        try await first("Reading the block \(cid)", for: .block) { (connection) async throws(StorageError) in
            try await connection.block(cid)
        }.value
    }
}
