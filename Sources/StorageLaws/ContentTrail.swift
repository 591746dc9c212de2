package import Multiformats
package import Schema
package import Storage

/// A service that keeps content by CID on which trials work, with a memory of the roots that they may have left there.
package struct ContentTrail: ContentService {
    private let base: any ContentService
    private let notes: (any StorageService)?
    private let stored = Locked<Set<CID>>([])
    private let asked: @Sendable (CID) -> Void

    /// Works on `base`, and tells `asked` of each root before it is changed.
    ///
    /// A root that is about to be stored is noted as an object of `notes`, so that whoever comes after this process
    /// finds it.
    package init(
        _ base: any ContentService,
        notes: (any StorageService)?,
        asked: @escaping @Sendable (CID) -> Void
    ) {
        (self.base, self.notes, self.asked) = (base, notes, asked)
    }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }
    package var objects: (any StorageService)? { base.objects }

    /// The root that an object of the notes is about; nil where it is about none.
    package static func root(notedAs name: Substring) -> CID? {
        guard let word = name.split(separator: "/").last, name.hasSuffix("\(folder)/\(word)") else { return nil }
        return (try? Multibase.decode(String(word))).flatMap { try? CID(bytes: $0.1) }
    }

    private static let folder = "roots"

    private static func note(of root: CID) -> ObjectName? {
        ObjectName("\(folder)/\(Multibase.base32.encode(root.bytes))")
    }

    package func location(for root: CID) throws(StorageError) -> Location? { try base.location(for: root) }

    package func presence(of root: CID, at location: Location?) async -> Presence {
        await base.presence(of: root, at: location)
    }

    package func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        if let notes, let note = Self.note(of: upload.root), !stored.read({ $0.contains(upload.root) }) {
            _ = try await notes.put(note, Body([]))
        }
        // What is refused was not sent.
        if base.capabilities.contains(.write) { stored.change { _ = $0.insert(upload.root) } }
        asked(upload.root)
        return try await base.store(upload)
    }

    package func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState {
        try await base.check(ticket, of: root)
    }

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
        asked(upload.root)
        try await base.addIndex(for: upload, at: location, sha256)
    }

    package func block(_ cid: CID) async throws(StorageError) -> [UInt8] { try await base.block(cid) }

    package func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        asked(root)
        try await base.remove(root, at: location, before: before)
        let wasThere = stored.change { $0.remove(root) != nil }
        if wasThere, let note = Self.note(of: root) { try await notes?.delete(note) }
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {
        try await base.clear(root, mayResume: mayResume)
    }

    package func roots() -> any RootStream { base.roots() }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await base.usage(mayWalk: mayWalk) }

    package func identity() async throws(StorageError) -> String? { try await base.identity() }

    package func probe() async throws(StorageError) -> String { try await base.probe() }

    package func close() async { await base.close() }

    /// Removes all roots that may be left, whether the task was stopped or not; gives what could not be removed.
    package func sweep() async -> [Trail.Remains] {
        await Task {
            var remains: [Trail.Remains] = []
            for root in stored.read({ $0 }) {
                do throws(StorageError) {
                    try await remove(root, at: nil)
                } catch {
                    remains.append(Trail.Remains("\(root)", error))
                }
            }
            return remains
        }.value
    }
}
