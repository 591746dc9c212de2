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

    /// What is known of the objects with pages that this home shares between its snapshots here.
    ///
    /// `entries` is what was listed; where nothing can be, each that would be relied on is asked for.
    func sharedPages(
        _ identity: Catalog.Identity,
        _ catalog: Catalog,
        _ entries: HomeRegister.Entries
    ) async throws -> SharedPages {
        let known = try await catalog.pageObjects(on: backend)
        var listed: [String: UInt64] = [:]
        if objects.capabilities.contains(.listing) {
            for pages in entries.pages where pages.kit == identity.kit && pages.instance == identity.instance {
                listed[pages.name.text] = pages.length ?? 0
            }
        } else {
            for object in known where object.retiredAt == nil {
                guard let name = ObjectName(object.name) else { continue }
                do throws(StorageError) {
                    // Where no length is told, what is there is as long as it was.
                    listed[object.name] = try await objects.stat(name).length ?? object.length
                } catch {
                    guard error.code == .notFound else { throw error }
                }
            }
        }
        return SharedPages(known: known, listed: listed, longest: objects.limits.largestObject)
    }

    /// Leaves a snapshot of the catalog under `name`: before it the pages that it needs and that are not there.
    ///
    /// - Returns: what changed for the objects with shared pages.
    func leave(
        _ name: ObjectName,
        at time: Int64,
        of catalog: Catalog,
        _ identity: Catalog.Identity,
        _ settings: [KitSnapshot.Backend],
        sharing shared: SharedPages,
        scratch: String
    ) async throws(ReplicationError) -> [PageObject] {
        try await translating {
            try await BlockingThreads.shared.run { () throws(FileError) in
                try makeDirectory(scratch)
                removeLeftovers(in: scratch, unchangedFor: 86_400)
            }
            let files = Locked<[String]>([])
            defer { for path in files.read({ $0 }) { try? removeFile(path) } }
            @Sendable func newFile() -> String {
                let path = temporaryName(beside: scratch + "/snapshot")
                files.change { $0.append(path) }
                return path
            }
            let maker = SnapshotMaker(catalog: catalog, identity: identity, backends: settings)
            func last(_ number: Int) -> String {
                HomeName.pages(instance: identity.instance, time: time, number)
            }
            let longest = objects.limits.largestObject
            let made = try await maker.make(with: shared.usable, longest: longest, in: newFile, new: last)
            var new: [PageObject] = []
            for (index, archive) in made.pages.enumerated() {
                guard let pages = HomeName.pages(kit: identity.kit, last(index + 1)) else {
                    throw ReplicationError.badSnapshot(
                        "The identifier of this home, “\(identity.instance)”, is damaged."
                    )
                }
                let body = try fileBody(archive.path)
                try await put(pages, body)
                new.append(
                    PageObject(
                        name: pages.text,
                        length: body.length,
                        blocks: archive.digests,
                        live: archive.digests.count / PageDigest.length
                    )
                )
            }
            try await put(name, Body(made.archive))
            return shared.changes(made.live, new: new, at: time)
        }
    }

    /// Removes the snapshots of a home beyond the newest few, or so many; what cannot be removed stays.
    ///
    /// - Returns: the time from which on all snapshots are that stay, `newest` among them; or why one could not be
    ///   removed. A service where nothing can be removed is a good place for what shall last.
    func rotate(
        _ identity: Catalog.Identity,
        known: [SnapshotName],
        keeping count: Int? = nil,
        newest: Int64
    ) async throws(StorageError) -> Result<Int64, StorageError> {
        guard objects.capabilities.contains(.delete) else { return .success(0) }
        // Those of the first version do not name the home; where the kit has no other home, they are its own.
        let isAlone = !known.contains { $0.kit == identity.kit && !["", identity.instance].contains($0.instance) }
        let own = known.filter {
            $0.kit == identity.kit && ($0.instance == identity.instance || isAlone && $0.instance.isEmpty)
        }
        let others = (count ?? Self.kept) - 1
        for old in own.dropFirst(others) {
            do throws(StorageError) {
                try await objects.delete(old.name)
            } catch {
                if error.code == .cancelled || error.code == .superseded { throw error }
                return .failure(error)
            }
        }
        return .success(own.prefix(others).map(\.time).min() ?? newest)
    }

    /// Removes objects with pages; returns those that are gone, and why the rest could not be removed.
    func remove(pages: [PageObject]) async throws(StorageError) -> (gone: [String], problem: StorageError?) {
        var gone: [String] = []
        for object in pages {
            guard let name = ObjectName(object.name) else { continue }
            do throws(StorageError) {
                try await objects.delete(name)
                gone.append(object.name)
            } catch {
                if error.code == .cancelled || error.code == .superseded { throw error }
                return (gone, error)
            }
        }
        return (gone, nil)
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
    package static let (maxHomes, longestOfOthers): (Int, UInt64) = (8, 256 << 20)

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

    /// Removes pages that some snapshots share.
    package func remove(_ pages: PagesName) async throws(StorageError) { try await objects.delete(pages.name) }

    /// Stores an object, and reads it back where the service does not prove that it has it.
    private func put(_ name: ObjectName, _ body: Body) async throws {
        guard try await objects.put(name, body).proof == nil else { return }
        let sent = try await body.digest(.sha256)
        let stream = try await open(name)
        let kept = try await Body(length: body.length) { _ in stream }.digest(.sha256)
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

    /// Brings a snapshot of at most `limit` bytes, with all that it needs, into a file and opens it.
    package func fetch(
        _ snapshot: SnapshotName,
        into path: String,
        limit: UInt64 = Self.longest
    ) async throws(ReplicationError) -> KitSnapshot {
        try await translating {
            let file = try await BlockingThreads.shared.run { () throws(FileError) in try File(path, .createNew) }
            var end = try await bring(snapshot.name, to: file, at: 0, of: snapshot, limit: limit)
            var opened = try await BlockingThreads.shared.run { () throws(ReplicationError) in
                try KitSnapshot(path: path)
            }
            for last in opened.shared {
                guard let name = HomeName.pages(kit: snapshot.kit, last) else {
                    throw ReplicationError.badSnapshot("It needs something whose name is none.")
                }
                let start = end
                do {
                    end = try await bring(name, to: file, at: start, of: snapshot, limit: limit)
                } catch let error as StorageError where error.code == .notFound {
                    opened.miss(name.text)
                    continue
                }
                let before = opened
                opened = try await BlockingThreads.shared.run { () throws(ReplicationError) in
                    var opened = before
                    try opened.take(from: start)
                    return opened
                }
            }
            return opened
        }
    }

    /// The objects with pages that a snapshot needs.
    ///
    /// - Throws: where nobody can say.
    package func needs(of snapshot: SnapshotName, scratch: String) async throws(ReplicationError) -> Set<ObjectName> {
        try await translating {
            let path = temporaryName(beside: scratch + "/snapshot")
            let file = try await BlockingThreads.shared.run { () throws(FileError) in
                try makeDirectory(scratch)
                return try File(path, .createNew)
            }
            defer { try? removeFile(path) }
            _ = try await bring(snapshot.name, to: file, at: 0, of: snapshot, limit: Self.longest)
            let shared = try await BlockingThreads.shared.run { () throws(ReplicationError) in
                try KitSnapshot(path: path).shared
            }
            return Set(shared.compactMap { HomeName.pages(kit: snapshot.kit, $0) })
        }
    }

    /// Brings an object to a place in a file, and returns where it ends; with what is before it, that is at most
    /// `limit` bytes.
    private func bring(
        _ name: ObjectName,
        to file: File,
        at start: UInt64,
        of snapshot: SnapshotName,
        limit: UInt64
    ) async throws -> UInt64 {
        var position = start
        for try await chunk in try await objects.read(name) {
            guard position <= limit else {
                throw ReplicationError.badSnapshot("The snapshot \(snapshot.name) has more than \(limit) bytes.")
            }
            let offset = position
            try await BlockingThreads.shared.run { () throws(FileError) in try file.write(chunk, at: offset) }
            position += UInt64(chunk.count)
        }
        return position
    }
}
