import Foundation
import IPLD
import Multiformats
@testable import Replication
import Storage
import StorageLaws
import TestKit
import Testing

/// A source in memory that tells what it was asked for.
struct SourceFake: BlockSource {
    let held: [CID: Block]
    /// The CAR that it gives, however good.
    var car: [UInt8]?
    /// How the CAR ends, unless with its last byte.
    var end: StorageError?
    /// What it says to everything.
    var problem: StorageError?
    let asked = Locked<[[CID]]>([])
    let exports = Locked(0)

    init(_ sections: [CARSection], car: [UInt8]? = nil, problem: StorageError? = nil) {
        held = Dictionary(sections.map { ($0.cid, $0.block) }) { first, _ in first }
        (self.car, self.problem) = (car, problem)
    }

    var isFar: Bool { true }

    func find(_ cids: [CID], below root: CID) async throws(ReplicationError) -> FoundBlocks {
        asked.change { $0.append(cids) }
        var found = FoundBlocks()
        for cid in cids {
            if problem == nil, let block = held[cid] {
                found.blocks[cid] = block
            } else {
                found.problem = .source(problem ?? StorageError(.notFound, "\(cid) is not in the fake."))
            }
        }
        if !found.blocks.isEmpty { found.givers = ["fake"] }
        return found
    }

    func export(_ root: CID) async throws(ReplicationError) -> SourceStream? {
        exports.change { $0 += 1 }
        if let problem { throw .source(problem) }
        guard let car else { return nil }
        let end = end
        let bytes = Pulled {
            let cursor = StreamCursor(Body(car).open())
            return { () async throws(StorageError) -> [UInt8]? in
                if let chunk = try await cursor.next() { return chunk }
                if let end { throw end }
                return nil
            }
        }
        return SourceStream(bytes, from: "fake")
    }
}

/// What tests need that read from sources.
protocol OverSources {
    /// Keeps what comes from afar for all of a test.
    var packing: FarPacking { get }
}

extension OverSources {
    var archive: SampleArchive { SampleArchive(seed: 1, leaves: 20) }
    var down: StorageError { StorageError(.unavailable, "Nobody is there.", retry: .later) }

    func several(_ sources: [any BlockSource], _ timing: Timing = Timing(now: { 0 })) -> SeveralSources {
        SeveralSources(sources, timing: timing)
    }

    func pack(
        _ root: CID,
        from source: any BlockSource,
        holding limit: UInt64 = 0
    ) async throws(ReplicationError) -> PackedDAG {
        try await source.pack(root, by: packing, holding: limit)
    }

    func error(_ body: () async throws(ReplicationError) -> Void) async -> ReplicationError? {
        do throws(ReplicationError) {
            try await body()
            return nil
        } catch {
            return error
        }
    }

    func isSame(_ packed: PackedDAG, _ archive: SampleArchive) async throws -> Bool {
        var copied: [UInt8] = []
        try await packed.copy { pieces in for piece in pieces { copied += piece } }
        let bytes = try await packed.body.bytes()
        return bytes == archive.bytes && copied == archive.bytes && packed.layout.length == UInt64(bytes.count)
            && packed.layout.places == archive.places
    }

    /// Damages the block that was stored last.
    func damageEnd(ofStore folder: String) throws {
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder + "/packs").first)
        let pack = URL(filePath: folder + "/packs/" + name)
        var bytes = try [UInt8](Data(contentsOf: pack))
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: pack)
    }
}
