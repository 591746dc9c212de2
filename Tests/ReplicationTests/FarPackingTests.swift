import BlockStore
import Foundation
import IPLD
import Multiformats
@testable import Replication
import Storage
import StorageLaws
import TestKit
import Testing

/// Content that is packed out of what comes from afar.
@Suite(.scratch) struct FarPackingTests: OverSources {
    let packing = FarPacking(scratch: Scratch.current + "/spools")

    /// Whatever order the blocks come in, and however the export ends, the CAR is the one of the root.
    @Test(arguments: ["whole", "cut", "ended", "failed", "damaged", "shuffled", "none"])
    func theArchiveIsThatOfTheRoot(_ what: String) async throws {
        let sections = archive.sections
        var source = SourceFake(sections)
        let cut = sections[11].offset
        switch what {
        case "whole": source.car = archive.bytes
        case "cut": source.car = Array(archive.bytes[..<(cut + 7)])
        case "ended": source.car = Array(archive.bytes[..<cut])
        case "failed": (source.car, source.end) = (Array(archive.bytes[..<cut]), down)
        case "damaged":
            source.car = archive.bytes
            source.car?[sections[11].dataOffset + 3] ^= 1
        case "shuffled":
            source.car =
                CARHeader(roots: [archive.root]).encoded
                + (sections.reversed() + sections).flatMap {
                    CARSection.prefix(for: $0.cid, length: $0.bytes.count) + $0.bytes
                }
        default: break
        }
        for limit in [0, UInt64.max >> 1] {
            let packed = try await pack(archive.root, from: source, holding: limit)
            #expect(try await isSame(packed, archive))
            #expect((packed.held != nil) == (limit > 0))
        }
        let asked = Set(source.asked.read { $0 }.joined())
        let missing: Range<Int> =
            switch what {
            case "whole", "shuffled": 0..<0
            // What came in one piece with what is damaged is not looked at.
            case "none", "damaged": 0..<sections.count
            default: 11..<sections.count
            }
        #expect(asked == Set(sections[missing].map(\.cid)))
        #expect(source.exports.read { $0 } == 2)
    }

    /// What nothing in the DAG leads to is not kept, and of a CAR that has much of it the rest is not read.
    @Test func strangersInAnExportAreLeftOut() async throws {
        let sections = archive.sections
        let blob = [UInt8](repeating: 7, count: 4 << 20)
        var source = SourceFake(sections)
        source.car = Array(archive.bytes[..<sections[1].offset])
        for number in UInt8(0)..<20 {
            let block = Block(codec: .raw, bytes: blob + [number])
            source.car? += CARSection.prefix(for: block.cid, length: block.bytes.count) + block.bytes
        }
        source.car? += archive.bytes[sections[1].offset...]
        #expect(try await isSame(pack(archive.root, from: source), archive))
        #expect(Set(source.asked.read { $0 }.joined()) == Set(sections[1...].map(\.cid)))
        let store = try BlockStore(folder: Scratch.current + "/store")
        let counts = try await StoreFetch(into: store, from: source, progress: .silent).bring(archive.root)
        #expect(counts.blocks == UInt64(sections.count))
        #expect(try await store.totals().blocks == UInt64(sections.count))
    }

    /// A leaf of the store that is damaged is found when the CAR is read: another source may have it.
    @Test(arguments: [true, false]) func aDamagedLeafIsReadElsewhere(_ isElsewhere: Bool) async throws {
        let folder = Scratch.current + "/store"
        let store = try BlockStore(folder: folder)
        try await store.ingest { try await $0.write(archive.sections.map(\.block)) }
        try damageEnd(ofStore: folder)
        let other = isElsewhere ? SourceFake(archive.sections) : SourceFake([], problem: down)
        let packed = try await pack(archive.root, from: several([StoreSource(store), other]))
        guard !isElsewhere else {
            #expect(try await isSame(packed, archive))
            return
        }
        let error = await #expect(throws: StorageError.self) { try await packed.body.bytes() }
        #expect(error?.code == .corrupt && error?.message.contains("Nobody is there.") == true)
    }

    /// What no export brings and nobody gives by its CID makes the root unpackable.
    @Test func aCutExportIsNeverWhole() async throws {
        let sections = archive.sections
        let source = SourceFake(Array(sections[..<11]), car: Array(archive.bytes[..<sections[11].offset]))
        let error = await error { () async throws(ReplicationError) in _ = try await pack(archive.root, from: source) }
        guard case .source(let error)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error.code == .notFound)
    }

    /// More than memory has room for lies in a file that has no name; two lie there at once, and a third one waits.
    @Test func muchIsKeptInFilesWithoutNames() async throws {
        let large = SampleArchive(seed: 3, leaves: 3000)
        let source = SourceFake(large.sections, car: large.bytes)
        var packed: [PackedDAG] = [try await pack(large.root, from: source), try await pack(large.root, from: source)]
        #expect(source.asked.read { $0 }.isEmpty && source.exports.read { $0 } == 4)
        let folder = Scratch.current + "/spools"
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        for one in packed { #expect(try await isSame(one, large)) }
        let part: Range<UInt64> = 1_000_000..<1_700_000
        #expect(try await packed[0].body.bytes(part) == Array(large.bytes[1_000_000..<1_700_000]))
        async let third = pack(large.root, from: source)
        #expect(try await holds { source.exports.read { $0 } == 5 })
        packed.removeLast()
        #expect(try await isSame(await third, large))
        #expect(source.exports.read { $0 } == 6)
    }

    /// What rots where it is kept meanwhile is not sent.
    @Test func whatIsKeptIsCheckedAgain() async throws {
        let spool = Spool(in: Scratch.current + "/spools")
        let (one, other) = (archive.sections[1].block, archive.sections[2].block)
        try await spool.add([(one.cid, one.bytes[...]), (other.cid, one.bytes[...])])
        #expect(try await spool.block(one.cid) == one)
        await #expect(throws: StoreError.self) { try await spool.block(other.cid) }
    }
}
