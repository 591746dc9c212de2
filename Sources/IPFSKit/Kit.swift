internal import Catalog
public import Multiformats
internal import Operations
internal import Replication
internal import Schema

/// A kit home: content that is kept by its CID, and its verified copies on storage services.
///
/// A `Kit` is a small facade over the operations that the command line offers too. Every result is something that was
/// seen: a root counts as stored on a backend when bytes or digests were compared there.
///
/// ```swift
/// let kit = try await Kit.open(at: "/var/lib/archive", createIfMissing: true)
/// let root = try await kit.add("/srv/photos", name: "photos")
/// try await kit.createBackend("disk", type: "filesystem", settings: ["path": "/mnt/backup"])
/// let result = try await kit.sync()
/// ```
///
/// ## Topics
/// - ``open(at:createIfMissing:)``
/// - ``add(_:name:)``, ``pins()``, ``unpin(_:)``, ``extract(_:to:)``
/// - ``createBackend(_:type:settings:)``, ``sync()``, ``locations(of:)``, ``verify()``, ``recover(from:)``
/// - ``close()``
public struct Kit: Sendable {
    private let kit: Operations.Kit

    /// Opens the kit home at `path`, or makes it.
    ///
    /// - Throws: ``KitFailure`` where there is none and `createIfMissing` is false, or where it cannot be read.
    public static func open(at path: String, createIfMissing: Bool = false) async throws(KitFailure) -> Kit {
        let kit = Operations.Kit(home: KitHome(path, environment: { _ in nil }))
        if createIfMissing { _ = try await Kit(kit: kit).run(Initialise.self) }
        return Kit(kit: kit)
    }

    private init(kit: Operations.Kit) { self.kit = kit }

    /// Adds a file or a directory to the store and pins it; returns the root when it is on the disk.
    public func add(_ path: String, name: String? = nil) async throws(KitFailure) -> CID {
        var values: [String: FieldValue] = ["paths": .list([path])]
        if let name { values["name"] = .text(name) }
        guard let root = try await run(Add.self, values).roots.first else {
            throw KitFailure(code: ExitCode.other.rawValue, message: "Nothing was added.", hint: nil)
        }
        return root.cid
    }

    /// The roots that are pinned, with their names.
    public func pins() async throws(KitFailure) -> [PinnedRoot] {
        try await run(PinList.self).pins.map { PinnedRoot(root: $0.cid, name: $0.name) }
    }

    /// Removes a pin; replicas stay where they are.
    public func unpin(_ root: CID) async throws(KitFailure) {
        _ = try await run(PinRemove.self, ["cids": .list([root.description])])
    }

    /// Writes a file or a directory from the store to `path`, where nothing may be yet.
    public func extract(_ root: CID, to path: String) async throws(KitFailure) {
        _ = try await run(Get.self, ["path": .text(root.description), "output": .text(path)])
    }

    /// Configures a backend, without sending anything to it; `ipfs-kit backend types` lists types and settings.
    public func createBackend(
        _ name: String,
        type: String,
        settings: [String: String]
    ) async throws(KitFailure) {
        let items = settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        _ = try await run(
            BackendCreate.self,
            ["name": .text(name), "type": .text(type), "settings": .list(items)]
        )
    }

    /// Brings every enabled backend in step with what is pinned.
    ///
    /// A backend that failed is in the result; it does not make the call throw.
    public func sync() async throws(KitFailure) -> [SyncResult] {
        try await run(Sync.self).results.map { result in
            SyncResult(
                backend: result.backend,
                isInStep: result.report?.isComplete ?? false,
                uploaded: result.report?.uploaded ?? 0,
                adopted: result.report?.adopted ?? 0,
                problem: result.failure.map { Redactor.shared.clean($0.message) }
            )
        }
    }

    /// Where a root is known to be; empty where nothing is known.
    public func locations(of root: CID) async throws(KitFailure) -> [Location] {
        do throws(KitFailure) {
            return try await run(WhereIs.self, ["cid": .text(root.description)]).mappings.map { mapping in
                Location(
                    backend: mapping.backend,
                    path: mapping.path,
                    isVerified: mapping.status == .stored,
                    method: mapping.evidence?.method,
                    verifiedAt: mapping.evidence?.at.milliseconds
                )
            }
        } catch  where error.code == ExitCode.notFound.rawValue {
            return []
        }
    }

    /// Reads everything back from every backend and checks every block; true when all of it was there and whole.
    public func verify() async throws(KitFailure) -> Bool {
        try await run(Verify.self).exitCode == .ok
    }

    /// Rebuilds this kit home from one backend alone; true when every pin is whole in the store afterwards.
    public func recover(from backend: String) async throws(KitFailure) -> Bool {
        try await run(Recover.self, ["from": .text(backend)]).exitCode == .ok
    }

    /// Ends what is open, such as sessions with servers; what is asked for afterwards opens it anew.
    public func close() async { await kit.close() }

    private func run<Action: Operation>(
        _ type: Action.Type,
        _ values: [String: FieldValue] = [:]
    ) async throws(KitFailure) -> Action.Output {
        do throws(KitError) {
            return try await Call(kit: kit, from: .library).perform(type, values)
        } catch {
            throw KitFailure(error)
        }
    }
}
