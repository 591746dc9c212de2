internal import Catalog
internal import Digests
internal import POSIX
internal import Schema
package import Storage

/// The snapshots that a backend keeps.
package struct Snapshots: Sendable {
    private let objects: any StorageService
    private let backend: String

    /// The snapshots on a backend; nil where it has no room for any.
    package init?(_ backend: OpenBackend) {
        guard let objects = backend.content.objects else { return nil }
        self.objects = objects
        self.backend = backend.name
    }

    /// How many snapshots of a home are kept.
    private static let kept = 3

    /// The name and the time of the next snapshot of a home; `known` are all that are there, the newest first.
    func next(
        _ identity: Catalog.Identity,
        at now: Timestamp,
        known: [SnapshotName]
    ) throws(ReplicationError) -> (name: ObjectName, time: Int64) {
        // Two snapshots of one millisecond would have one name; the clock may also have been set back.
        let newest = known.first { $0.kit == identity.kit }?.time ?? 0
        let time = min(max(now.milliseconds, newest + 1), HomeName.latest)
        guard let name = HomeName.snapshot(kit: identity.kit, instance: identity.instance, time: time) else {
            throw ReplicationError.badSnapshot("The identifier of this kit, “\(identity.kit)”, is damaged.")
        }
        return (name, time)
    }

    /// Leaves a snapshot of the catalog under `name`.
    func leave(
        _ name: ObjectName,
        of catalog: Catalog,
        _ identity: Catalog.Identity,
        _ settings: [KitSnapshot.Backend],
        scratch: String
    ) async throws(ReplicationError) {
        try await translating {
            let path = temporaryName(beside: scratch + "/snapshot")
            try makeDirectory(scratch)
            removeLeftovers(in: scratch, unchangedFor: 86_400)
            defer { try? removeFile(path) }
            try await KitSnapshot.write(to: path, identity, catalog: catalog, backends: settings)
            let receipt = try await objects.put(name, try fileBody(path))
            if receipt.proof == nil { try await confirm(name, path) }
        }
    }

    /// Removes the snapshots of a home beyond the newest few; what cannot be removed stays.
    ///
    /// - Returns: why one could not be removed. A service where nothing can be removed is a good place for what shall
    ///   last.
    func rotate(_ identity: Catalog.Identity, known: [SnapshotName]) async throws(StorageError) -> StorageError? {
        guard objects.capabilities.contains(.delete) else { return nil }
        // Those of the first version do not name the home; where the kit has no other home, they are its own.
        let isAlone = !known.contains { $0.kit == identity.kit && !["", identity.instance].contains($0.instance) }
        let own = known.filter {
            $0.kit == identity.kit && ($0.instance == identity.instance || isAlone && $0.instance.isEmpty)
        }
        for old in own.dropFirst(Self.kept - 1) {
            do throws(StorageError) {
                try await objects.delete(old.name)
            } catch {
                if error.code == .cancelled || error.code == .superseded { throw error }
                return error
            }
        }
        return nil
    }

    /// What is wrong with a snapshot, as a sentence; nil where all of it can be read.
    ///
    /// - Throws: where it cannot be had.
    package func problem(with name: SnapshotName, scratch: String) async throws(ReplicationError) -> String? {
        try await opened(name, scratch: scratch) { (snapshot) throws(ReplicationError) in
            _ = (try snapshot.pins(), try snapshot.mappings())
        }
    }

    /// More homes of one kit are not looked into, nor a longer snapshot of one, in bytes: anybody may have left them.
    package static let (mostHomes, longestOfOthers): (Int, UInt64) = (8, 256 << 20)

    /// Brings a snapshot of at most `limit` bytes, and runs `body` with it on a thread that may block.
    ///
    /// - Returns: what is wrong with the snapshot, by `body` too; nil where nothing is.
    package func opened(
        _ name: SnapshotName,
        scratch: String,
        limit: UInt64 = Self.longest,
        _ body: @escaping @Sendable (KitSnapshot) throws(ReplicationError) -> Void
    ) async throws(ReplicationError) -> String? {
        let path = temporaryName(beside: scratch + "/snapshot")
        let problem: String?
        do throws(ReplicationError) {
            try await translating {
                try await BlockingThreads.shared.run { () throws(FileError) in try makeDirectory(scratch) }
            }
            let snapshot = try await fetch(name, into: path, limit: limit)
            try await BlockingThreads.shared.run { () throws(ReplicationError) in try body(snapshot) }
            problem = nil
        } catch {
            await BlockingThreads.shared.run { try? removeFile(path) }
            guard case .badSnapshot(let text) = error else { throw error }
            return text
        }
        await BlockingThreads.shared.run { try? removeFile(path) }
        return problem
    }

    /// Removes one snapshot.
    package func remove(_ snapshot: SnapshotName) async throws(StorageError) { try await objects.delete(snapshot.name) }

    /// Reads a snapshot back and compares it with the file that was sent.
    private func confirm(_ name: ObjectName, _ path: String) async throws {
        let sent = try await fileBody(path).digest(.sha256)
        let length = try File(path, .read).length()
        let stream = try await open(name)
        let kept = try await Body(length: length) { _ in stream }.digest(.sha256)
        guard sent == kept else {
            throw StorageError(.corrupt, "The snapshot \(name) reads back other than it was sent.", backend: backend)
        }
    }

    /// Opens a snapshot that was just sent; that it is not there is damage.
    private func open(_ name: ObjectName) async throws(StorageError) -> any ByteStream {
        do throws(StorageError) {
            return try await objects.read(name)
        } catch {
            guard error.code == .notFound else { throw error }
            let message = "The snapshot \(name) was sent and accepted, and it is not there."
            throw StorageError(.corrupt, message, backend: backend, cause: error)
        }
    }

    /// The longest snapshot that is read, in bytes: the backend may be somebody else's by now.
    package static let longest: UInt64 = 16 << 30

    /// Brings a snapshot of at most `limit` bytes into a file and opens it.
    package func fetch(
        _ snapshot: SnapshotName,
        into path: String,
        limit: UInt64 = Self.longest
    ) async throws(ReplicationError) -> KitSnapshot {
        try await translating {
            let file = try await BlockingThreads.shared.run { () throws(FileError) in try File(path, .createNew) }
            var position: UInt64 = 0
            for try await chunk in try await objects.read(snapshot.name) {
                guard position <= limit else {
                    throw ReplicationError.badSnapshot("The snapshot \(snapshot.name) has more than \(limit) bytes.")
                }
                let offset = position
                try await BlockingThreads.shared.run { () throws(FileError) in try file.write(chunk, at: offset) }
                position += UInt64(chunk.count)
            }
            return try await BlockingThreads.shared.run { () throws(ReplicationError) in try KitSnapshot(path: path) }
        }
    }
}
