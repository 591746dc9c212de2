package import Multiformats
package import Schema
package import Storage

/// A content service of which single calls were replaced.
///
/// Whoever only gives keeps the laws of those that store as well, where something else puts content there.
package struct AlteredContent: ContentService {
    package let base: any ContentService
    package var capabilities: Capabilities
    package var limits: Limits { base.limits }
    package var objects: (any StorageService)? { base.objects }
    package var onPresence: (@Sendable (CID) async -> Presence)?
    package var onStore: (@Sendable (Upload) async throws(StorageError) -> StoreAnswer)?
    package var onRemove: (@Sendable (CID) async throws(StorageError) -> Void)?

    /// The service as it is, after `change`.
    package init(_ base: any ContentService, _ change: (inout AlteredContent) -> Void = { _ in }) {
        self.base = base
        capabilities = base.capabilities
        change(&self)
    }

    package func location(for root: CID) throws(StorageError) -> Location? { try base.location(for: root) }

    package func presence(of root: CID, at location: Location?) async -> Presence {
        guard let onPresence else { return await base.presence(of: root, at: location) }
        return await onPresence(root)
    }

    package func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        guard let onStore else { return try await base.store(upload) }
        return try await onStore(upload)
    }

    package func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState {
        try await base.check(ticket, of: root)
    }

    package func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        try await base.read(root, at: location, range)
    }

    package func index(of root: CID, at location: Location?) async throws(StorageError) -> (any ByteStream)? {
        try await base.index(of: root, at: location)
    }

    package func addIndex(for upload: Upload, at location: Location, _ sha256: [UInt8]?) async throws(StorageError) {
        try await base.addIndex(for: upload, at: location, sha256)
    }

    package func block(_ cid: CID) async throws(StorageError) -> [UInt8] { try await base.block(cid) }

    package func extent(_ extent: ContentExtent, of cid: CID) async throws(StorageError) -> (any ByteStream)? {
        try await base.extent(extent, of: cid)
    }

    package func urls(
        of root: CID,
        at location: Location?,
        until end: Timestamp
    ) async throws(StorageError) -> [ObjectURL] {
        try await base.urls(of: root, at: location, until: end)
    }

    package func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        guard let onRemove else { return try await base.remove(root, at: location, before: before) }
        try await before()
        try await onRemove(root)
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {
        try await base.clear(root, mayResume: mayResume)
    }

    package func roots() -> any RootStream { base.roots() }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await base.usage(mayWalk: mayWalk) }

    package func identity() async throws(StorageError) -> String? { try await base.identity() }

    package func probe() async throws(StorageError) -> String {
        // Whatever was replaced is asked, and not what it was before.
        if onPresence == nil { return try await base.probe() }
        return try await usualProbe()
    }

    package func close() async { await base.close() }
}
