package import Multiformats
package import Schema

/// Refuses what a content service cannot do before it is asked, and puts the backend's name into every error.
package struct CheckedContent: ContentService {
    private let base: any ContentService
    private let names: BackendErrors

    /// The calls of `base`, on a backend of this name, in the name of one.
    package init(_ base: any ContentService, backend: String, for asker: Asker? = nil) {
        (self.base, names) = (base, BackendErrors(backend: backend, asker: asker))
    }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }
    package var objects: (any StorageService)? {
        base.objects.map { Checked($0, backend: names.backend, for: names.asker) }
    }

    package func location(for root: CID) throws(StorageError) -> Location? {
        do throws(StorageError) {
            return try base.location(for: root)
        } catch {
            throw error.on(names.backend)
        }
    }

    package func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            let presence = try await Asker.naming(names.asker) { await base.presence(of: root, at: location) }
            guard case .unknown(let error) = presence else { return presence }
            return .unknown(error.on(names.backend))
        } catch {
            return .unknown(error)
        }
    }

    package func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        try require(.write, "store \(upload.root)")
        return try await names.named { () async throws(StorageError) in try await base.store(upload) }
    }

    package func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState {
        try await names.named { () async throws(StorageError) in try await base.check(ticket, of: root) }
    }

    package func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        try require(.reads, "give \(root) back")
        if range != nil { try require(.rangeReads, "read a part of \(root)") }
        let object = try await names.named { () async throws(StorageError) in
            try await base.read(root, at: location, range)
        }
        return object.through(names.stream)
    }

    package func index(of root: CID, at location: Location?) async throws(StorageError) -> (any ByteStream)? {
        try await names.named { () async throws(StorageError) in try await base.index(of: root, at: location) }
            .map(names.stream)
    }

    package func addIndex(for upload: Upload, at location: Location, _ sha256: [UInt8]?) async throws(StorageError) {
        try require(.write, "store the index of \(upload.root)")
        try await names.named { () async throws(StorageError) in
            try await base.addIndex(for: upload, at: location, sha256)
        }
    }

    package func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        try require(.blocks, "give the block \(cid) alone")
        return try await names.named { () async throws(StorageError) in try await base.block(cid) }
    }

    package func extent(_ extent: ContentExtent, of cid: CID) async throws(StorageError) -> (any ByteStream)? {
        try require(.reads, "give \(cid) back")
        return try await names.named { () async throws(StorageError) in try await base.extent(extent, of: cid) }
            .map(names.stream)
    }

    package func urls(
        of root: CID,
        at location: Location?,
        until end: Timestamp
    ) async throws(StorageError) -> [ObjectURL] {
        try require(.urls, "give a URL of \(root)")
        return try await names.named { () async throws(StorageError) in
            try await base.urls(of: root, at: location, until: end)
        }
    }

    package func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        try require(.delete, "remove \(root)")
        try await names.named { () async throws(StorageError) in
            try await base.remove(root, at: location, before: before)
        }
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {
        try require(.write, "remove what stopped uploads of \(root) left")
        try await names.named { () async throws(StorageError) in try await base.clear(root, mayResume: mayResume) }
    }

    package func roots() -> any RootStream {
        names.pages(base.roots()) { () throws(StorageError) in try require(.listing, "list what it holds") }
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        try require(.usage, "say how much it holds")
        return try await names.named { () async throws(StorageError) in try await base.usage(mayWalk: mayWalk) }
    }

    package func identity() async throws(StorageError) -> String? {
        try await names.named { () async throws(StorageError) in try await base.identity() }
    }

    package func probe() async throws(StorageError) -> String {
        try await names.named { () async throws(StorageError) in try await base.probe() }
    }

    package func close() async { await base.close() }

    private func require(_ power: Capabilities, _ what: String) throws(StorageError) {
        try names.require(power, in: capabilities, what)
    }
}
