internal import Digests
package import IPLD
package import Multiformats
package import Schema
package import Storage

/// The blocks of one root on a backend, each read by itself and checked: alone where the service gives single blocks,
/// and else as a part of the CAR, whose index says where it is.
package final class RemoteBlocks: Sendable {
    private let root: CID
    private let location: Location?
    private let backend: OpenBackend
    private let cache: BlockCache?
    private let notice: @Sendable (String) -> Void
    private let known = Locked<Known?>(nil)
    /// One task loads the map, the others wait for it.
    private let loading = Permits(1)
    private let hasToldOfRanges = Locked(false)
    /// What has led astray, and is asked no more.
    private let misled = Locked<Set<Known.Origin>>([])

    /// The blocks of `root`, whose CAR is at `location` as far as that is known; what is odd about the service is told
    /// to `notice` in a sentence, and what is read is kept in `cache`, where there is one.
    package init(
        of root: CID,
        at location: Location?,
        on backend: OpenBackend,
        cache: BlockCache?,
        notice: @escaping @Sendable (String) -> Void
    ) {
        (self.root, self.location, self.backend, self.cache) = (root, location, backend, cache)
        self.notice = notice
    }

    /// Sections that lie so near to each other, in bytes, are read together.
    private static let gap: UInt64 = 16 << 10
    /// As long as what is read together has at most so many bytes.
    private static let longestRead: UInt64 = 8 << 20
    /// How many requests are made at once.
    private static let width = 4

    /// Blocks in the order of their CIDs; throws `notFound` where one is not in the CAR, `corrupt` where other bytes
    /// are there.
    package func blocks(_ cids: [CID]) async throws(StorageError) -> [Block] {
        let found = await find(cids)
        if let problem = found.problem { throw problem }
        return cids.compactMap { found.blocks[$0] }
    }

    /// Those of some blocks that can be had, and why one of the others cannot: first of all, that nobody answered.
    package func find(_ cids: [CID]) async -> (blocks: [CID: Block], problem: StorageError?) {
        var found: [CID: Block] = [:]
        var missing: [CID] = []
        for cid in cids where found[cid] == nil {
            if let content = cid.inlineContent {
                found[cid] = Block(cid: cid, bytes: content)
            } else if let block = await cache?.block(cid) {
                found[cid] = block
            } else if !missing.contains(cid) {
                missing.append(cid)
            }
        }
        guard !missing.isEmpty else { return (found, nil) }
        let part = await read(missing)
        for block in part.blocks { found[block.cid] = block }
        await cache?.keep(part.blocks)
        return (found, part.problem)
    }

    /// What came of a part of what was wanted.
    private struct Part: Sendable {
        var blocks: [Block] = []
        var problem: StorageError?

        init() {}

        init(of work: () async throws(StorageError) -> [Block]) async {
            do throws(StorageError) { blocks = try await work() } catch { problem = error }
        }

        mutating func add(_ other: Part) {
            blocks += other.blocks
            guard let new = other.problem else { return }
            if problem.map({ $0.isOfContent && !new.isOfContent }) ?? true { problem = new }
        }
    }

    /// Whether the CAR of the root has a block, by its index, or by all of a short CAR; throws `unsupported` where a
    /// long one has no index.
    package func have(_ cid: CID) async throws(StorageError) -> Bool {
        switch try await sections(mayReadAll: false).map {
        case .whole(let sections): sections[cid.hash] != nil
        case .indexed(let sections):
            try decoding { () throws(DecodingProblem) in try sections.range(of: cid) } != nil
        }
    }

    private func read(_ cids: [CID]) async -> Part {
        if backend.content.capabilities.contains(.blocks) { return await single(cids) }
        var part = Part()
        var wanted = cids
        while true {
            let known: Known
            do throws(StorageError) { known = try await sections() } catch {
                part.problem = error
                return part
            }
            let read = await read(wanted, in: known.map)
            part.blocks += read.blocks
            // An index that was kept may be that of another CAR, and the one beside the CAR may have rotted: what is
            // there and what is not, only the CAR says.
            guard known.origin != .car, read.problem?.code == .corrupt || read.problem?.code == .notFound else {
                part.problem = read.problem
                return part
            }
            let found = Set(read.blocks.map(\.cid))
            wanted.removeAll { found.contains($0) }
            await cache?.dropIndex(of: root)
            self.known.change { $0 = nil }
            misled.change { _ = $0.insert(known.origin) }
        }
    }

    private func single(_ cids: [CID]) async -> Part {
        await several(cids) { [backend, self] (cid) in
            await Part { () async throws(StorageError) in
                [try checked(Block(cid: cid, bytes: try await backend.content.block(cid)))]
            }
        }
    }

    private func read(_ cids: [CID], in map: SectionMap) async -> Part {
        var part = Part()
        var places: [Place] = []
        for cid in cids {
            part.add(
                await Part { () async throws(StorageError) in
                    switch map {
                    case .whole(let sections):
                        guard let bytes = sections[cid.hash] else { throw absence(of: cid) }
                        return [try checked(Block(cid: cid, bytes: Array(bytes)))]
                    case .indexed(let sections):
                        let range = try decoding { () throws(DecodingProblem) in try sections.range(of: cid) }
                        guard let range else { throw absence(of: cid) }
                        places.append(Place(cid: cid, range: range))
                        return []
                    }
                }
            )
        }
        if !places.isEmpty { part.add(await several(Self.joined(places), read)) }
        return part
    }

    /// A block, and where its section is.
    private struct Place: Sendable {
        let cid: CID
        let range: Range<UInt64>
    }

    /// Places near to each other, together.
    private static func joined(_ places: [Place]) -> [[Place]] {
        var groups: [[Place]] = []
        var span = UInt64(0)..<0
        for place in places.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            let end = max(span.upperBound, place.range.upperBound)
            if !groups.isEmpty, place.range.lowerBound <= span.upperBound + gap, end - span.lowerBound <= longestRead {
                groups[groups.count - 1].append(place)
                span = span.lowerBound..<end
            } else {
                groups.append([place])
                span = place.range
            }
        }
        return groups
    }

    private func read(_ places: [Place]) async -> Part {
        let start = places.first?.range.lowerBound ?? 0
        let end = places.map(\.range.upperBound).max() ?? 0
        let bytes: [UInt8]
        var part = Part()
        do throws(StorageError) {
            let object = try await backend.content.read(root, at: location, start..<end)
            if object.ignoresRange,
                hasToldOfRanges.change({ hasTold in
                    defer { hasTold = true }; return !hasTold
                })
            {
                notice("\(backend.name) ignores ranges: to read a part it sends all that comes before it, too.")
            }
            bytes = try await collect(object.stream, limit: Int(end - start))
        } catch {
            part.problem = error
            return part
        }
        for place in places {
            part.add(
                await Part { () async throws(StorageError) in
                    let section = try decoding { () throws(DecodingProblem) in
                        try CARSection(in: bytes, at: Int(place.range.lowerBound - start))
                    }
                    return [try checked(Block(cid: place.cid, bytes: Array(section.bytes)))]
                }
            )
        }
        return part
    }

    // MARK: The map

    /// Where the blocks are, and who says so: an index that was kept here or lies beside the CAR, or the CAR.
    private struct Known: Sendable {
        enum Origin: Sendable { case kept, beside, car }
        let map: SectionMap
        let origin: Origin
    }

    private func sections(mayReadAll: Bool = true) async throws(StorageError) -> Known {
        let permit = try await loading.take()
        defer { permit.give() }
        if let known = known.read({ $0 }) { return known }
        let mayKeep = location?.isReadWhole != true && !misled.read { $0.contains(.kept) }
        let kept = mayKeep ? await cache?.index(of: root) : nil
        let sections = kept.flatMap { try? IndexedSections($0, length: location?.length) }
        let found =
            if let sections {
                Known(map: .indexed(sections), origin: .kept)
            } else {
                try await load(mayReadAll: mayReadAll)
            }
        known.change { $0 = found }
        return found
    }

    private func load(mayReadAll: Bool) async throws(StorageError) -> Known {
        let place = try await place()
        if place?.isReadWhole == true {
            let stream = try await backend.content.read(root, at: location)
            let bytes: [UInt8]
            do throws(StorageError) {
                bytes = try await collect(stream, limit: Int(Location.longestReadWhole))
            } catch {
                guard error.code == .tooLarge else { throw error }
                let length = place?.length ?? Location.longestReadWhole
                throw StorageError(
                    .corrupt,
                    "The CAR of \(root) on \(backend.name) has more than the \(length) bytes that it should have.",
                    backend: backend.name,
                    cause: error
                )
            }
            return Known(
                map: try decoding { () throws(DecodingProblem) in try SectionMap(car: bytes, of: root) },
                origin: .car
            )
        }
        guard backend.content.capabilities.contains(.rangeReads) else {
            throw StorageError(
                .unsupported,
                "This backend gives no parts of a CAR, and that of \(root) is too long to be read whole for one of its blocks: "
                    + "`ipfs-kit restore \(root)` brings all of it into the store.",
                backend: backend.name
            )
        }
        let (index, origin) = try await index(ofLength: place?.length, mayReadAll: mayReadAll)
        await cache?.keep(index: index, of: root)
        let map = try decoding { () throws(DecodingProblem) in
            SectionMap.indexed(try IndexedSections(index, length: place?.length))
        }
        return Known(map: map, origin: origin)
    }

    /// Where the CAR is and how long, asked for where nobody knows it here.
    private func place() async throws(StorageError) -> Location? {
        if location?.length != nil { return location }
        switch await backend.content.presence(of: root, at: location) {
        case .present(let held): return held.location
        case .absent, .pending:
            throw StorageError(.notFound, "The backend \(backend.name) does not have \(root).", backend: backend.name)
        case .unknown(let error): throw error
        }
    }

    /// The index that is kept beside the CAR, or one that is made from all of it.
    ///
    /// An index has 40 bytes for a section, which has 37 or more, so one that is much longer than the CAR is none.
    private func index(
        ofLength length: UInt64?,
        mayReadAll: Bool
    ) async throws(StorageError) -> (bytes: [UInt8], origin: Known.Origin) {
        let known = Int(min(length ?? .max, UInt64(BlockCache.longestIndex)))
        let longest = min(BlockCache.longestIndex, known / 2 * 3 + 4096)
        var isThere = misled.read { $0.contains(.beside) }
        if !isThere, let stream = try await backend.content.index(of: root, at: location) {
            do throws(StorageError) {
                let index = try await collect(stream, limit: longest)
                if (try? CARIndexReader(index)) != nil { return (index, .beside) }
            } catch {
                guard error.code == .tooLarge else { throw error }
            }
            isThere = true
        }
        let lack = "\(backend.name) has no \(isThere ? "index that fits" : "index beside") the CAR of \(root)"
        guard mayReadAll else { throw StorageError(.unsupported, "\(lack).", backend: backend.name) }
        // What only passes on keeps no index, and nobody could store one there.
        if !backend.content.capabilities.contains(.relays) {
            notice(
                "\(lack): all of it is read once to make one, which is kept here. `ipfs-kit sync --force \(backend.name)` "
                    + "stores one beside each CAR that this home packed."
            )
        }
        var index = CARIndex()
        var parser = CARParser(verifiesBlocks: false)
        var (passed, sections) = (UInt64(0), 0)
        func take() throws(DecodingProblem) {
            while let event = try parser.next() {
                if case .header(let header) = event { try header.expectRoot(root) }
                guard case .section(let section) = event else { continue }
                index.add(section.cid, offset: UInt64(section.offset))
                sections += 1
            }
        }
        for try await chunk in try await backend.content.read(root, at: location) {
            passed += UInt64(chunk.count)
            // A CAR is somebody's word: one that is longer than it is said to be, or has no end, is not read on.
            guard passed <= length ?? .max, sections <= Self.maxIndexed else { throw tooMuch(length) }
            parser.feed(chunk)
            try decoding { () throws(DecodingProblem) in try take() }
        }
        try decoding { () throws(DecodingProblem) in try parser.finish() }
        return (index.encoded(.multihashSorted), .car)
    }

    /// An index of so many sections is as long as one that is kept may be: each has a digest and an offset.
    private static let maxIndexed = BlockCache.longestIndex / 40

    // MARK: Errors

    private func tooMuch(_ length: UInt64?) -> StorageError {
        let what = length.map { "more than the \($0) bytes that it should have" } ?? "no end"
        return StorageError(
            .tooLarge,
            "The CAR of \(root) on \(backend.name) has \(what), or more than \(Self.maxIndexed) blocks: no index of it is made. "
                + "`ipfs-kit restore \(root)` brings all of it into the store.",
            backend: backend.name
        )
    }

    private func absence(of cid: CID) -> StorageError {
        StorageError(
            .notFound,
            "The block \(cid) is not in the CAR of \(root) on \(backend.name).",
            backend: backend.name
        )
    }

    private func checked(_ block: Block) throws(StorageError) -> Block {
        try decoding { () throws(DecodingProblem) in try block.verify() }
        return block
    }

    private func decoding<Value>(_ work: () throws(DecodingProblem) -> Value) throws(StorageError) -> Value {
        do throws(DecodingProblem) {
            return try work()
        } catch {
            throw StorageError(
                .corrupt,
                "The CAR of \(root) on \(backend.name) is not what it should be: \(error)",
                backend: backend.name,
                cause: error
            )
        }
    }

    /// Does `work` with each item, a few at once; who does not answer for one is not asked for the others.
    private func several<Item: Sendable>(
        _ items: [Item],
        _ work: @escaping @Sendable (Item) async -> Part
    ) async -> Part {
        if items.count == 1 { return await work(items[0]) }
        return await withTaskGroup(of: Part.self) { group in
            var rest = items[...]
            var all = Part()
            for item in rest.prefix(Self.width) { group.addTask { await work(item) } }
            rest = rest.dropFirst(Self.width)
            while let part = await group.next() {
                all.add(part)
                if all.problem.map({ !$0.isOfContent }) ?? false { rest = [] }
                if let item = rest.popFirst() { group.addTask { await work(item) } }
            }
            return all
        }
    }
}
