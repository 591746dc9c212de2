internal import Digests
internal import IPLD
package import Multiformats
package import Schema

/// Content by CID on a service that keeps named bytes: one CAR for each root, under `cars/`, and beside each CAR that
/// is not read whole, the index of its blocks.
///
/// A CAR that is longer than an object may be is in shards, each a CAR with an index of its own, that other tools read.
package struct CARArchive: ContentService {
    let service: any StorageService

    /// Keeps CARs as objects of `service`.
    package init(_ service: any StorageService) { self.service = service }

    package var capabilities: Capabilities { service.capabilities.union(Self.powers) }
    package var limits: Limits { service.limits }
    package var objects: (any StorageService)? { service }

    /// The name of the CAR of a root where folders hold as many names as there are.
    package static func name(of root: CID) throws(StorageError) -> ObjectName {
        try CARName(root, isInFolder: false).object
    }

    /// The root whose CAR an object is, by its name; nil for an object that is no CAR of ours.
    package static func root(of name: String) -> CID? {
        guard let own = CARName(name), own.shard == nil else { return nil }
        return own.root
    }

    /// Whether a root lies where this program puts it, and nowhere else.
    package static func isOwn(_ location: Location, of root: CID) -> Bool {
        Self.root(of: location.path) == root && location.shards.allSatisfy { CARName($0.name)?.root == root }
    }

    /// What every place that keeps named bytes can do for content.
    static let powers: Capabilities = [.takesBytes, .reads]

    /// The name of the CAR of a root here.
    private func usual(_ root: CID) throws(StorageError) -> ObjectName {
        try CARName(root, isInFolder: limits.spreadsNames).object
    }

    package func location(for root: CID) throws(StorageError) -> Location? { Location(try usual(root).text) }

    package func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            return .present(try await held(root, at: location))
        } catch {
            return error.code == .notFound ? .absent : .unknown(error)
        }
    }

    /// What is there of a root: its CAR, or the shards that are there; throws `notFound` where there is nothing.
    private func held(_ root: CID, at location: Location?) async throws(StorageError) -> HeldRoot {
        if let location, !location.shards.isEmpty { return try await held(root, location.shards) }
        let name = try name(of: root, at: location)
        let failure: StorageError
        do throws(StorageError) {
            return HeldRoot(root, try await service.stat(name))
        } catch {
            failure = error
        }
        guard failure.code == .notFound, name == (try usual(root)) else { throw failure }
        if limits.spreadsNames, let info = try await flat(root) { return HeldRoot(root, info) }
        guard mayHaveShards, let found = try await shards(of: root).first else { throw failure }
        return try await held(root, found)
    }

    /// The CAR of a root where versions before folders put it.
    private func flat(_ root: CID) async throws(StorageError) -> ObjectInfo? {
        do throws(StorageError) {
            return try await service.stat(try Self.name(of: root))
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// What is there of some shards of a root, as one thing.
    private func held(_ root: CID, _ shards: [Location.Shard]) async throws(StorageError) -> HeldRoot {
        let (found, place) = try await present(shards)
        let length = try ShardedCAR(found, of: root).length
        let location = Location(try usual(root).text, length: length, shards: found)
        return HeldRoot(root: root, at: location, length: length, digest: nil, place: place)
    }

    package func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        // What will be refused is not made before.
        guard capabilities.contains(.write) else {
            throw StorageError(.unsupported, "This backend only reads, so \(upload.root) cannot be stored.")
        }
        let body = try await upload.car()
        guard body.length <= limits.largestObject else { return try await storeShards(upload, body) }
        let name = try usual(upload.root)
        let proof = try await service.put(name, body).proof
        // The CAR comes first: one without an index is only slower to read from, and an index without a CAR is litter.
        let location = Location(name.text, length: body.length)
        if !location.isReadWhole { try await put(index(of: upload), beside: name) }
        return .stored(location, proof: proof)
    }

    private func index(of upload: Upload) -> CARIndex {
        var index = CARIndex()
        for place in upload.places { index.add(place.cid, offset: place.offset) }
        return index
    }

    func put(_ index: CARIndex, beside name: ObjectName) async throws(StorageError) {
        guard index.count > 0, let name = CARName.ofIndex(of: name) else { return }
        _ = try await service.put(name, Body(index.encoded(.multihashSorted)))
    }

    /// An index of the right length is left alone: nobody believes it more than the blocks to which it leads.
    package func addIndex(for upload: Upload, at location: Location, _ sha256: [UInt8]?) async throws(StorageError) {
        guard !location.isReadWhole || !location.shards.isEmpty else { return }
        var wanted = [(name: try name(of: upload.root, at: location), index: index(of: upload))]
        if !location.shards.isEmpty {
            let length = try ShardedCAR(location.shards, of: upload.root).length
            let cuts = try ShardCut.cuts(of: upload, length: length, limit: limits.largestObject)
            guard cuts.count == location.shards.count else { return }
            wanted = zip(location.shards, cuts).compactMap { shard, cut in
                ObjectName(shard.name).map { ($0, cut.index) }
            }
        }
        var isItsOwn = sha256 == nil
        for (name, index) in wanted where index.count > 0 {
            guard let place = CARName.ofIndex(of: name) else { continue }
            let bytes = index.encoded(.multihashSorted)
            do throws(StorageError) {
                if try await has(bytes, at: try await service.stat(place)) { continue }
            } catch {
                guard error.code == .notFound else { throw error }
            }
            // The places of another CAR would lead astray.
            if !isItsOwn { isItsOwn = try await upload.car().digest(.sha256) == sha256 }
            guard isItsOwn else { return }
            _ = try await service.put(place, Body(bytes))
        }
    }

    /// Whether an object has these bytes: by its digest, or else by reading it.
    private func has(_ bytes: [UInt8], at info: ObjectInfo) async throws(StorageError) -> Bool {
        guard info.length == UInt64(bytes.count) else { return false }
        switch info.digest {
        case .md5(let sum): return digest(.md5, of: bytes) == sum
        case .sha256(let sum): return digest(.sha256, of: bytes) == sum
        case .md5OfParts, nil: return try await collect(try await service.read(info.name), limit: bytes.count) == bytes
        }
    }

    private func storeShards(_ upload: Upload, _ body: Body) async throws(StorageError) -> StoreAnswer {
        let (shards, proof) = try await putShards(of: upload, body)
        return .stored(Location(try usual(upload.root).text, length: body.length, shards: shards), proof: proof)
    }

    /// Nothing is ever accepted here that is not stored.
    package func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState { .unknown }

    package func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        if let location, !location.shards.isEmpty { return try await read(location.shards, of: root, range) }
        let failure: StorageError
        do throws(StorageError) {
            let name = try name(of: root, at: location)
            return try await ExpectedLength.of(location?.length) { () async throws(StorageError) in
                try await service.get(name, range, version: nil)
            }
        } catch {
            failure = error
        }
        guard let found = try await elsewhere(root, at: location, failure) else { throw failure }
        return try await read(root, at: found, range)
    }

    package func urls(
        of root: CID,
        at location: Location?,
        until end: Timestamp
    ) async throws(StorageError) -> [ObjectURL] {
        let shards = location?.shards ?? []
        let names =
            if shards.isEmpty {
                [try name(of: root, at: location)]
            } else {
                try ShardedCAR(shards, of: root).parts.map(\.name)
            }
        var urls: [ObjectURL] = []
        for name in names { urls.append(ObjectURL(try await service.url(name, until: end), of: name.text)) }
        return urls
    }

    package func index(of root: CID, at location: Location?) async throws(StorageError) -> (any ByteStream)? {
        if let location, !location.shards.isEmpty { return try await index(of: location.shards, of: root) }
        guard let index = CARName.ofIndex(of: try name(of: root, at: location)) else { return nil }
        let failure: StorageError
        do throws(StorageError) {
            return try await service.read(index)
        } catch {
            failure = error
        }
        guard failure.code == .notFound else { throw failure }
        guard let found = try await elsewhere(root, at: location, failure) else { return nil }
        return try await self.index(of: root, at: found)
    }

    /// Where a root is that is not where it was looked for, at its usual name; nil where that was the only one.
    private func elsewhere(
        _ root: CID,
        at location: Location?,
        _ failure: StorageError
    ) async throws(StorageError) -> Location? {
        guard failure.code == .notFound, mayHaveShards || limits.spreadsNames else { return nil }
        let usual = try usual(root)
        guard try name(of: root, at: location) == usual else { return nil }
        do throws(StorageError) {
            let found = try await held(root, at: nil).location
            return found.shards.isEmpty && found.path == usual.text ? nil : found
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    package func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        var names = try ShardedCAR(location?.shards ?? [], of: root).parts.map(\.name)
        // Also those of other cuts, which uploads left that were stopped.
        if mayHaveShards { names += Set(try await shardNames(of: root)).subtracting(names).sorted() }
        for (number, name) in names.enumerated() {
            do throws(StorageError) {
                try await remove(name, hasIndex: true, before)
            } catch {
                // A part of it is gone by then.
                throw number > 0 ? error.ofUnknownOutcome : error
            }
        }
        guard location?.shards.isEmpty != false else { return }
        do throws(StorageError) {
            try await remove(try name(of: root, at: location), hasIndex: location?.isReadWhole != true, before)
        } catch {
            throw names.isEmpty ? error : error.ofUnknownOutcome
        }
    }

    /// Removes a CAR, and before it its index: that is never there alone.
    private func remove(
        _ name: ObjectName,
        hasIndex: Bool,
        _ before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        let index = hasIndex ? CARName.ofIndex(of: name) : nil
        if let index {
            try await before()
            try await service.delete(index)
        }
        do throws(StorageError) {
            try await before()
            try await service.delete(name)
        } catch {
            throw index == nil ? error : error.ofUnknownOutcome
        }
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {
        try await service.clear(try usual(root), mayResume: mayResume)
        guard mayHaveShards else { return }
        for name in try await shardNames(of: root) { try await service.clear(name, mayResume: mayResume) }
    }

    package func roots() -> any RootStream {
        let pages = service.list(CARName.folder)
        return Pulled {
            let cursor = StreamCursor(pages)
            let open = Locked(ShardSets())
            return { () async throws(StorageError) in
                guard let page = try await cursor.next() else { return nil }
                var held: [HeldRoot] = []
                for info in page {
                    guard let name = CARName(info.name.text) else { continue }
                    guard let shard = name.shard else {
                        held.append(HeldRoot(name.root, info))
                        continue
                    }
                    // A set that is not complete is nothing that anybody could adopt.
                    let whole = open.change { $0.add(info, shard, of: name) }
                    guard open.read({ !$0.isFull }) else { throw ShardSets.full }
                    guard let whole, let length = try? ShardedCAR(whole, of: name.root).length,
                        let usual = try? CARName(name.root, isInFolder: name.isInFolder).object
                    else { continue }
                    let location = Location(usual.text, length: length, shards: whole)
                    held.append(HeldRoot(root: name.root, at: location, length: length, digest: nil))
                }
                return held
            }
        }
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        try await service.usage(mayWalk: mayWalk)
    }

    package func close() async { await service.close() }

    private func name(of root: CID, at location: Location?) throws(StorageError) -> ObjectName {
        guard let location else { return try usual(root) }
        return try ObjectName(content: location.path, of: root)
    }
}

extension ObjectName {
    /// The name of content; throws `unsupported` for what can be none, such as what homes say about themselves: it is
    /// never read, and never removed, as the content of somebody.
    init(content path: String, of root: CID) throws(StorageError) {
        guard let name = ObjectName(path), !name.isOfNote else {
            throw StorageError(.unsupported, "“\(path)” is no name under which \(root) can be.")
        }
        self = name
    }
}

extension HeldRoot {
    /// What an object says of the CAR that it is.
    fileprivate init(_ root: CID, _ info: ObjectInfo) {
        self.init(
            root: root,
            at: Location(info.name.text, length: info.length),
            length: info.length,
            digest: info.digest,
            place: info.place,
            modified: info.modified
        )
    }
}
