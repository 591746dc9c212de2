import BlockStore
import Catalog
import IPLD
import Multiformats
import Policies
@testable import Replication
import Schema
import Storage
import TestKit

/// A home with an engine, and services in memory that play its backends.
struct EngineSample: Sendable {
    let folder: String
    let store: BlockStore
    let catalog: Catalog
    let clock = ManualClock()
    /// That of whoever looks at other copies; nobody else waits by it.
    let witnessClock = ManualClock()

    /// A home in a folder of its own below that of the test, whose backends have these names.
    init(_ name: String = "home", backends: [String] = ["a"]) async throws {
        folder = Scratch.current + "/" + name
        store = try BlockStore(folder: folder + "/store")
        let clock = clock
        catalog = try Catalog.make(at: folder + "/catalog.sqlite", now: { clock.now })
        try await catalog.register(backends)
    }

    /// A service with the clock of the sample.
    func service(
        _ capabilities: Capabilities = [.write, .delete, .rangeReads, .listing, .usage, .digests]
    ) -> MemoryService {
        MemoryService(capabilities: capabilities, now: { [clock] in clock.now })
    }

    /// The block of a number.
    static func block(_ number: Int) -> Block { Block(codec: .raw, bytes: Array("content \(number)".utf8)) }

    /// Stores and pins the block of a number.
    @discardableResult
    func pin(_ number: Int, replicas: Int? = nil) async throws -> CID {
        let block = Self.block(number)
        try await store.ingest { try await $0.write([block]) }
        clock.advance(by: .milliseconds(1))
        try await catalog.addPins([Pin(cid: block.cid, replicas: replicas, createdAt: catalog.time)], reason: "test")
        return block.cid
    }

    /// Stores and pins the blocks of the numbers up to one, at once.
    func pin(many count: Int) async throws -> [CID] {
        let blocks = (0..<count).map(Self.block)
        try await store.ingest { try await $0.write(blocks) }
        clock.advance(by: .milliseconds(1))
        try await catalog.addPins(blocks.map { Pin(cid: $0.cid, createdAt: catalog.time) }, reason: "test")
        return blocks.map(\.cid)
    }

    /// Brings content into a store, that of the home where no other is named.
    func restorer(of other: BlockStore? = nil) -> Restorer {
        Restorer(store: other ?? store, progress: .silent, scratch: folder + "/scratch", timing: clock.timing)
    }

    /// Syncs a backend with a service.
    @discardableResult
    func sync(
        _ service: any StorageService,
        _ backend: String = "a",
        force: Bool = false,
        prune: Bool = false,
        minReplicas: Int = 1,
        retries: Int = 0,
        quota: UInt64? = nil,
        budget: SyncBudget? = nil,
        lanes: Int = 2,
        places: [String] = ["a"],
        at place: String = "here",
        account: String = "",
        others: [String: any StorageService] = [:],
        source: (any BlockSource)? = nil
    ) async throws -> SyncReport {
        try await sync(
            backend,
            try await engine(others.merging([backend: service]) { known, _ in known }, source),
            places.map { Place(name: $0, takesContent: true, minReplicas: minReplicas) },
            SyncEngine.Mode(force: force, prune: prune, budget: budget),
            at: BackendState.Address(place: place, account: account)
        ) { gate in
            open(service, backend, gate: gate, retries: retries, quota: quota, lanes: lanes)
        }
    }

    /// Syncs a backend with a service for content by CID, whose requests a policy makes.
    @discardableResult
    func sync(
        _ fake: ContentFake,
        _ backend: String = "a",
        force: Bool = false,
        prune: Bool = false
    ) async throws -> SyncReport {
        try await sync(content: fake, backend, force: force, prune: prune) { gate in
            let policy = CallPolicy(backend: backend, timing: clock.timing, gate: gate)
            return (fake.opened(by: policy), policy.meter)
        }
    }

    /// Syncs a backend with a service for content by CID.
    @discardableResult
    func sync(
        content: any ContentService,
        _ backend: String = "a",
        force: Bool = false,
        prune: Bool = false,
        open: (@Sendable (any ChangeGate) -> (any ContentService, Meter))? = nil
    ) async throws -> SyncReport {
        let place = Place(
            name: backend,
            takesContent: content.capabilities.contains(.write),
            givesContent: content.capabilities.contains(.reads)
        )
        return try await sync(
            backend,
            try await engine(),
            [place],
            SyncEngine.Mode(force: force, prune: prune),
            at: BackendState.Address(place: "here", account: "")
        ) { gate in
            let (content, meter) = open?(gate) ?? (content, Meter())
            return OpenBackend(name: backend, content: content, meter: meter, quota: nil, lanes: 2)
        }
    }

    private func sync(
        _ backend: String,
        _ engine: SyncEngine,
        _ places: [Place],
        _ mode: SyncEngine.Mode,
        at address: BackendState.Address,
        open: @escaping @Sendable (any ChangeGate) async throws -> OpenBackend
    ) async throws -> SyncReport {
        let planner = SyncPlanner(catalog: catalog, places: places, prune: mode.prune, force: mode.force)
        return try await engine.sync(backend, mode, at: address, open: open) {
            guard let work = try await planner.work(on: backend) else {
                throw ReplicationError.suspicious("There is no backend \(backend).")
            }
            return work
        }
    }

    /// An engine that sees what is on other services when it removes something.
    func engine(
        _ others: [String: any StorageService] = [:],
        _ source: (any BlockSource)? = nil
    ) async throws -> SyncEngine {
        let here = StoreSource(store)
        return SyncEngine(
            source: source ?? here,
            store: here,
            catalog: catalog,
            witnesses: Witnesses(
                here,
                catalog,
                try await catalog.identity(),
                observer: "test",
                timing: witnessClock.timing
            ) { name in
                guard let service = others[name] else {
                    throw StorageError(.unavailable, "Nobody plays the backend \(name).")
                }
                return open(service, name)
            },
            identity: try await catalog.identity(),
            observer: "test",
            timing: clock.timing,
            progress: .silent,
            settings: [],
            scratch: folder + "/scratch",
            leaseTime: 60_000
        )
    }

    /// A service as a backend.
    func open(
        _ service: any StorageService,
        _ backend: String = "a",
        gate: any ChangeGate = ClosedGate(),
        retries: Int = 0,
        quota: UInt64? = nil,
        lanes: Int = 2
    ) -> OpenBackend {
        var operational = OperationalSettings()
        operational.retryCount = retries
        operational.maxConnections = max(operational.maxConnections, lanes)
        let policy = CallPolicy(backend: backend, operational, timing: clock.timing, gate: gate)
        let content = CARArchive(Checked(Governed(service, by: policy), backend: backend))
        return OpenBackend(name: backend, content: content, meter: policy.meter, quota: quota, lanes: lanes)
    }

    /// Reads everything that is known of a backend back.
    func verify(_ service: any StorageService, _ backend: String = "a") async throws -> [Verifier.Result] {
        let verifier = Verifier(
            catalog: catalog,
            identity: try await catalog.identity(),
            observer: "test",
            timing: clock.timing,
            progress: .silent
        )
        return try await verifier.verify(try await catalog.mappings(on: backend), on: open(service, backend))
    }

    /// Whether a backend is out of step.
    func isDirty(_ backend: String = "a") async throws -> Bool? {
        try await catalog.backendState(backend)?.isDirty
    }

    /// What is known of a root on a backend.
    func status(_ root: CID, _ backend: String = "a") async throws -> Mapping.Status? {
        try await catalog.mappings(of: [root]).first { $0.backend == backend }?.status
    }

    /// The name of the archive of a root.
    func name(_ root: CID) throws -> ObjectName { try CARArchive.name(of: root) }
}

extension EngineSample {
    /// A backend with a copy that a prune would remove, and the one on which the copy is counted.
    struct Surplus {
        let name: String
        let service: MemoryService
        let otherName: String
        let other: MemoryService
    }

    /// Which of two backends has more than is wanted of a root.
    func surplus(of root: CID, among services: [String: MemoryService]) async throws -> Surplus? {
        let names = services.keys.sorted()
        let planner = SyncPlanner(
            catalog: catalog,
            places: names.map { Place(name: $0, takesContent: true) },
            prune: true,
            force: false
        )
        let steps = try await planner.plan().plan.steps
        guard let name = names.first(where: { steps[$0]?.contains { $0.root == root && $0.isRemoval } == true }),
            let otherName = names.first(where: { $0 != name }), let service = services[name],
            let other = services[otherName]
        else { return nil }
        return Surplus(name: name, service: service, otherName: otherName, other: other)
    }
}
