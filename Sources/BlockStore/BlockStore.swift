package import IPLD
package import Multiformats
internal import POSIX
internal import Synchronization

/// Blocks in append-only packs, each of them a valid CARv1, with an index beside them.
///
/// What `ingest` acknowledged is on the disk. Every read checks the hash. Several processes may use one store at once:
/// each appends to a pack of its own while it ingests.
package final class BlockStore: Sendable {
    /// The folder of the store.
    package let folder: String
    let index: BlockIndex
    private let packs = Mutex<[Int64: File]>([:])

    /// Packs are closed when they reach this length, in bytes.
    static let packLimit: UInt64 = 1 << 30

    /// Opens the store in `folder`, making it when it is not there, and its index when that is missing.
    package init(folder: String) throws(StoreError) {
        self.folder = folder
        do throws(FileError) {
            try makeDirectory(folder + "/packs")
        } catch {
            throw StoreError(error)
        }
        let path = folder + "/index.sqlite"
        let isNew = !fileExists(path)
        index = try BlockIndex(path: path)
        if isNew { try rebuildIndex() }
    }

    /// The path of a pack.
    func path(of pack: Int64) -> String {
        let number = String(pack)
        return "\(folder)/packs/\(String(repeating: "0", count: max(0, 6 - number.count)))\(number).car"
    }

    /// Where blocks are, in the order of `cids`; nil for one that is not there.
    ///
    /// Identity CIDs are nowhere.
    package func locate(_ cids: [CID]) async throws(StoreError) -> [BlockLocation?] {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in
            try index.locate(cids.map(\.hash))
        }
    }

    /// Says whether a block is in the store; one that its CID carries whole always is.
    package func has(_ cid: CID) async throws(StoreError) -> Bool {
        if cid.hash.code == .identity { return true }
        return try await locate([cid])[0] != nil
    }

    /// Reads a block and checks it against its CID.
    ///
    /// Throws `notFound`, and `corrupt` where the bytes on the disk are not those of the CID.
    package func get(_ cid: CID) async throws(StoreError) -> Block {
        try await get([cid])[0]
    }

    /// Reads blocks, in the order of `cids`, and checks each against its CID.
    package func get(_ cids: [CID]) async throws(StoreError) -> [Block] {
        let locations = try await locate(cids)
        return try await get(Array(zip(cids, locations)))
    }

    /// Reads blocks whose places are known, and checks each against its CID; many of them on several cores.
    package func get(_ places: [(cid: CID, location: BlockLocation?)]) async throws(StoreError) -> [Block] {
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
            guard error.code == .corrupt, let place = try index.locate([cid.hash])[0], place != location else {
                throw error
            }
            // A collection moved it, and an open file may be that of a pack that is gone.
            packs.withLock { _ = $0.removeValue(forKey: place.pack) }
            return try readThere(cid, place)
        }
    }

    private func readThere(_ cid: CID, _ location: BlockLocation) throws(StoreError) -> Block {
        let block: Block
        do throws(FileError) {
            block = Block(
                cid: cid,
                bytes: try pack(location.pack).read(at: location.offset, count: location.length)
            )
        } catch {
            guard error.code == .notFound else { throw StoreError(error) }
            throw StoreError.damaged(cid, "its pack is gone. \(error)")
        }
        do throws(DecodingProblem) {
            try block.verify()
        } catch {
            guard error.code != .wrongHash else {
                throw StoreError.damaged(cid, "the bytes on the disk have another hash.")
            }
            throw StoreError(.unexpected, error.description, cid: cid)
        }
        return block
    }

    /// Runs `body` while nothing is collected: what it stores, or finds in the store, is there until it has ended.
    ///
    /// Whoever stores blocks and pins them afterwards does both inside.
    package func protecting<Value>(_ body: () async throws -> Value) async throws -> Value {
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
    package func discardDamaged(_ cid: CID) async throws(StoreError) {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in
            guard let location = try index.locate([cid.hash])[0] else { return }
            try index.forget(cid.hash, at: location)
        }
    }

    /// The number of blocks in the store, and the sum of their lengths in bytes.
    package func totals() async throws(StoreError) -> (blocks: UInt64, bytes: UInt64) {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.totals() }
    }

    /// Closes a pack that is about to be removed.
    func close(_ number: Int64) {
        packs.withLock { _ = $0.removeValue(forKey: number) }
    }

    private func pack(_ number: Int64) throws(FileError) -> File {
        if let file = packs.withLock({ $0[number] }) { return file }
        let file = try File(path(of: number), .read)
        packs.withLock { packs in
            // A store of many packs must not use up the process's descriptors.
            if packs.count >= 128 { packs.removeAll() }
            packs[number] = file
        }
        return file
    }
}
