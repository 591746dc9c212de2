package import Multiformats

/// Content by CID on a service that keeps named bytes: one CAR for each root, under `cars/`.
package struct CARArchive: Replica {
    private let objects: any StorageService

    /// Keeps CARs as objects of `objects`.
    package init(_ objects: any StorageService) { self.objects = objects }

    package var capabilities: Capabilities { objects.capabilities }
    package var limits: Limits { objects.limits }
    package var notes: (any StorageService)? { objects }

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

    private static let folder = "cars/"
    private static let suffix = ".car"

    package func holds(_ root: CID, path: String?) async -> Presence {
        do throws(StorageError) {
            let name = try location(root, path)
            let info = try await objects.stat(name)
            return .present(
                HeldRoot(
                    root: root,
                    path: name.text,
                    length: info.length,
                    digest: info.digest,
                    place: info.place
                )
            )
        } catch {
            return error.code == .notFound ? .absent : .unknown(error)
        }
    }

    package func store(_ root: CID, _ car: Body) async throws(StorageError) -> StoreReceipt {
        let name = try Self.name(of: root)
        return StoreReceipt(path: name.text, proof: try await objects.put(name, car).proof)
    }

    package func fetch(_ root: CID, path: String?) async throws(StorageError) -> any ByteStream {
        try await objects.read(try location(root, path))
    }

    package func remove(_ root: CID, path: String?) async throws(StorageError) {
        try await objects.delete(try location(root, path))
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {
        try await objects.clear(try Self.name(of: root), mayResume: mayResume)
    }

    package func roots() -> any RootStream {
        let pages = objects.list(Self.folder)
        return Pulled {
            let cursor = StreamCursor(pages)
            return { () async throws(StorageError) in
                guard let page = try await cursor.next() else { return nil }
                return page.compactMap { info in
                    Self.root(of: info.name.text).map {
                        HeldRoot(root: $0, path: info.name.text, length: info.length, digest: info.digest)
                    }
                }
            }
        }
    }

    package func usage() async throws(StorageError) -> Usage {
        try await objects.usage()
    }

    private func location(_ root: CID, _ path: String?) throws(StorageError) -> ObjectName {
        guard let path else { return try Self.name(of: root) }
        guard let name = ObjectName(path) else {
            throw StorageError(
                .unsupported,
                "“\(path)”, where the mapping of \(root) points, is no name that can be read here."
            )
        }
        return name
    }
}
