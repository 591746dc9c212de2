import Catalog
import Foundation
import Multiformats
@testable import Operations
import Replication
import Schema
import TestKit
import Testing

/// What the commands say of pins that somebody else asked for; nothing but the catalog makes such requests yet.
@Suite(.scratch) struct PinRequestTests {
    private let sample: KitSample
    private let owned: CID
    private let asked: CID

    /// A home with a pin of the owner's, and one that only requests keep; there are two for each.
    init() async throws {
        sample = try await KitSample()
        owned = try CID(try await sample.add("owned"))
        asked = try CID(try await sample.add("asked"))
        try await sample.run(PinRemove.self, ["cids": .list([asked.description])])
        let catalog = try sample.again.catalog()
        for (name, root) in [("one", owned), ("two", owned), ("three", asked), ("four", asked)] {
            let pin = RequestedPin(cid: root, name: name, metadata: ["app": name], origins: ["/dns4/one.example/tcp/1"])
            _ = try await catalog.addRequest(pin, by: "token of \(name)")
        }
    }

    private func text(_ report: Report) -> String { "\(report.parts)" }

    @Test func `a pin tells who wants it`() async throws {
        let mine = try await sample.run(PinShow.self, ["cid": .text(owned.description)])
        #expect(mine.pin.name == "owned" && mine.json["kept_by_owner"] == true)
        #expect(text(mine.report).contains("its owner, 2 requests"))
        let theirs = try await sample.run(PinShow.self, ["cid": .text(asked.description)])
        #expect(theirs.pin.name == "three" && theirs.json["kept_by_owner"] == false)
        #expect(theirs.json["request_count"] == 2)
        let newest = try #require(theirs.json["requests"]?.items?.first)
        #expect(newest["name"] == "four" && newest["created_by"] == "token of four")
        #expect(newest["metadata"] == ["app": "four"] && newest["origins"] == ["/dns4/one.example/tcp/1"])
        let shown = text(theirs.report)
        #expect(shown.contains("token of three") && !shown.contains("its owner"))
    }

    @Test(arguments: [true, false]) func `a pin that is removed tells what else goes`(_ dryRun: Bool) async throws {
        let lone = try await sample.add("lone")
        let cids = FieldValue.list([owned.description, asked.description, lone])
        let output = try await sample.run(PinRemove.self, ["cids": cids, "dry_run": .flag(dryRun)])
        let verb = dryRun ? "would unpin" : "unpinned"
        #expect(
            output.report.parts == [
                .line("\(verb) \(owned), with 2 requests for it"), .line("\(verb) \(asked), with 2 requests for it"),
                .line("\(verb) \(lone)"),
            ]
        )
        #expect(output.json["requests"]?.items?.map { $0["count"] } == [2, 2])
        #expect(try await sample.again.catalog().requests().count == (dryRun ? 4 : 0))
    }

    /// Requests are of the home: nothing that could go keeps what another home recovered.
    @Test func `what requests pinned is in the snapshot, and its owner's where it is recovered`() async throws {
        let disk = try await sample.disk("disk")
        #expect(try await sample.run(Sync.self).exitCode == .ok)
        let other = try await KitSample("other")
        try await other.disk("disk", at: disk)
        try await other.run(Recover.self, ["from": .text("disk")])
        let catalog = try other.again.catalog()
        #expect(try await catalog.pin(asked)?.name == "three")
        #expect(try await catalog.requests().count == 0)
        #expect(try await catalog.requestedOnly().isEmpty)
        // Here the last request takes it along, and the next snapshot has it no more.
        let own = try sample.again.catalog()
        for request in try await own.requests().requests { _ = try await own.removeRequest(request.id) }
        #expect(try await own.pins().map(\.cid) == [owned])
        #expect(try await sample.run(Sync.self).results.allSatisfy { $0.report?.wasClean == false })
        let third = try await KitSample("third")
        try await third.disk("disk", at: disk)
        try await third.run(Recover.self, ["from": .text("disk")])
        #expect(try await third.again.catalog().pins().map(\.cid) == [owned])
    }
}
