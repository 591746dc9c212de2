@testable import Catalog
import Multiformats
import Samples
import Schema
import SQLite
import TestKit
import Testing

/// Whatever is done in whatever order: what is pinned has a reason, and what is asked for is pinned.
@Suite(.scratch) struct RequestLawTests {
    /// What there should be, kept in a way of its own.
    private struct Model {
        var owned: Set<Int> = []
        var requests: [(id: String, root: Int, name: String)] = []
        var pinned: Set<Int> { owned.union(requests.map(\.root)) }
    }

    private enum Step: CaseIterable { case pin, unpin, add, addAgain, replace, remove }

    @Test(arguments: 0..<12) func `no order of operations leaves a pin without a reason`(_ seed: Int) async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        var chance = SeededNumbers(seed: UInt64(seed))
        var model = Model()
        for number in 0..<60 {
            sample.clock.advance(Int64.random(in: -50...50, using: &chance))
            let some = Int.random(in: 0..<4, using: &chance)
            let place = model.requests.indices.randomElement(using: &chance)
            let step = Step.allCases.randomElement(using: &chance) ?? .pin
            switch (step, place) {
            case (.pin, _):
                try await sample.pin(some)
                model.owned.insert(some)
            case (.unpin, _):
                let removed = try await catalog.removePins([root(some)], reason: "test")
                #expect(removed.map(\.root) == (model.pinned.contains(some) ? [root(some)] : []))
                #expect(removed.map(\.requests).reduce(0, +) == model.requests.count { $0.root == some })
                model.owned.remove(some)
                model.requests.removeAll { $0.root == some }
            case (.replace, let place?):
                let wanted = RequestedPin(cid: root(some), name: "\(number)")
                let id = model.requests.remove(at: place).id
                let new = try #require(try await catalog.replaceRequest(id, with: wanted, by: "test"))
                model.requests.append((new.id, some, "\(number)"))
            case (.remove, let place?):
                #expect(try await catalog.removeRequest(model.requests.remove(at: place).id) != nil)
            default:
                let wanted = RequestedPin(cid: root(some), name: "\(number)")
                model.requests.append((try await catalog.addRequest(wanted, by: "test").id, some, "\(number)"))
            }
            try await expect(model, in: catalog, after: "step \(number), \(step) of \(some)")
        }
    }

    private func expect(_ model: Model, in catalog: Catalog, after step: String) async throws {
        let pins = try await catalog.pins()
        #expect(Set(pins.map(\.cid)) == Set(model.pinned.map(root)), "\(step)")
        #expect(try await catalog.requests().requests.reversed().map(\.id) == model.requests.map(\.id), "\(step)")
        let requested = try await catalog.requestedOnly()
        #expect(requested == Set(model.pinned.subtracting(model.owned).map(root)), "\(step)")
        for pin in pins where requested.contains(pin.cid) {
            let oldest = model.requests.first { root($0.root) == pin.cid }
            #expect(pin.name == oldest?.name, "\(step)")
        }
        #expect(try await Set(catalog.unpinned().keys).isDisjoint(with: pins.map(\.cid)), "\(step)")
    }

    /// Each has a connection of its own, as processes have.
    @Test func `four writers at once lose no request, and leave no pin without a reason`() async throws {
        let sample = try await CatalogSample()
        let path = sample.path
        let kept = try await withThrowingTaskGroup(of: [PinRequest].self) { group in
            for writer in 0..<4 {
                group.addTask {
                    let own = try Catalog(path: path)
                    var chance = SeededNumbers(seed: UInt64(writer))
                    var requests: [PinRequest] = []
                    for number in 0..<40 {
                        let wanted = RequestedPin(cid: root(Int.random(in: 0..<3, using: &chance)), name: "\(number)")
                        let place = requests.indices.randomElement(using: &chance)
                        switch (number % 4, place) {
                        case (1, let place?):
                            let old = requests.remove(at: place)
                            let new = try await own.replaceRequest(old.id, with: wanted, by: "\(writer)")
                            requests.append(try #require(new))
                        case (3, let place?):
                            let old = requests.remove(at: place)
                            #expect(try await own.removeRequest(old.id) == old)
                        default: requests.append(try await own.addRequest(wanted, by: "\(writer)"))
                        }
                    }
                    return requests
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let catalog = try Catalog(path: path)
        let found = try await catalog.requests().requests
        #expect(Set(found) == Set(kept) && Set(found.map(\.createdAt)).count == kept.count)
        #expect(try await Set(catalog.pins().map(\.cid)) == Set(kept.map(\.pin.cid)))
        #expect(try await catalog.requestedOnly() == Set(kept.map(\.pin.cid)))
        try await catalog.check()
    }
}
