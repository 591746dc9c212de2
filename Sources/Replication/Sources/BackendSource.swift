package import IPLD
package import Multiformats
package import Schema
package import Storage

/// A backend as a source of content: a node by its blocks and exports, an archive through the indexes of its CARs.
package struct BackendSource: BlockSource {
    /// Where the blocks of a DAG are on the backend.
    package struct Place: Sendable {
        let blocks: RemoteBlocks
        /// Whether the DAG is one of the roots that are kept there, so that it comes as a CAR.
        let isRoot: Bool
        let location: Location?

        package init(_ blocks: RemoteBlocks, isRoot: Bool, at location: Location?) {
            (self.blocks, self.isRoot, self.location) = (blocks, isRoot, location)
        }
    }

    private let backend: OpenBackend
    private let packing: FarPacking
    private let find: @Sendable (CID) async throws -> Place
    private let found = Locked<(places: [CID: Place], order: [CID])>(([:], []))

    /// A backend on which `find` knows where a DAG is.
    package init(
        _ backend: OpenBackend,
        packing: FarPacking,
        find: @escaping @Sendable (CID) async throws -> Place
    ) {
        (self.backend, self.packing, self.find) = (backend, packing, find)
    }

    package var isFar: Bool { true }

    package func blocks(_ cids: [CID], below root: CID) async throws(ReplicationError) -> [Block] {
        let place = try await place(of: root)
        return try await ReplicationError.ofSource { () async throws(StorageError) in
            do throws(StorageError) { return try await place.blocks.blocks(cids) } catch {
                throw error.on(backend.name)
            }
        }
    }

    package func export(_ root: CID) async throws(ReplicationError) -> (any ByteStream)? {
        let place = try await place(of: root)
        guard place.isRoot else { return nil }
        return try await ReplicationError.ofSource { () async throws(StorageError) in
            do throws(StorageError) {
                let stream = try await backend.content.read(root, at: place.location)
                return stream.naming(backend.name)
            } catch {
                // What nobody pins on a node may be there block by block.
                guard error.code == .notFound, backend.content.capabilities.contains(.blocks) else {
                    throw error.on(backend.name)
                }
                return nil
            }
        }
    }

    package func pack(_ root: CID, holding limit: UInt64) async throws(ReplicationError) -> PackedDAG {
        try await packing.pack(root, from: self, holding: limit)
    }

    /// What comes as one CAR is looked at while it comes, and kept nowhere.
    package func expectWhole(_ root: CID, progress: Progress) async throws(ReplicationError) {
        guard let stream = try await export(root) else {
            _ = try await pack(root)
            return
        }
        try await ReplicationError.ofSource { () async throws(StorageError) in
            do throws(StorageError) {
                _ = try await readBack(root, from: stream, progress: progress)
            } catch {
                throw error.on(backend.name)
            }
        }
    }

    package func expectHere(_ root: CID) async throws(ReplicationError) {
        throw .source(
            StorageError(
                .unsupported,
                "\(root) is read from \(backend.name), and is not in the store.",
                backend: backend.name
            )
        )
    }

    /// So many places are known at once.
    private static let most = 64

    private func place(of root: CID) async throws(ReplicationError) -> Place {
        if let place = found.read({ $0.places[root] }) { return place }
        let place: Place
        do {
            place = try await find(root)
        } catch let error as StorageError {
            throw .source(error.on(backend.name))
        } catch {
            throw ReplicationError(error)
        }
        found.change { found in
            if found.places.updateValue(place, forKey: root) == nil { found.order.append(root) }
            if found.order.count > Self.most { found.places[found.order.removeFirst()] = nil }
        }
        return place
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
