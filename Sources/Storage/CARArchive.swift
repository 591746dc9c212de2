internal import IPLD
package import Multiformats
package import Schema

/// Content by CID on a service that keeps named bytes: one CAR for each root, under `cars/`, and beside each CAR that
/// is not read whole, the index of its blocks.
package struct CARArchive: ContentService {
    private let service: any StorageService

    /// Keeps CARs as objects of `service`.
    package init(_ service: any StorageService) { self.service = service }

    package var capabilities: Capabilities { service.capabilities.union(Self.powers) }
    package var limits: Limits { service.limits }
    package var objects: (any StorageService)? { service }

    /// The name of the CAR of a root.
    ///
    /// It is base32 of the CID's bytes: the usual text of a CIDv1, and for a CIDv0, whose usual text would be ambiguous
    /// where letter case does not count, a name that begins with `bciq`.
    package static func name(of root: CID) throws(StorageError) -> ObjectName {
        guard let name = ObjectName(folder + Multibase.base32.encode(root.bytes) + suffix) else {
            throw StorageError(.unsupported, "The CID \(root) is too long for the name of an object.")
        }
        return name
    }

    /// The root that an object holds, by its name; nil for an object that is no CAR of ours.
    package static func root(of name: String) -> CID? {
        guard name.hasPrefix(folder), name.hasSuffix(suffix) else { return nil }
        let text = String(name.dropFirst(folder.count).dropLast(suffix.count))
        guard let (base, bytes) = try? Multibase.decode(text), base == .base32 else { return nil }
        return try? CID(bytes: bytes)
    }

    /// What every place that keeps named bytes can do for content.
    static let powers: Capabilities = [.takesBytes, .reads]

    private static let folder = "cars/"
    private static let suffix = ".car"

    package func location(for root: CID) throws(StorageError) -> Location? { Location(try Self.name(of: root).text) }

    package func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            let name = try name(of: root, at: location)
            let info = try await service.stat(name)
            return .present(
                HeldRoot(
                    root: root,
                    at: Location(name.text, length: info.length),
                    length: info.length,
                    digest: info.digest,
                    place: info.place
                )
            )
        } catch {
            return error.code == .notFound ? .absent : .unknown(error)
        }
    }

    package func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        let name = try Self.name(of: upload.root)
        let body = try await upload.car()
        let proof = try await service.put(name, body).proof
        // The CAR comes first: one without an index is only slower to read from, and an index without a CAR is litter.
        let location = Location(name.text, length: body.length)
        if !location.isReadWhole, let indexName = name.ofIndex {
            var index = CARIndex()
            for place in upload.places { index.add(place.cid, offset: place.offset) }
            if index.count > 0 { _ = try await service.put(indexName, Body(index.encoded(.multihashSorted))) }
        }
        return .stored(location, proof: proof)
    }

    /// Nothing is ever accepted here that is not stored.
    package func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState { .unknown }

    package func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        try await service.get(try name(of: root, at: location), range, version: nil)
    }

    package func index(of root: CID, at location: Location?) async throws(StorageError) -> (any ByteStream)? {
        guard let index = try name(of: root, at: location).ofIndex else { return nil }
        do throws(StorageError) {
            return try await service.read(index)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    package func remove(_ root: CID, at location: Location?) async throws(StorageError) {
        let name = try name(of: root, at: location)
        if location?.isReadWhole != true, let index = name.ofIndex { try await service.delete(index) }
        try await service.delete(name)
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {
        try await service.clear(try Self.name(of: root), mayResume: mayResume)
    }

    package func roots() -> any RootStream {
        let pages = service.list(Self.folder)
        return Pulled {
            let cursor = StreamCursor(pages)
            return { () async throws(StorageError) in
                guard let page = try await cursor.next() else { return nil }
                return page.compactMap { info in
                    Self.root(of: info.name.text).map {
                        HeldRoot(
                            root: $0,
                            at: Location(info.name.text, length: info.length),
                            length: info.length,
                            digest: info.digest
                        )
                    }
                }
            }
        }
    }

    package func usage() async throws(StorageError) -> Usage {
        try await service.usage()
    }

    private func name(of root: CID, at location: Location?) throws(StorageError) -> ObjectName {
        guard let location else { return try Self.name(of: root) }
        guard let name = ObjectName(location.path) else {
            throw StorageError(
                .unsupported,
                "“\(location.path)”, where the mapping of \(root) points, is no name that can be read here."
            )
        }
        return name
    }
}
