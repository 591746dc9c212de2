import Catalog
import IPLD
import Multiformats
import Schema
import Policies
@testable import Replication
import Samples
import Storage
import TestKit
import Testing

/// A plan of what changed is the plan of everything.
@Suite(.scratch, .timeLimit(.minutes(3))) struct PlannerTests {
    private static let places = ["a", "b", "c"].map { Place(name: $0, takesContent: true) }

    /// The plan of all roots, whatever is remembered.
    private func whole(_ catalog: Catalog, _ places: [Place], prune: Bool = false) async throws -> Plan {
        var copies: [Copy] = []
        var named: [Place] = []
        for state in try await catalog.backendStates() {
            copies += try await catalog.statuses(on: state.name).map {
                Copy(root: $0.cid, backend: state.name, state: Copy.State($0), isOurs: $0.isOurs)
            }
            for place in places where place.name == state.name {
                named.append(
                    Place(
                        name: place.name,
                        identity: state.place,
                        takesContent: place.takesContent,
                        minReplicas: place.minReplicas
                    )
                )
            }
        }
        let pins = try await catalog.pins().map {
            WantedRoot(root: $0.cid, replicas: $0.replicas, changedAt: $0.updatedAt)
        }
        return plan(pins: pins, copies: copies, places: named, prune: prune)
    }

    /// Brings everything in step, and makes the pages of all lists, as a sync does.
    private func settle(_ home: EngineSample, _ lease: Lease) async throws {
        let planner = SyncPlanner(catalog: home.catalog, places: Self.places, prune: false, force: false)
        for (backend, steps) in try await planner.plan().plan.steps where backend == lease.backend {
            for step in steps {
                switch step {
                case .upload(let root): try await see(root, .whole, home, lease)
                case .forget(let root): try await home.catalog.forgetMissing([root], under: lease)
                case .remove: break
                }
            }
        }
        let maker = SnapshotMaker(catalog: home.catalog, identity: try await home.catalog.identity(), backends: [])
        _ = try await maker.make(
            with: [],
            in: { home.folder + "/pages-\(Int.random(in: 0..<Int.max))" },
            new: { "\($0)" }
        )
    }

    private func see(
        _ root: CID,
        _ finding: Observation.Finding,
        _ home: EngineSample,
        _ lease: Lease
    ) async throws {
        let path = try home.name(root).text
        try await home.catalog.record(
            [Observation(root, finding, method: "read-back", place: Location(path), at: home.catalog.time, by: "test")],
            under: lease
        )
    }

    @Test(arguments: 0..<4) func `what changed is planned as all of it would be`(seed: Int) async throws {
        var numbers = SeededNumbers(seed: UInt64(seed))
        let home = try await EngineSample(backends: ["a", "b", "c"])
        var leases: [Lease] = []
        for name in ["a", "b", "c"] { leases.append(try await home.catalog.takeLease(name, for: 1 << 40).get()) }
        let planner = SyncPlanner(catalog: home.catalog, places: Self.places, prune: false, force: false)
        let pruner = SyncPlanner(catalog: home.catalog, places: Self.places, prune: true, force: false)
        var fewest = Int.max
        for step in 0..<80 {
            let root = EngineSample.block(Int.random(in: 0..<40, using: &numbers)).cid
            let lease = leases[Int.random(in: 0..<3, using: &numbers)]
            home.clock.advance(by: .seconds(1))
            switch Int.random(in: 0..<10, using: &numbers) {
            case 0...2:
                let replicas = Int.random(in: 0..<4, using: &numbers)
                let pin = Pin(cid: root, replicas: replicas == 3 ? nil : replicas, createdAt: home.catalog.time)
                try await home.catalog.addPins([pin], reason: "test")
            case 3: _ = try await home.catalog.removePins([root], reason: "test")
            case 4: try await see(root, .damaged, home, lease)
            case 5: try await see(root, .missing, home, lease)
            case 6: try await home.catalog.begin([root], willBeSaved: true, under: lease)
            case 7 where step % 7 == 0: try await home.catalog.doubt(because: "test", under: lease)
            default: for lease in leases { try await settle(home, lease) }
            }
            let whole = try await whole(home.catalog, Self.places)
            let found = try await planner.plan().plan
            for name in ["a", "b", "c"] {
                #expect(Set(found.steps[name] ?? []) == Set(whole.steps[name] ?? []), "step \(step)")
            }
            #expect(found.short == whole.short && found.lacking == whole.lacking, "step \(step)")
            // So is what would be removed.
            let pruning = try await pruner.plan().plan
            let allPruning = try await self.whole(home.catalog, Self.places, prune: true)
            for name in ["a", "b", "c"] {
                #expect(Set(pruning.steps[name] ?? []) == Set(allPruning.steps[name] ?? []), "step \(step)")
            }
            #expect(pruning.lacking == allPruning.lacking, "step \(step)")
            // Other places make another plan.
            let fewer = SyncPlanner(catalog: home.catalog, places: [Self.places[0]], prune: false, force: false)
            let ofFewer = try await self.whole(home.catalog, [Self.places[0]])
            #expect(try await fewer.plan().plan.steps == ofFewer.steps, "step \(step)")
            fewest = min(fewest, found.steps.values.reduce(0) { $0 + $1.count })
        }
        #expect(fewest == 0)
    }

    @Test func `who plans anew looks at nothing that did not change`() async throws {
        let home = try await EngineSample()
        let service = home.service()
        for number in 0..<20 { try await home.pin(number) }
        #expect(try await home.sync(service).isComplete)
        let planner = SyncPlanner(catalog: home.catalog, places: [Self.places[0]], prune: false, force: false)
        #expect(try await planner.plan().plan.isSettled)
        // For whoever prunes that is another matter.
        let pruner = SyncPlanner(catalog: home.catalog, places: [Self.places[0]], prune: true, force: false)
        #expect(try await home.catalog.value("settled_in_pruning") == nil)
        #expect(try await pruner.plan().plan.isSettled)
        #expect(try await home.catalog.value("settled_in_pruning") != nil)
        let places = try #require(try await home.catalog.value("settled_in"))
        #expect(try await home.catalog.unsettled(in: places).roots == [])
        let root = try await home.pin(20)
        #expect(try await home.catalog.unsettled(in: places).roots == [root])
        #expect(try await planner.plan().plan.steps == ["a": [.upload(root)]])
        #expect(try await home.catalog.unsettled(in: "elsewhere").roots == nil)
        home.catalog.disregard(["a"])
        #expect(try await home.catalog.unsettled(in: places).roots == nil)
    }
}
