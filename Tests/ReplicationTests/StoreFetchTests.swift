import BlockStore
import Catalog
import IPLD
import Multiformats
@testable import Replication
import Storage
import StorageLaws
import TestKit
import Testing

/// What comes from sources into the store, or fails to.
@Suite(.scratch) struct StoreFetchTests: OverSources {
    let packing = FarPacking(scratch: Scratch.current + "/spools")

    /// What came before the end stays, and is not asked for again.
    @Test func aFetchGoesOnWhereItStopped() async throws {
        let sections = archive.sections
        let store = try BlockStore(folder: Scratch.current + "/store")
        let half = SourceFake(Array(sections[..<8]), car: Array(archive.bytes[..<sections[5].offset]))
        func bring(_ source: SourceFake) async throws(ReplicationError) -> StoreFetch.Counts {
            try await StoreFetch(into: store, from: source, progress: .silent).bring(archive.root)
        }
        #expect(await error { () async throws(ReplicationError) in _ = try await bring(half) } != nil)
        #expect(try await store.locate(sections[..<8].map(\.cid)).allSatisfy { $0 != nil })
        // What came in another way is not asked for either.
        try await store.ingest { try await $0.write([sections[15].block]) }
        let rest = SourceFake(sections, car: archive.bytes)
        let counts = try await bring(rest)
        #expect(rest.exports.read { $0 } == 0 && counts.blocks == UInt64(sections.count - 9))
        #expect(!rest.asked.read { $0.joined().contains(sections[15].cid) })
        try await StoreSource(store).expectWhole(archive.root, progress: .silent)
        #expect(try await bring(SourceFake([])).blocks == 0)
    }

    /// A leaf has no links, and is read all the same: what is damaged here comes anew.
    @Test func aDamagedLeafIsFetched() async throws {
        let folder = Scratch.current + "/store"
        let store = try BlockStore(folder: folder)
        #expect(archive.sections.last?.cid.codec == .raw)
        try await store.ingest { try await $0.write(archive.sections.map(\.block)) }
        try damageEnd(ofStore: folder)
        let source = SourceFake(archive.sections)
        let counts = try await StoreFetch(into: store, from: source, progress: .silent).bring(archive.root)
        #expect(counts.blocks == 1 && counts.givers == ["fake"])
        try await StoreSource(store).expectWhole(archive.root, progress: .silent)
    }

    /// A pin that cannot be read fails, and keeps no other from the backend.
    @Test(arguments: [StorageError.Code.unavailable, .notFound, .corrupt])
    func aSourceThatFailsIsNotTheBackend(_ code: StorageError.Code) async throws {
        let sample = try await EngineSample()
        for number in 0..<40 { try await sample.pin(number) }
        let lost = (100..<130).map { EngineSample.block($0) }
        try await sample.catalog.addPins(
            lost.map { Pin(cid: $0.cid, createdAt: sample.catalog.time) },
            reason: "test"
        )
        let failing = SourceFake([], problem: StorageError(code, "The node says so."))
        let memory = sample.service()
        let report = try await sample.sync(memory, source: several([StoreSource(sample.store), failing]))
        #expect(report.uploaded == 40 && report.failures.count == 30 && report.stopped == nil, "\(report)")
        for block in lost { #expect(try await sample.status(block.cid) != .stored) }
        #expect(try await sample.isDirty() == true)
    }
}
