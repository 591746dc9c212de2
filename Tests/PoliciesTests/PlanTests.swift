import Multiformats
import Policies
import Schema
import Testing

private func root(_ number: Int) -> CID { CID.v1(.dagPB, Multihash.sha256(of: Array("root \(number)".utf8))) }

private func places(_ names: [String]) -> [Place] { names.map { Place(name: $0, takesContent: true) } }

@Suite struct PlanTests {
    @Test func `a root goes to every place that lacks it`() {
        let plan = plan(
            pins: [WantedRoot(root: root(1), replicas: nil)],
            copies: [
                Copy(root: root(1), backend: "a", state: .verified),
                Copy(root: root(1), backend: "b", state: .claimed, isOurs: false),
            ],
            places: places(["a", "b", "c"])
        )
        #expect(plan.steps == ["b": [.upload(root(1))], "c": [.upload(root(1))]])
        #expect(plan.short.isEmpty)
    }

    @Test func `places that cannot be written to get nothing`() {
        let closed = [Place(name: "a", takesContent: false), Place(name: "b", takesContent: true)]
        let plan = plan(pins: [WantedRoot(root: root(1), replicas: 2)], copies: [], places: closed)
        #expect(plan.steps == ["b": [.upload(root(1))]])
        #expect(plan.short == [root(1)])
    }

    /// Of a service that gives nothing back there is only its word, which is no replica.
    @Test func `a word is no replica and is not asked for again`() {
        let places = [
            Place(name: "pinning", takesContent: true, givesContent: false), Place(name: "a", takesContent: true),
        ]
        func plan(_ replicas: Int?, _ state: Copy.State, force: Bool = false) -> Plan {
            Policies.plan(
                pins: [WantedRoot(root: root(1), replicas: replicas)],
                copies: [
                    Copy(root: root(1), backend: "pinning", state: state),
                    Copy(root: root(1), backend: "a", state: .verified),
                ],
                places: places,
                force: force
            )
        }
        for state in [Copy.State.claimed, .awaited] {
            let settled = plan(nil, state)
            #expect(settled.steps.isEmpty && settled.short.isEmpty && settled.lacking.isEmpty)
            #expect(plan(2, state).short == [root(1)] && plan(2, state).lacking == [root(1)])
            #expect(plan(1, state).short.isEmpty && plan(1, state).steps.isEmpty)
        }
        #expect(plan(nil, .missing).steps["pinning"] == [.upload(root(1))])
        #expect(plan(nil, .claimed, force: true).steps["pinning"] == [.upload(root(1))])
        #expect(plan(nil, .awaited, force: true).steps["pinning"] == nil)
        // Where somebody says that it is, and it can be read, it is looked at.
        let claim = Copy(root: root(1), backend: "a", state: .claimed)
        let pins = [WantedRoot(root: root(1), replicas: nil)]
        #expect(Policies.plan(pins: pins, copies: [claim], places: places).steps["a"] == [.upload(root(1))])
    }

    /// However many pins, those that are wanted once go where they can be verified.
    @Test func `what is wanted once goes where it can be verified`() {
        let places = ["p1", "p2", "p3"].map { Place(name: $0, takesContent: true, givesContent: false) }
        for number in 0..<20 {
            let pins = [WantedRoot(root: root(number), replicas: 1)]
            let plan = plan(pins: pins, copies: [], places: places + [Place(name: "a", takesContent: true)])
            #expect(plan.steps == ["a": [.upload(root(number))]])
        }
    }

    @Test func `holders are kept when fewer replicas are wanted than there are places`() {
        for number in 0..<50 {
            let plan = plan(
                pins: [WantedRoot(root: root(number), replicas: 2)],
                copies: [Copy(root: root(number), backend: "c", state: .verified)],
                places: places(["a", "b", "c", "d"])
            )
            #expect(plan.steps["c"] == nil)
            #expect(plan.steps.values.flatMap { $0 }.count == 1)
        }
    }

    @Test func `a new place takes its share and no more`() {
        let pins = (0..<400).map { WantedRoot(root: root($0), replicas: 2) }
        let before = plan(pins: pins, copies: [], places: places(["a", "b", "c"])).steps
        let after = plan(pins: pins, copies: [], places: places(["a", "b", "c", "d"])).steps
        for name in ["a", "b", "c"] {
            #expect(Set(after[name] ?? []).isSubset(of: Set(before[name] ?? [])))
        }
        let share = after["d"]?.count ?? 0
        #expect((140...260).contains(share))
    }

    @Test func `nothing is removed unless it is asked for`() {
        let copies = [Copy(root: root(9), backend: "a", state: .verified)]
        #expect(plan(pins: [], copies: copies, places: places(["a"])).steps.isEmpty)
        #expect(
            plan(pins: [], copies: copies, places: places(["a"]), prune: true).steps == [
                "a": [.remove(root(9), .unwanted)]
            ]
        )
    }

    @Test func `only what is verified is removed, and only where it can be written to`() {
        let copies = [
            Copy(root: root(1), backend: "a", state: .claimed, isOurs: false),
            Copy(root: root(2), backend: "b", state: .verified),
        ]
        let all = [Place(name: "a", takesContent: true), Place(name: "b", takesContent: false)]
        #expect(plan(pins: [], copies: copies, places: all, prune: true).steps.isEmpty)
    }

    @Test(arguments: [(1, true), (2, false), (3, false)])
    func `what is wanted elsewhere goes only where enough others hold it`(least: Int, goes: Bool) {
        let copies = ["a", "b"].map { Copy(root: root(1), backend: $0, state: .verified) }
        let all = ["a", "b"].map { Place(name: $0, takesContent: true, minReplicas: least) }
        let plan = plan(pins: [WantedRoot(root: root(1), replicas: 1)], copies: copies, places: all, prune: true)
        let steps = plan.steps.values.flatMap(\.self)
        #expect(steps.count == (goes ? 1 : 0))
        #expect(steps.filter(\.isRemoval) == steps)
    }

    @Test func `everything is looked at again where it is asked for`() {
        let copies = [Copy(root: root(1), backend: "a", state: .verified)]
        let pins = [WantedRoot(root: root(1), replicas: nil)]
        #expect(plan(pins: pins, copies: copies, places: places(["a"])).steps.isEmpty)
        let forced = plan(pins: pins, copies: copies, places: places(["a"]), force: true)
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
        var copies: [Copy] = []
        for number in 0..<40 {
            for name in names where chance(2) == 0 {
                copies.append(Copy(root: root(number), backend: name, state: chance(4) > 0 ? .verified : .damaged))
            }
        }
        let plan = plan(pins: pins, copies: copies, places: all, prune: true)
        for pin in pins {
            let held = Set(copies.filter { $0.state == .verified && $0.root == pin.root }.map(\.backend))
            let removed = Set(plan.steps.filter { $0.value.contains { $0.removes(pin.root) } }.keys)
            let open = all.filter(\.takesContent).count
            let least = min(held.count, min(pin.replicas ?? open, open))
            #expect(held.subtracting(removed).count >= least)
            for name in removed { #expect(plan.steps[name]?.contains(.upload(pin.root)) == false) }
        }
    }

    @Test func `what is claimed and nobody stored is never removed, what was stored and rotted is`() {
        let copies = [
            Copy(root: root(1), backend: "a", state: .claimed, isOurs: false),
            Copy(root: root(2), backend: "a", state: .claimed, isOurs: true),
            Copy(root: root(3), backend: "a", state: .damaged),
            Copy(root: root(4), backend: "a", state: .leaving),
        ]
        let steps = plan(pins: [], copies: copies, places: places(["a"]), prune: true).steps["a"] ?? []
        #expect(Set(steps) == Set([2, 3, 4].map { .remove(root($0), .unwanted) }))
    }

    @Test func `what is gone and unwanted is forgotten without a request`() {
        let copies = [
            Copy(root: root(1), backend: "a", state: .missing), Copy(root: root(2), backend: "a", state: .missing),
        ]
        let plan = plan(pins: [WantedRoot(root: root(2), replicas: nil)], copies: copies, places: places(["a"]))
        #expect(plan.steps == ["a": [.upload(root(2)), .forget(root(1))]])
    }

    @Test func `a copy that is being removed counts for nothing`() {
        let copies = ["a", "b"].map { Copy(root: root(1), backend: $0, state: $0 == "a" ? .leaving : .verified) }
        let plan = plan(pins: [WantedRoot(root: root(1), replicas: 2)], copies: copies, places: places(["a", "b"]))
        #expect(plan.steps == ["a": [.upload(root(1))]])
    }

    @Test func `a surplus copy may go when there are enough others, and says which`() {
        let copies = ["a", "b", "c"].map { Copy(root: root(1), backend: $0, state: .verified) }
        let pin = WantedRoot(root: root(1), replicas: 2, changedAt: Timestamp(milliseconds: 7))
        let plan = plan(pins: [pin], copies: copies, places: places(["a", "b", "c"]), prune: true)
        let removals = plan.steps.values.flatMap { $0 }
        #expect(removals.count == 1)
        guard case .remove(_, .surplus(let minimum, let others, let changed))? = removals.first else {
            Issue.record("no surplus: \(removals)")
            return
        }
        #expect(minimum == 2 && others.count == 2 && changed == pin.changedAt)
        // A backend that wants more others keeps it.
        let careful = ["a", "b", "c"].map { Place(name: $0, takesContent: true, minReplicas: 3) }
        #expect(Policies.plan(pins: [pin], copies: copies, places: careful, prune: true).steps.isEmpty)
    }

    @Test(arguments: [Copy.State.verified, .damaged, .claimed, .unknown, .leaving])
    func `a copy that is not wanted here goes when it is known what it is`(state: Copy.State) {
        let copies = [
            Copy(root: root(1), backend: "a", state: .verified), Copy(root: root(1), backend: "b", state: state),
        ]
        let plan = plan(
            pins: [WantedRoot(root: root(1), replicas: 1)],
            copies: copies,
            places: [Place(name: "a", takesContent: true), Place(name: "b", takesContent: true)],
            prune: true
        )
        let removed = plan.steps.filter { $0.value.contains(where: \.isRemoval) }.keys.sorted()
        switch state {
        case .verified: #expect(removed.count == 1)
        case .damaged, .leaving: #expect(removed == ["b"])
        default: #expect(removed.isEmpty)
        }
    }

    @Test func `where nothing can be removed it is counted what would go`() {
        let places = [true, false].map { Place(name: "\($0)", takesContent: true, removesContent: $0) }
        let copies = places.map { Copy(root: root(1), backend: $0.name, state: .verified) }
        let plan = plan(pins: [], copies: copies, places: places, prune: true)
        #expect(plan.steps == ["true": [.remove(root(1), .unwanted)]] && plan.staying == ["false": 1])
    }

    @Test func `copies that are surplus too do not count for one another`() {
        // Each place wants three others, and two are to stay: if the other two counted, both would go.
        let careful = ["a", "b", "c", "d"].map { Place(name: $0, takesContent: true, minReplicas: 3) }
        let copies = careful.map { Copy(root: root(1), backend: $0.name, state: .verified) }
        let pin = WantedRoot(root: root(1), replicas: 2)
        #expect(plan(pins: [pin], copies: copies, places: careful, prune: true).steps.isEmpty)
    }

    @Test func `nothing is removed under the second name of a place`() {
        let twins = ["a", "b"].map { Place(name: $0, identity: "x", takesContent: true) }
        let copies = twins.map { Copy(root: root(1), backend: $0.name, state: .verified) }
        #expect(
            plan(pins: [], copies: copies, places: twins, prune: true).steps == ["a": [.remove(root(1), .unwanted)]]
        )
    }

    @Test(arguments: [(nil, 0, true), (nil, 1, true), (nil, 2, false), (0, 0, false), (1, 1, false), (2, 1, true)])
    func `a pin lacks copies that are wanted, and one where it does not say how many`(
        replicas: Int?,
        count: Int,
        isLacking: Bool
    ) {
        let copies = ["a", "b"].prefix(count).map { Copy(root: root(1), backend: $0, state: .verified) }
        let plan = plan(
            pins: [WantedRoot(root: root(1), replicas: replicas)],
            copies: Array(copies),
            places: places(["a", "b"])
        )
        #expect(plan.lacking == (isLacking ? [root(1)] : []))
    }

    @Test func `a pin lacks a copy where there is no place for any`() {
        #expect(plan(pins: [WantedRoot(root: root(1), replicas: nil)], copies: [], places: []).lacking == [root(1)])
    }

    @Test(arguments: [Copy.State.missing, .damaged], [true, false])
    func `what is not wanted somewhere, and is not there, is forgotten`(state: Copy.State, isPinned: Bool) {
        let copies = [
            Copy(root: root(1), backend: "a", state: .verified), Copy(root: root(1), backend: "b", state: state),
        ]
        let pins = isPinned ? [WantedRoot(root: root(1), replicas: 1)] : []
        let plan = plan(pins: pins, copies: copies, places: places(["a", "b"]))
        #expect(plan.steps == (state == .missing ? ["b": [.forget(root(1))]] : [:]))
    }

    @Test(arguments: ["a", "b", "c"]) func `a root goes where it may be, before it goes anywhere else`(_ name: String) {
        let copies = [Copy(root: root(1), backend: name, state: .unknown)]
        let plan = plan(
            pins: [WantedRoot(root: root(1), replicas: 1)],
            copies: copies,
            places: places(["a", "b", "c"])
        )
        #expect(plan.steps == [name: [.upload(root(1))]])
    }

    @Test func `a place that takes nothing under one name counts once all the same`() {
        let twins = [
            Place(name: "a", identity: "x", takesContent: false), Place(name: "z", identity: "x", takesContent: true),
        ]
        let copies = twins.map { Copy(root: root(1), backend: $0.name, state: .verified) }
        let plan = plan(pins: [WantedRoot(root: root(1), replicas: 2)], copies: copies, places: twins)
        #expect(plan.lacking == [root(1)] && plan.aliases == ["a": "z"])
    }

    @Test func `one place under two names counts once`() {
        let twins = [
            Place(name: "a", identity: "x", takesContent: true), Place(name: "b", identity: "x", takesContent: true),
            Place(name: "c", takesContent: true),
        ]
        let pin = WantedRoot(root: root(1), replicas: 2)
        let plan = plan(pins: [pin], copies: [Copy(root: root(1), backend: "b", state: .verified)], places: twins)
        #expect(plan.aliases == ["b": "a"])
        #expect(plan.steps["b"] == nil)
        #expect(plan.steps["c"] == [.upload(root(1))])
        #expect(Policies.plan(pins: [pin], copies: [], places: Array(twins.prefix(2))).short == [root(1)])
    }
}

extension Step {
    fileprivate func removes(_ wanted: CID) -> Bool {
        if case .remove(wanted, _) = self { true } else { false }
    }
}
