package import Multiformats
package import Schema
package import Storage

/// A backend as a source of content: a node by its blocks and exports, an archive through the indexes of its CARs.
package struct BackendSource: BlockSource {
    /// Where the blocks of a DAG are on the backend.
    package struct Place: Sendable {
        /// The root whose CAR it is.
        let root: CID
        let blocks: RemoteBlocks
        /// Whether the DAG is one of the roots that are kept there, so that it comes as a CAR.
        let isRoot: Bool
        let location: Location?

        package init(_ root: CID, _ blocks: RemoteBlocks, isRoot: Bool, at location: Location?) {
            (self.root, self.blocks, self.isRoot, self.location) = (root, blocks, isRoot, location)
        }
    }

    private let backend: OpenBackend
    /// What the configuration calls it.
    private let name: String
    private let find: @Sendable (CID) async throws -> Place
    /// Is told that the CAR of a root was read, and is damaged.
    private let tell: @Sendable (CID, Location?, StorageError) async -> Void
    /// Also that one is not there, so that nobody is asked again for each of its blocks.
    private let found = Locked<(places: [CID: Swift.Result<Place, StorageError>], order: [CID])>(([:], []))

    /// A backend, called `name` in the configuration, on which `find` knows where a DAG is; `tell` is told of damage
    /// that a reading found.
    package init(
        _ backend: OpenBackend,
        name: String,
        find: @escaping @Sendable (CID) async throws -> Place,
        tell: @escaping @Sendable (CID, Location?, StorageError) async -> Void = { _, _, _ in }
    ) {
        (self.backend, self.name, self.find, self.tell) = (backend, name, find, tell)
    }

    package var isFar: Bool { true }

    package func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks {
        var found = FoundBlocks()
        do throws(ReplicationError) {
            let place = try await place(of: root)
            let read = await place.blocks.find(cids)
            found.blocks = read.blocks
            found.problem = read.problem.map { .source(of: $0.on(backend.name)) }
            if let problem = read.problem, problem.code == .corrupt { await tell(place.root, place.location, problem) }
        } catch {
            found.problem = error
        }
        if let problem = found.problem, !problem.isOfSource { throw problem }
        if !found.blocks.isEmpty { found.givers = [name] }
        return found
    }

    package func export(_ root: CID) async throws(ReplicationError) -> SourceStream? {
        let place = try await place(of: root)
        guard place.isRoot else { return nil }
        return try await ReplicationError.ofSource { () async throws(StorageError) in
            do throws(StorageError) {
                let stream = try await backend.content.read(root, at: place.location)
                return SourceStream(stream.naming(backend.name), from: name)
            } catch {
                // What nobody pins on a node may be there block by block.
                guard error.code == .notFound, backend.content.capabilities.contains(.blocks) else {
                    throw error.on(backend.name)
                }
                return nil
            }
        }
    }

    package func extent(
        _ extent: ContentExtent,
        of cid: CID
    ) async throws(ReplicationError) -> (any ByteStream)? {
        try await ReplicationError.ofSource { () async throws(StorageError) in
            try await backend.content.extent(extent, of: cid)
        }
    }

    /// What comes as one CAR is looked at while it comes, and kept nowhere; what one that breaks off does not bring is
    /// asked for by its CID, as it is when it is packed.
    package func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) {
        if let stream = try await export(root)?.bytes {
            do throws(StorageError) {
                _ = try await readBack(root, from: stream, progress: progress)
                return
            } catch {
                if error.code == .cancelled { throw .storage(error) }
            }
        }
        try await walk(root, withLeaves: true, progress: progress) { _ in }
    }

    /// So many places are known at once.
    private static let most = 64

    private func place(of root: CID) async throws(ReplicationError) -> Place {
        if let known = found.read({ $0.places[root] }) {
            return try await ReplicationError.ofSource { () async throws(StorageError) in try known.get() }
        }
        do {
            let place = try await find(root)
            keep(.success(place), of: root)
            return place
        } catch let error as StorageError {
            let named = error.on(backend.name)
            if named.code == .notFound { keep(.failure(named), of: root) }
            throw ReplicationError.source(of: named)
        } catch {
            throw ReplicationError(error)
        }
    }

    private func keep(_ place: Swift.Result<Place, StorageError>, of root: CID) {
        found.change { found in
            if found.places.updateValue(place, forKey: root) == nil { found.order.append(root) }
            if found.order.count > Self.most { found.places[found.order.removeFirst()] = nil }
        }
    }
}

extension AsyncSequence where Element == [UInt8], Failure == StorageError, Self: Sendable {
    /// The same bytes, whose failure has the name of the backend.
    fileprivate func naming(_ backend: String) -> any ByteStream {
        Pulled {
            let cursor = StreamCursor(self)
            return { () async throws(StorageError) in
                do throws(StorageError) { return try await cursor.next() } catch { throw error.on(backend) }
            }
        }
    }
}
