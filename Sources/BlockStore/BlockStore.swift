public import IPLD
public import Multiformats
internal import POSIX
internal import Synchronization

/// Blocks in append-only packs, each of them a valid CARv1, with an index beside them.
///
/// What `ingest` acknowledged is on the disk. Every read checks the hash. Several processes may use one store at once:
/// each appends to a pack of its own while it ingests.
public final class BlockStore: Sendable {
    /// The folder of the store.
    public let folder: String
    let index: BlockIndex
    /// Open packs, and open files that references lead to, by their paths.
    private let files = Mutex<[String: File]>([:])

    /// Packs are closed when they reach this length, in bytes.
    static let packLimit: UInt64 = 1 << 30

    /// Opens the store in `folder`, making it when it is not there, and its index when all of that is missing.
    ///
    /// Making the index of an old store again waits until nobody stores anything.
    public init(folder: String) throws(StoreError) {
        self.folder = folder
        do throws(FileError) {
            try makeDirectory(folder + "/packs")
        } catch {
            throw StoreError(error)
        }
        index = try BlockIndex(folder: folder + "/index")
        if let owner = try Self.owner(ofStoreIn: folder) { expect(generation: owner.generation) }
        let isEmpty = try packNumbers().isEmpty
        try identify(isEmpty: isEmpty)
        guard try index.isNew() else { return }
        do throws(FileError) {
            // Somebody who was killed may have made the folders, and not waited until they last.
            for path in [folder + "/packs", folder] { try syncName(of: path) }
        } catch {
            throw StoreError(error)
        }
        if isEmpty { try index.begin() } else { try rebuildIndex(onlyIfNew: true) }
    }

    /// Finds out which store this is; one that is new, or of the time before stores had an identity, gets one.
    private func identify(isEmpty: Bool) throws(StoreError) {
        var identity = try Self.identity(in: folder, index)
        var mayMake = identity == nil && isEmpty
        if identity == nil, !isEmpty { mayMake = try index.isOfFirstVersion() }
        if mayMake {
            let lock = try index.lock(shared: false)
            defer { withExtendedLifetime(lock) {} }
            // Somebody else may have done it while this one waited.
            identity = try Self.identity(in: folder, index)
            if identity == nil {
                let fresh = StoreIdentity.random()
                try Self.write(fresh, in: folder)
                identity = fresh
            }
        }
        index.store.withLock { $0 = identity }
    }

    /// What tells the store apart from every other, as 32 hexadecimal digits; nil where that is lost with the index.
    public var identity: String? { index.store.withLock { $0 }?.text }

    /// Takes note that so many commits were seen: an index with fewer has lost some, and is not to be relied upon.
    public func expect(generation: UInt64) { index.expected.withLock { $0 = max($0, generation) } }

    /// How many commits the index holds: what was committed later than this is not in it.
    public func generation() async throws(StoreError) -> UInt64 {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.generation() }
    }

    /// A number that becomes another one with each loss: while it is the same, every block that was in the store is in
    /// it, unless it was collected.
    public func epoch() async throws(StoreError) -> UInt64 {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.epoch() }
    }

    /// How many blocks were found damaged, and were neither stored again nor collected since.
    public func lost() async throws(StoreError) -> UInt64 {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.lost() }
    }

    /// Makes what is in the store last, whoever stored it: for those who rely on what they found there.
    public func makeLasting() async throws(StoreError) {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.makeLasting() }
    }

    /// The path of a pack.
    func path(of pack: PackID) -> String { folder + "/packs/" + pack.fileName }

    /// Where blocks are, in the order of `cids`; nil for one that is not there.
    ///
    /// Identity CIDs are nowhere.
    public func locate(_ cids: [CID]) async throws(StoreError) -> [BlockLocation?] {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in
            try index.locate(cids.map { BlockKey($0) })
        }
    }

    /// Says whether a block is in the store; one that its CID carries whole always is.
    public func has(_ cid: CID) async throws(StoreError) -> Bool {
        if cid.hash.code == .identity { return true }
        return try await locate([cid])[0] != nil
    }

    /// Reads a block and checks it against its CID.
    ///
    /// Throws `notFound`, and `corrupt` where the bytes on the disk are not those of the CID.
    public func get(_ cid: CID) async throws(StoreError) -> Block {
        try await get([cid])[0]
    }

    /// Reads blocks, in the order of `cids`, and checks each against its CID.
    public func get(_ cids: [CID]) async throws(StoreError) -> [Block] {
        let locations = try await locate(cids)
        return try await get(Array(zip(cids, locations)))
    }

    /// Reads blocks whose places are known, and checks each against its CID; many of them on several cores.
    public func get(_ places: [(cid: CID, location: BlockLocation?)]) async throws(StoreError) -> [Block] {
        let total = places.reduce(0) { $0 + ($1.location?.length ?? 0) }
        guard total > Self.enoughForTwo, places.count > 1 else { return try await read(places[...]) }
        var middle = 0
        var sum = 0
        while sum < total / 2 {
            sum += places[middle].location?.length ?? 0
            middle += 1
        }
        return try await both(places[..<middle], places[middle...])
    }

    /// From how many bytes on it is worth a second thread to check them.
    private static let enoughForTwo = 1 << 17

    private func both(
        _ first: ArraySlice<(cid: CID, location: BlockLocation?)>,
        _ second: ArraySlice<(cid: CID, location: BlockLocation?)>
    ) async throws(StoreError) -> [Block] {
        // A group, for two `async let` side by side are compiled wrongly (decision 0005).
        let halves = await withTaskGroup(of: Half.self) { group in
            group.addTask { Half(isFirst: true, blocks: await self.result(first)) }
            group.addTask { Half(isFirst: false, blocks: await self.result(second)) }
            var halves: [Bool: Result<[Block], StoreError>] = [:]
            for await half in group { halves[half.isFirst] = half.blocks }
            return halves
        }
        var blocks: [Block] = []
        for half in [halves[true], halves[false]] {
            guard let half else { throw StoreError(.unexpected, "Half of the blocks were not read.") }
            blocks += try half.get()
        }
        return blocks
    }

    private struct Half: Sendable {
        let isFirst: Bool
        let blocks: Result<[Block], StoreError>
    }

    private func result(_ places: ArraySlice<(cid: CID, location: BlockLocation?)>) async -> Result<[Block], StoreError>
    {
        do throws(StoreError) { return .success(try await read(places)) } catch { return .failure(error) }
    }

    private func read(_ places: ArraySlice<(cid: CID, location: BlockLocation?)>) async throws(StoreError) -> [Block] {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            var blocks: [Block] = []
            blocks.reserveCapacity(places.count)
            for place in places { blocks.append(try read(place.cid, at: place.location)) }
            return blocks
        }
    }

    /// Reads a block where it was said to be, or where it was moved to since, and checks it.
    func read(_ cid: CID, at location: BlockLocation?) throws(StoreError) -> Block {
        if cid.hash.code == .identity { return Block(cid: cid, bytes: Array(cid.hash.digest)) }
        return try atPlace(of: cid, location) { (place) throws(StoreError) in try readThere(cid, place) }
    }

    /// Runs `body` for the place where a block was said to be; where that fails, for the one that it was moved to
    /// since.
    func atPlace<Value>(
        of cid: CID,
        _ location: BlockLocation?,
        _ body: (BlockLocation) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        guard var place = location else { throw try absence(of: cid) }
        while true {
            do throws(StoreError) {
                return try body(place)
            } catch {
                guard error.code == .corrupt || error.code == .changed else { throw error }
                let key = BlockKey(cid)
                if let now = try index.locateNow([key])[0], now != place {
                    // A collection moved it, and an open file may be that of a pack that is gone; or it was stored
                    // again.
                    close(now.pack)
                    place = now
                    continue
                }
                // What is damaged leaves the index at once, whoever sees it: so it can be stored again, and nobody
                // counts on it.
                if error.code == .corrupt { try? index.forget([(key, place)]) }
                throw error
            }
        }
    }

    /// Why a block is not there: it never was, or it was found damaged.
    func absence(of cid: CID) throws(StoreError) -> StoreError {
        try index.isLost(BlockKey(cid))
            ? .damaged(cid, "that was seen before, and nobody has stored it again.") : .missing(cid)
    }

    /// Whether these bytes are at a place in a pack.
    func holds(_ bytes: ArraySlice<UInt8>, _ location: BlockLocation) -> Bool {
        guard location.length == bytes.count, let file = try? file(path(of: location.pack)) else { return false }
        return file.holds(bytes, at: location.offset)
    }

    /// Whether a block can be read from a place in the store or in a file; one that is where `reference` says was just
    /// seen.
    func isReadable(_ cid: CID, _ location: BlockLocation, as reference: Reference) -> Bool {
        if location.pack.isReferences, (try? self.reference(cid, location)) == reference { return true }
        return (try? readThere(cid, location)) != nil
    }

    private func readThere(_ cid: CID, _ location: BlockLocation) throws(StoreError) -> Block {
        if location.pack.isReferences { return try readReferred(cid, location) }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try file(path(of: location.pack)).read(at: location.offset, count: location.length)
        } catch {
            guard error.meansGone else { throw StoreError(error) }
            throw StoreError.damaged(cid, "its pack is gone. \(error)")
        }
        let block = Block(cid: cid, bytes: bytes)
        guard try Self.isSound(block) else {
            throw StoreError.damaged(cid, "the bytes on the disk have another hash.")
        }
        return block
    }

    /// Whether a block has the hash that its CID says.
    static func isSound(_ block: Block) throws(StoreError) -> Bool {
        do throws(DecodingProblem) {
            try block.verify()
            return true
        } catch {
            if error.code == .wrongHash { return false }
            throw StoreError(.unexpected, error.description, cid: block.cid)
        }
    }

    /// Runs `body` while nothing is collected: what it stores, or finds in the store, is there until it has ended.
    ///
    /// Whoever stores blocks and pins them afterwards does both inside.
    public func protecting<Value>(_ body: () async throws -> Value) async throws -> Value {
        let lock = try await waitForCollectionLock(shared: true)
        defer { withExtendedLifetime(lock) {} }
        return try await body()
    }

    /// The lock that a collection holds alone, and everybody who must not be collected holds together.
    func collectionLock(shared: Bool) throws(StoreError) -> File {
        do throws(FileError) {
            let file = try File.ofLock(lockFile)
            try file.lock(shared: shared)
            return file
        } catch {
            throw StoreError(error)
        }
    }

    /// The same, for whoever goes on with it on several threads, or keeps it for long: who waits here keeps no thread.
    func waitForCollectionLock(shared: Bool) async throws(StoreError) -> File {
        do throws(FileError) {
            return try await File.locked(lockFile, shared: shared)
        } catch {
            throw StoreError(error)
        }
    }

    private var lockFile: String { folder + "/lock" }

    /// The number of blocks in the store, and the sum of their lengths in bytes.
    public func totals() async throws(StoreError) -> (blocks: UInt64, bytes: UInt64) {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.totals() }
    }

    /// Closes a pack that is about to be removed, or that may be another one by now.
    func close(_ pack: PackID) {
        files.withLock { _ = $0.removeValue(forKey: path(of: pack)) }
    }

    /// A file that is read again and again.
    func file(_ path: String) throws(FileError) -> File {
        if let file = files.withLock({ $0[path] }) { return file }
        let file = try File(path, .readFile)
        files.withLock { files in
            // A store of many packs must not use up the process's descriptors.
            if files.count >= 128 { files.removeAll() }
            files[path] = file
        }
        return file
    }
}
