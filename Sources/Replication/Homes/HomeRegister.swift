package import Catalog
internal import IPLD
internal import Multiformats
package import Schema
package import Storage

/// What homes left on a backend to be known by: announcements, and snapshots.
///
/// A home announces itself before it relies on anything that is there, and looks who else has; a home that is about to
/// remove something says that first, and looks then. Each writes before it reads, so at least one of two sees the
/// other.
package struct HomeRegister: Sendable {
    /// What was found: read from the names alone, where the service says when each was written.
    package struct Entries: Sendable {
        /// Who announced itself: a home, the incarnation of the backend in it, and when, by the clock of the service.
        package struct Marker: Sendable, Hashable {
            package let kit: String
            package let instance: String
            package let incarnation: String
            package let name: ObjectName
            package let at: Timestamp
        }

        package var here: [Marker] = []
        package var removing: [Marker] = []
        /// The newest first.
        package var snapshots: [SnapshotName] = []
        /// Objects with pages that snapshots share.
        package var pages: [PagesName] = []
        fileprivate(set) var names: Set<ObjectName> = []

        package init() {}

        /// The kits that left anything.
        package var kits: Set<String> { Set((here + removing).map(\.kit) + snapshots.map(\.kit)) }

        /// Says whether an object below `kits/` was listed.
        func contains(_ name: String) -> Bool { ObjectName(name).map { names.contains($0) } ?? false }
    }

    let objects: any StorageService
    let backend: String

    /// The register of a backend; nil where there is no room for any.
    package init?(_ backend: OpenBackend) {
        guard let objects = backend.content.objects else { return nil }
        self.objects = objects
        self.backend = backend.name
    }

    /// Everything that is there now.
    ///
    /// A service that tells no times is asked for the announcements themselves, which say by the clock of their home
    /// when it was there.
    package func list() async throws(StorageError) -> Entries {
        var entries = Entries()
        for try await page in objects.list(HomeName.folder) {
            for info in page {
                guard entries.names.count < Self.most else {
                    throw StorageError(
                        .tooLarge,
                        "\(backend) has more than \(Self.most) objects under \(HomeName.folder), where homes leave what they "
                            + "say of themselves: somebody else writes there.",
                        backend: backend
                    )
                }
                entries.names.insert(info.name)
                guard let (kit, kind) = HomeName.read(info.name) else { continue }
                switch kind {
                case .here(let instance, let incarnation):
                    entries.here.append(try await marker(kit, instance, incarnation, info))
                case .removing(let instance, let incarnation):
                    entries.removing.append(try await marker(kit, instance, incarnation, info))
                case .snapshot(let instance, let time):
                    let made = Timestamp(milliseconds: time)
                    let leftAt = info.modified ?? made
                    entries.snapshots.append(
                        SnapshotName(name: info.name, kit: kit, instance: instance, time: time, leftAt: leftAt)
                    )
                case .pages(let instance, let time):
                    entries.pages.append(
                        PagesName(name: info.name, kit: kit, instance: instance, time: time, length: info.length)
                    )
                }
            }
        }
        entries.snapshots.sort { ($0.time, $0.name.text) > ($1.time, $1.name.text) }
        return entries
    }

    private func marker(
        _ kit: String,
        _ instance: String,
        _ incarnation: String,
        _ info: ObjectInfo
    ) async throws(StorageError) -> Entries.Marker {
        let at = if let modified = info.modified { modified } else { try await seen(info) }
        return Entries.Marker(kit: kit, instance: instance, incarnation: incarnation, name: info.name, at: at)
    }

    /// So many objects of homes are looked at: ten snapshots and their pages of each of thousands of homes.
    private static let most = 100_000
    /// The longest announcement that is read, in bytes.
    private static let longest = 4096

    /// When a home was there, by its announcement.
    ///
    /// One that says nothing is believed to be of somebody who is there still.
    private func seen(_ info: ObjectInfo) async throws(StorageError) -> Timestamp {
        let unknown = Timestamp(milliseconds: HomeName.latest)
        guard let length = info.length, length <= Self.longest else { return unknown }
        let bytes = try await collect(objects.read(info.name), limit: Self.longest)
        guard let node = try? Node(bytes, codec: .dagJSON), case .string(let text)? = node["seen_at"],
            let time = Timestamp(text)
        else { return unknown }
        return min(time, unknown)
    }

    /// Throws where a backend is not the place that a home knows: a disk that is not mounted looks empty.
    package static func expectPlace(
        _ backend: OpenBackend,
        _ catalog: Catalog,
        _ identity: Catalog.Identity
    ) async throws {
        try await Site.expect(backend, try await catalog.backendState(backend.name), identity)
    }

    /// Announces a home anew, under the lease of the backend.
    package func renew(_ own: Catalog.Identity, in catalog: Catalog, under lease: Lease) async throws {
        guard let state = try await catalog.backendState(backend) else { return }
        // What is seen now is taken for the same from then on, so this look has to be the one that tells.
        if try await hasCopy(ofMarkerIn: state) {
            try await catalog.lookAgain(because: Self.copied, under: lease)
        }
        let marker = try await announce(own, state.incarnation, isRemoving: false, catalog.time)
        // Who announces himself looks who else is there, by what was known before.
        try await note(own, isFirstLook: state.marker == nil, in: catalog, under: lease)
        try await catalog.noteMarker(marker.name.text, identity: marker.birth, under: lease)
    }

    /// Why everything is looked up where a copy of the announcement of this home is.
    static let copied = "the announcement of this home is a copy"

    /// Whether the announcement of this home is another object than the one that it left: whoever copied it, or mounted
    /// something else, may not have brought all along.
    func hasCopy(ofMarkerIn state: BackendState) async throws -> Bool {
        guard let known = state.markerIdentity, let name = state.marker.flatMap({ ObjectName($0) }) else {
            return false
        }
        let identity = try await info(name)?.birth
        return identity != nil && identity != known
    }

    /// Notes in the catalog who else is there now; every other home that was ever seen there, and whether it keeps
    /// anything from being removed.
    package func note(
        _ own: Catalog.Identity,
        in catalog: Catalog,
        under lease: Lease
    ) async throws -> [(peer: Peer, holdsBack: Bool)] {
        let isFirstLook = try await catalog.backendState(backend)?.marker == nil
        let site = try await note(own, isFirstLook: isFirstLook, in: catalog, under: lease)
        let others = try await catalog.peers(on: backend).filter { $0.instance != own.instance }
        return others.map { ($0, site.holdsBack($0, at: catalog.time)) }
    }

    @discardableResult
    private func note(
        _ own: Catalog.Identity,
        isFirstLook: Bool,
        in catalog: Catalog,
        under lease: Lease
    ) async throws -> Site {
        let site = Site(register: self, entries: try await list(), identity: own)
        try await catalog.notePeers(site.peers(), isFirstLook: isFirstLook, under: lease)
        return site
    }

    /// Says whether an object that was left there is there still; for backends that cannot list.
    func holds(_ name: String) async throws(StorageError) -> Bool {
        guard let name = ObjectName(name) else { return false }
        return try await info(name) != nil
    }

    /// What is said of an object; nil where it is not there.
    func info(_ name: ObjectName) async throws(StorageError) -> ObjectInfo? {
        do throws(StorageError) {
            return try await objects.stat(name)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// Announces a home, or that it is removing content.
    func announce(
        _ identity: Catalog.Identity,
        _ incarnation: String,
        isRemoving: Bool,
        _ time: Timestamp
    ) async throws
        -> ObjectInfo
    {
        let name = try self.name(identity, incarnation, isRemoving: isRemoving)
        // Who is believed to be known there counts on it, so it is not enough that somebody took the announcement.
        func confirmed() async throws -> ObjectInfo {
            guard let info = try await info(name) else {
                let message = "The announcement \(name) was sent and accepted, and it is not there."
                throw StorageError(.corrupt, message, backend: backend)
            }
            return info
        }
        let node = Node.map([
            .init("format", .string("ipfs_kit_home")), .init("version", .integer(1)),
            .init("kit", .string(identity.kit)),
            .init("home", .string(identity.instance)), .init("seen_at", .string(time.description)),
        ])
        let receipt = try await objects.put(name, Body(try node.encoded(as: .dagJSON)))
        return receipt.proof == nil ? try await confirmed() : ObjectInfo(name: name, length: nil)
    }

    /// Takes back an announcement of this home.
    func withdraw(_ marker: Entries.Marker) async throws(StorageError) { try await objects.delete(marker.name) }

    /// Takes back that a home is removing content.
    func withdrawRemoving(_ identity: Catalog.Identity, _ incarnation: String) async throws {
        try await objects.delete(try name(identity, incarnation, isRemoving: true))
    }

    private func name(
        _ identity: Catalog.Identity,
        _ incarnation: String,
        isRemoving: Bool
    ) throws(ReplicationError) -> ObjectName {
        guard
            let name = HomeName.marker(
                kit: identity.kit,
                instance: identity.instance,
                incarnation: incarnation,
                isRemoving: isRemoving
            )
        else { throw .badSnapshot("The identifier of this kit, “\(identity.kit)”, is damaged.") }
        return name
    }
}

/// A snapshot on a backend, by its name.
package struct SnapshotName: Sendable, Hashable {
    package let name: ObjectName
    /// The kit that left it.
    package let kit: String
    /// The home that left it; empty for one of the first version.
    package let instance: String
    /// When it was made, in milliseconds since 1970, by the clock of the home.
    package let time: Int64
    /// When it was left, by the clock of the service, as far as that is known.
    package let leftAt: Timestamp
}

extension SnapshotName {
    /// The snapshot of which an object has the name; nil where it is the name of something else.
    package init?(_ name: ObjectName, leftAt: Timestamp) {
        guard let (kit, kind) = HomeName.read(name), case .snapshot(let instance, let time) = kind else { return nil }
        self.init(name: name, kit: kit, instance: instance, time: time, leftAt: leftAt)
    }
}

/// An object on a backend with pages that the snapshots of a home share, by its name.
package struct PagesName: Sendable, Hashable {
    package let name: ObjectName
    /// The kit, and the home, that left it.
    package let kit: String
    package let instance: String
    /// When the snapshot was made that it was left with, in milliseconds since 1970.
    package let time: Int64
    /// Its length in bytes, where the service says it.
    package let length: UInt64?
}
