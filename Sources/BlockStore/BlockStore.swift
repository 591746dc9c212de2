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

    /// Opens the store in `folder`, making it when it is not there, and its index when that is missing.
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
        guard try index.isNew() else { return }
        if try packNumbers().isEmpty { try index.begin() } else { try rebuildIndex(onlyIfNew: true) }
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
        do {
            async let one = read(first)
            async let other = read(second)
            return try await one + other
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.unexpected, "\(error)")
        }
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
        guard let location else { throw StoreError.missing(cid) }
        do throws(StoreError) {
            return try readThere(cid, location)
        } catch {
            guard error.code == .corrupt || error.code == .changed,
                let place = try index.locateNow([BlockKey(cid)])[0], place != location
            else {
                throw error
            }
            // A collection moved it, and an open file may be that of a pack that is gone.
            close(place.pack)
            return try readThere(cid, place)
        }
    }

    private func readThere(_ cid: CID, _ location: BlockLocation) throws(StoreError) -> Block {
        if location.pack.isReferences { return try readReferred(cid, location) }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try file(path(of: location.pack)).read(at: location.offset, count: location.length)
        } catch {
            guard error.code == .notFound else { throw StoreError(error) }
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
        let lock = try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            try collectionLock(shared: true)
        }
        defer { withExtendedLifetime(lock) {} }
        return try await body()
    }

    /// The lock that a collection holds alone, and everybody who must not be collected holds together.
    func collectionLock(shared: Bool) throws(StoreError) -> File {
        do throws(FileError) {
            let file = try File(folder + "/lock", .update)
            _ = try file.lock(shared: shared, wait: true)
            return file
        } catch {
            throw StoreError(error)
        }
    }

    /// Takes a damaged block out of the index, so that it counts as missing and can be stored again.
    public func discardDamaged(_ cid: CID) async throws(StoreError) {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            // A collection counts on an index that nobody else changes.
            let lock = try collectionLock(shared: true)
            defer { withExtendedLifetime(lock) {} }
            let key = BlockKey(cid)
            guard let location = try index.locateNow([key])[0] else { return }
            try index.forget(key, at: location)
        }
    }

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
        let file = try File(path, .read)
        files.withLock { files in
            // A store of many packs must not use up the process's descriptors.
            if files.count >= 128 { files.removeAll() }
            files[path] = file
        }
        return file
    }
}
