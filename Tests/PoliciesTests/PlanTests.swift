import Multiformats
import Policies
import Testing

private func root(_ number: Int) -> CID { CID.v1(.dagPB, Multihash.sha256(of: Array("root \(number)".utf8))) }

private func places(_ names: [String]) -> [Place] { names.map { Place(name: $0, takesContent: true) } }

@Suite struct PlanTests {
    @Test func `a root goes to every place that lacks it`() {
        let plan = plan(
            pins: [WantedRoot(root: root(1), replicas: nil)],
            beliefs: [
                Belief(root: root(1), backend: "a", isStored: true),
                Belief(root: root(1), backend: "b", isStored: false),
            ],
            places: places(["a", "b", "c"])
        )
        #expect(plan.steps == ["b": [.upload(root(1))], "c": [.upload(root(1))]])
        #expect(plan.short.isEmpty)
    }

    @Test func `places that cannot be written to get nothing`() {
        let closed = [Place(name: "a", takesContent: false), Place(name: "b", takesContent: true)]
        let plan = plan(pins: [WantedRoot(root: root(1), replicas: 2)], beliefs: [], places: closed)
        #expect(plan.steps == ["b": [.upload(root(1))]])
        #expect(plan.short == [root(1)])
    }

    @Test func `holders are kept when fewer replicas are wanted than there are places`() {
        for number in 0..<50 {
            let plan = plan(
                pins: [WantedRoot(root: root(number), replicas: 2)],
                beliefs: [Belief(root: root(number), backend: "c", isStored: true)],
                places: places(["a", "b", "c", "d"])
            )
            #expect(plan.steps["c"] == nil)
            #expect(plan.steps.values.flatMap { $0 }.count == 1)
        }
    }

    @Test func `a new place takes its share and no more`() {
        let pins = (0..<400).map { WantedRoot(root: root($0), replicas: 2) }
        let before = plan(pins: pins, beliefs: [], places: places(["a", "b", "c"])).steps
        let after = plan(pins: pins, beliefs: [], places: places(["a", "b", "c", "d"])).steps
        for name in ["a", "b", "c"] {
            #expect(Set(after[name] ?? []).isSubset(of: Set(before[name] ?? [])))
        }
        let share = after["d"]?.count ?? 0
        #expect((140...260).contains(share))
    }

    @Test func `nothing is removed unless it is asked for`() {
        let beliefs = [Belief(root: root(9), backend: "a", isStored: true)]
        #expect(plan(pins: [], beliefs: beliefs, places: places(["a"])).steps.isEmpty)
        #expect(plan(pins: [], beliefs: beliefs, places: places(["a"]), prune: true).steps == ["a": [.remove(root(9))]])
    }

    @Test func `only what is verified is removed, and only where it can be written to`() {
        let beliefs = [
            Belief(root: root(1), backend: "a", isStored: false), Belief(root: root(2), backend: "b", isStored: true),
        ]
        let all = [Place(name: "a", takesContent: true), Place(name: "b", takesContent: false)]
        #expect(plan(pins: [], beliefs: beliefs, places: all, prune: true).steps.isEmpty)
    }

    @Test(arguments: [(1, true), (2, false), (3, false)])
    func `what is wanted elsewhere goes only where enough others hold it`(least: Int, goes: Bool) {
        let beliefs = ["a", "b"].map { Belief(root: root(1), backend: $0, isStored: true) }
        let all = ["a", "b"].map { Place(name: $0, takesContent: true, minReplicas: least) }
        let plan = plan(pins: [WantedRoot(root: root(1), replicas: 1)], beliefs: beliefs, places: all, prune: true)
        #expect(plan.steps.values.flatMap { $0 } == (goes ? [.remove(root(1))] : []))
    }

    @Test func `everything is looked at again where it is asked for`() {
        let beliefs = [Belief(root: root(1), backend: "a", isStored: true)]
        let pins = [WantedRoot(root: root(1), replicas: nil)]
        #expect(plan(pins: pins, beliefs: beliefs, places: places(["a"])).steps.isEmpty)
        let forced = plan(pins: pins, beliefs: beliefs, places: places(["a"]), force: true)
        #expect(forced.steps == ["a": [.upload(root(1))]])
    }

    /// Pins, beliefs and places made by chance: a plan never takes a wanted root below the replicas that are wanted.
    @Test(arguments: 0..<40) func `pruning never goes below what is wanted`(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        func chance(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let names = ["a", "b", "c", "d", "e"]
        let all = names.map { Place(name: $0, takesContent: chance(5) > 0, minReplicas: chance(3)) }
        let pins = (0..<30).map { WantedRoot(root: root($0), replicas: chance(3) == 0 ? nil : chance(4)) }
        var beliefs: [Belief] = []
        for number in 0..<40 {
            for name in names where chance(2) == 0 {
                beliefs.append(Belief(root: root(number), backend: name, isStored: chance(4) > 0))
            }
        }
        let plan = plan(pins: pins, beliefs: beliefs, places: all, prune: true)
        for pin in pins {
            let held = Set(beliefs.filter { $0.isStored && $0.root == pin.root }.map(\.backend))
            let removed = Set(plan.steps.filter { $0.value.contains(.remove(pin.root)) }.keys)
            let open = all.filter(\.takesContent).count
            let least = min(held.count, min(pin.replicas ?? open, open))
            #expect(held.subtracting(removed).count >= least)
            for name in removed { #expect(plan.steps[name]?.contains(.upload(pin.root)) == false) }
        }
    }
}
