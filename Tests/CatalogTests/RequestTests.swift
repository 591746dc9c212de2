@testable import Catalog
import Foundation
import Multiformats
import Schema
import SQLite
import TestKit
import Testing

/// Several requests for one root, and the pin that follows them.
@Suite(.scratch) struct RequestTests {
    private func wanted(
        _ number: Int,
        _ name: String = "",
        _ metadata: [String: String] = [:],
        _ origins: [String] = []
    ) -> RequestedPin {
        RequestedPin(cid: root(number), name: name, metadata: metadata, origins: origins)
    }

    @Test func `a root stays pinned until the last request for it goes, and leaves its trace then`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let origins = ["/ip4/127.0.0.1/tcp/4001", "/dns4/one.example/tcp/443"]
        let first = try await catalog.addRequest(wanted(1, "one", ["a": "b"], origins + origins), by: "token")
        let second = try await catalog.addRequest(wanted(1, "two"), by: "other")
        #expect(try await Catalog(path: sample.path).request(first.id) == first)
        #expect(first.pin.origins == origins && first.createdBy == "token")
        #expect(try await catalog.pin(root(1))?.metadata == #"{"a":"b"}"#)
        #expect(try await catalog.requestCounts(of: [root(1), root(2)]) == [root(1): 2])
        #expect(try await catalog.removeRequest(first.id) == first)
        #expect(try await catalog.removeRequest(first.id) == nil)
        #expect(try await catalog.pin(root(1))?.name == "two")
        #expect(try await catalog.unpinned().isEmpty)
        #expect(try await catalog.removeRequest(second.id) == second)
        #expect(try await catalog.pin(root(1)) == nil)
        #expect(try await catalog.unpinned().keys.map { $0 } == [root(1)])
        // What is asked for again is later than that it was unpinned.
        let trace = try #require(try await catalog.unpinned()[root(1)])
        sample.clock.advance(-5000)
        _ = try await catalog.addRequest(wanted(1), by: "token")
        #expect(try #require(try await catalog.pin(root(1))).updatedAt > trace)
        #expect(try await catalog.unpinned().isEmpty)
    }

    @Test func `only what changes a pin makes backends dirty, and is told`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        func state() async throws -> [Int64] {
            try await catalog.backendStates().map(\.generation) + [Int64(try await catalog.pinsGeneration())]
        }
        func changes(_ body: () async throws -> Void) async throws -> Bool {
            let before = try await state()
            try await body()
            let after = try await state()
            #expect(after == before || zip(after, before).allSatisfy { $0 == $1 + 1 })
            return after != before
        }
        var ids: [String] = []
        func add(_ name: String) async throws {
            ids.append(try await catalog.addRequest(wanted(1, name), by: "token").id)
        }
        #expect(try await changes { try await add("one") })
        #expect(try await changes { try await add("two") } == false)
        #expect(try await changes { try await add("two") } == false)
        #expect(try await changes { _ = try await catalog.removeRequest("none") } == false)
        #expect(try await changes { _ = try await catalog.removeRequest(ids[0]) })
        #expect(try await changes { _ = try await catalog.removeRequest(ids[1]) } == false)
        #expect(try await changes { _ = try await catalog.removeRequest(ids[2]) })
        #expect(try await catalog.backendState("a")?.reason == "pin request")
    }

    @Test func `what the owner pinned says what he said, and stays when requests go`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let pin = Pin(cid: root(1), name: "mine", replicas: 2, createdAt: catalog.time)
        try await catalog.addPins([pin], reason: "pin add")
        let request = try await catalog.addRequest(wanted(1, "theirs", ["a": "b"]), by: "token")
        #expect(try await catalog.pin(root(1)) == pin)
        _ = try await catalog.removeRequest(request.id)
        #expect(try await catalog.pin(root(1)) == pin)
        #expect(try await catalog.isOwned(root(1)) == true)
    }

    enum Taking: CaseIterable { case again, renamed, onlyNew }

    @Test(arguments: Taking.allCases)
    func `the owner can take over what only requests kept`(_ how: Taking) async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let request = try await catalog.addRequest(wanted(1, "theirs"), by: "token")
        #expect(try await catalog.requestedOnly() == [root(1)])
        let pin = Pin(cid: root(1), name: how == .renamed ? "mine" : "", createdAt: catalog.time)
        #expect(try await catalog.addPins([pin], reason: "pin add", onlyNew: how == .onlyNew).isEmpty)
        #expect(try await catalog.requestedOnly().isEmpty)
        _ = try await catalog.removeRequest(request.id)
        #expect(try await catalog.pin(root(1))?.name == (how == .renamed ? "mine" : "theirs"))
    }

    @Test func `a pin that is removed takes all requests for it along`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        try await sample.pin(2)
        for name in ["one", "two"] { _ = try await catalog.addRequest(wanted(1, name), by: "token") }
        let other = try await catalog.addRequest(wanted(3), by: "token")
        let removed = try await catalog.removePins([root(1), root(2), root(4)], reason: "pin rm")
        #expect(removed.map(\.root) == [root(1), root(2)] && removed.map(\.requests) == [2, 0])
        #expect(try await catalog.requests().requests == [other])
        #expect(try await Set(catalog.unpinned().keys) == [root(1), root(2)])
    }

    @Test func `a request is replaced by another one in one step`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let old = try await catalog.addRequest(wanted(1, "old"), by: "token")
        let same = try #require(try await catalog.replaceRequest(old.id, with: wanted(1, "new"), by: "token"))
        #expect(same.id != old.id && same.createdAt > old.createdAt)
        #expect(try await catalog.request(old.id) == nil)
        #expect(try await catalog.pin(root(1))?.name == "new")
        #expect(try await catalog.pin(root(1))?.createdAt == old.createdAt)
        #expect(try await catalog.unpinned().isEmpty)
        _ = try #require(try await catalog.replaceRequest(same.id, with: wanted(2), by: "token"))
        #expect(try await catalog.pins().map(\.cid) == [root(2)])
        #expect(try await catalog.unpinned().keys.map { $0 } == [root(1)])
        #expect(try await catalog.replaceRequest(same.id, with: wanted(3), by: "token") == nil)
        #expect(try await catalog.pins().map(\.cid) == [root(2)])
    }

    /// What fails in the middle, or is killed there, is a transaction that has no end.
    @Test(arguments: ["requests", "pins", "unpinned", "backends", "kit"])
    func `what fails on its way changes nothing`(_ table: String) async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        let old = try await catalog.addRequest(wanted(1, "old"), by: "token")
        var other = try Database(path: sample.path)
        let event = ["backends": "UPDATE", "pins": "DELETE", "requests": "DELETE"][table] ?? "INSERT"
        try other.execute(
            "CREATE TRIGGER fails BEFORE \(event) ON \(table) BEGIN SELECT RAISE(ABORT, 'on purpose'); END"
        )
        let before = try contents(&other)
        await #expect(throws: CatalogError.self) {
            try await catalog.replaceRequest(old.id, with: wanted(2, "new"), by: "token")
        }
        await #expect(throws: CatalogError.self) { try await catalog.removeRequest(old.id) }
        await #expect(throws: CatalogError.self) { try await catalog.removePins([root(1)], reason: "pin rm") }
        #expect(try contents(&other) == before)
        try other.execute("DROP TRIGGER fails")
        #expect(try await catalog.removeRequest(old.id) == old)
    }

    private func contents(_ database: inout Database) throws -> [String] {
        var rows: [String] = []
        for table in ["requests", "pins", "unpinned", "backends", "kit"] {
            try database.query("SELECT * FROM \(table)") { row in
                rows.append((0..<row.count).map { "\(row.value($0))" }.joined(separator: " "))
            }
        }
        return rows
    }

    @Test(arguments: RequestFilter.NameMatch.allCases)
    func `names are compared as the filter says`(_ match: RequestFilter.NameMatch) async throws {
        let sample = try await CatalogSample()
        let names = ["Photo", "photo", "my photos", "MY PHOTOS", "ΟΔΟΣ", "οδος", "per%cent", ""]
        for name in names { _ = try await sample.catalog.addRequest(wanted(1, name), by: "token") }
        func found(_ name: String) async throws -> [String] {
            var filter = RequestFilter()
            (filter.name, filter.match) = (name, match)
            let (requests, count) = try await sample.catalog.requests(filter)
            #expect(count == requests.count)
            return requests.reversed().map(\.pin.name)
        }
        let expected: [RequestFilter.NameMatch: [[String]]] = [
            .exact: [["photo"], ["ΟΔΟΣ"], [], [""]],
            .iexact: [["Photo", "photo"], ["ΟΔΟΣ", "οδος"], [], [""]],
            .partial: [["photo", "my photos"], ["ΟΔΟΣ"], ["per%cent"], names],
            .ipartial: [["Photo", "photo", "my photos", "MY PHOTOS"], ["ΟΔΟΣ", "οδος"], ["per%cent"], names],
        ]
        let result = [try await found("photo"), try await found("ΟΔΟΣ"), try await found("%"), try await found("")]
        #expect(result == expected[match])
    }

    @Test func `pages follow one another, newest first, and their count is that of all`() async throws {
        let sample = try await CatalogSample()
        let catalog = sample.catalog
        // All in one millisecond, and a clock that is set back.
        for number in 0..<15 {
            if number == 8 { sample.clock.advance(-1000) }
            _ = try await catalog.addRequest(wanted(number % 4, "\(number)"), by: number < 5 ? "a" : "b")
        }
        var filter = RequestFilter()
        var names: [String] = []
        while true {
            let (page, count) = try await catalog.requests(filter, limit: 4)
            #expect(count == 15 - names.count)
            names += page.map(\.pin.name)
            guard let last = page.last, page.count < count else { break }
            filter.before = last.createdAt
        }
        #expect(names == (0..<15).reversed().map { "\($0)" })
        filter = RequestFilter()
        filter.createdBy = "a"
        let fifth = try #require(try await catalog.requests(filter).requests.first)
        filter = RequestFilter()
        filter.after = fifth.createdAt
        filter.cids = [root(1), root(2)]
        let (some, count) = try await catalog.requests(filter, limit: 1)
        #expect(some.map(\.pin.name) == ["14"] && count == 6)
    }

    @Test func `all pairs of a filter are in the metadata, which may have more`() async throws {
        let sample = try await CatalogSample()
        let odd = [#"a "key".[0]"#: "a\nvalue\\", "1": "2", "app": "one"]
        for metadata in [odd, ["app": "one"], ["app": "two"], [:]] {
            _ = try await sample.catalog.addRequest(wanted(1, "", metadata), by: "token")
        }
        func count(_ metadata: [String: String]) async throws -> Int {
            var filter = RequestFilter()
            filter.metadata = metadata
            let (requests, count) = try await sample.catalog.requests(filter)
            #expect(requests.allSatisfy { request in metadata.allSatisfy { request.pin.metadata[$0.key] == $0.value } })
            return count
        }
        #expect(try await count(odd) == 1)
        #expect(try await count(["app": "one"]) == 2)
        #expect(try await count(["app": "one", "1": "2"]) == 1)
        #expect(try await count(["app": "three"]) == 0)
        #expect(try await count(["other": "one"]) == 0)
        #expect(try await count([:]) == 4)
    }

    @Test func `what is longer than the specification has it is refused, and what is as long is kept`() async throws {
        let catalog = try await CatalogSample().catalog
        let long = String(repeating: "ä", count: 255)
        func origins(_ count: Int) -> [String] { (0..<count).map { "/dns4/\($0).example/tcp/1" } }
        func pairs(_ count: Int) -> [String: String] {
            Dictionary((0..<count).map { ("\($0)", "") }) { first, _ in first }
        }
        let kept = try await catalog.addRequest(wanted(1, long, pairs(1000), origins(20)), by: long)
        #expect(try await catalog.request(kept.id) == kept)
        let refused = [
            wanted(2, long + "a"), wanted(2, "", pairs(1001)), wanted(2, "", [:], origins(21)),
            wanted(2, "", [:], [String(repeating: "a", count: 2049)]),
            wanted(2, "", ["a": String(repeating: "a", count: Pin.longestText)]),
        ]
        for pin in refused {
            for id in [nil, kept.id] {
                do {
                    if let id {
                        _ = try await catalog.replaceRequest(id, with: pin, by: "token")
                    } else {
                        _ = try await catalog.addRequest(pin, by: "token")
                    }
                    Issue.record("kept")
                } catch { #expect(error.code == .tooLarge) }
            }
        }
        #expect(try await catalog.requests().requests == [kept])
    }

    @Test func `all pins of a catalog of before are their owner's`() async throws {
        let fixture = packageRoot.path(percentEncoded: false) + "/Tests/Fixtures/released/catalog-6/home/catalog.sqlite"
        let path = Scratch.current + "/catalog.sqlite"
        try write(try bytes(at: fixture), to: path)
        let catalog = try Catalog(path: path)
        let pins = try await catalog.pins()
        #expect(pins.count == 8)
        #expect(try await catalog.requestedOnly().isEmpty)
        for pin in pins {
            let request = try await catalog.addRequest(RequestedPin(cid: pin.cid, name: "theirs"), by: "token")
            #expect(try await catalog.removeRequest(request.id) == request)
        }
        #expect(try await catalog.pins() == pins)
        try await catalog.check()
    }

    /// A request for a pin that is not there would be lost with the next look at what is pinned.
    @Test func `the tables themselves refuse a request without a pin`() async throws {
        let sample = try await CatalogSample()
        _ = try await sample.catalog.addRequest(wanted(1), by: "token")
        var other = try Database(path: sample.path)
        #expect(throws: DatabaseError.self) { try other.run("DELETE FROM pins") }
        #expect(try await sample.catalog.pins().count == 1)
    }
}
