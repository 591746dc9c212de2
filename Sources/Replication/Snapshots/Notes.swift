package import Catalog
internal import Digests
internal import POSIX
internal import Schema
package import Storage

/// The snapshots that a backend keeps.
package struct Notes: Sendable {
    /// A snapshot on a backend, by its name.
    package struct Note: Sendable, Hashable {
        package let name: ObjectName
        /// The kit that left it.
        package let kit: String
        /// When it was made, in milliseconds since 1970.
        package let time: Int64
    }

    private let objects: any StorageService
    private let backend: String

    /// The snapshots on `replica`; nil where the backend has no room for any.
    package init?(_ replica: any Replica, backend: String) {
        guard let objects = replica.notes else { return nil }
        self.objects = objects
        self.backend = backend
    }

    private static let folder = "kits/"
    /// How many snapshots of a kit are kept.
    private static let kept = 3

    /// All snapshots, the newest first, of one kit or of every kit.
    package func list(kit: String? = nil) async throws(StorageError) -> [Note] {
        var notes: [Note] = []
        for try await page in objects.list(Self.folder + (kit.map { $0 + "/" } ?? "")) {
            notes += page.compactMap { Self.note($0.name) }
        }
        return notes.sorted { $0.time > $1.time }
    }

    private static func note(_ name: ObjectName) -> Note? {
        let parts = name.text.split(separator: "/")
        guard parts.count == 3, parts[2].hasSuffix(".car"), let time = Int64(parts[2].dropLast(4)) else { return nil }
        return Note(name: name, kit: String(parts[1]), time: time)
    }

    /// Leaves a snapshot of the catalog, and removes older ones beyond the newest few; returns its name.
    ///
    /// `known` are the snapshots of this kit that are there.
    package func leave(
        kit: String,
        catalog: Catalog,
        settings: [KitSnapshot.Backend],
        scratch: String,
        known: [Note]
    ) async throws(ReplicationError) -> String {
        try await translating {
            let path = temporaryName(beside: scratch + "/snapshot")
            try makeDirectory(scratch)
            removeLeftovers(in: scratch, unchangedFor: 86_400)
            defer { try? removeFile(path) }
            try await KitSnapshot.write(to: path, kit: kit, catalog: catalog, backends: settings)
            // Two snapshots of one millisecond would have one name; the clock may also have been set back.
            let time = max(catalog.time.milliseconds, (known.first?.time ?? 0) + 1)
            guard let name = ObjectName("\(Self.folder)\(kit)/\(time).car") else {
                throw ReplicationError.badSnapshot("The identifier of this kit, “\(kit)”, is damaged.")
            }
            let receipt = try await objects.put(name, try fileBody(path))
            if receipt.proof == nil { try await confirm(name, path) }
            if objects.capabilities.contains(.delete) {
                for old in known.dropFirst(Self.kept - 1) { try await objects.delete(old.name) }
            }
            return name.text
        }
    }

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

    /// Brings a snapshot into a file and opens it.
    package func fetch(_ note: Note, into path: String) async throws(ReplicationError) -> KitSnapshot {
        try await translating {
            let file = try File(path, .createNew)
            var position: UInt64 = 0
            for try await chunk in try await objects.read(note.name) {
                let offset = position
                try await BlockingThreads.shared.run { () throws(FileError) in try file.write(chunk, at: offset) }
                position += UInt64(chunk.count)
            }
            return try KitSnapshot(path: path)
        }
    }
}
