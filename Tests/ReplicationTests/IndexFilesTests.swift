import Catalog
import Foundation
import IPLD
import Multiformats
@testable import Replication
import Schema
import TestKit
import Testing

/// The index of a backend as files: what stands in them, and when they are written.
@Suite(.scratch, .timeLimit(.minutes(5))) struct IndexFilesTests {
    /// Makes so many mappings, of all kinds, known on the backend `a`.
    private func fill(_ home: EngineSample, _ numbers: Range<Int>) async throws {
        let mappings = numbers.map { number -> Mapping in
            let root = CID.v1(.dagPB, Multihash.sha256(of: Array("root \(number)".utf8)))
            let isKnown = number.isMultiple(of: 2)
            return Mapping(
                cid: number.isMultiple(of: 5) ? root.v0 ?? root : root,
                backend: "a",
                path: "cars/\(number).car",
                shards: number.isMultiple(of: 11)
                    ? [Location.Shard("cars/ü", length: 5), Location.Shard("cars/2", length: 1 << 40)] : [],
                status: isKnown ? .stored : .pending,
                name: number.isMultiple(of: 3) ? "naïve 🐟 \(number)" : "",
                size: isKnown ? UInt64(number) << 20 : nil,
                blockCount: number.isMultiple(of: 7) ? UInt64(number) : nil,
                carSHA256: isKnown ? Array(repeating: UInt8(truncatingIfNeeded: number), count: 32) : nil,
                createdAt: Timestamp(milliseconds: 1_700_000_000_000 + Int64(number)),
                evidence: isKnown ? .init(method: "read-back", at: home.catalog.time, by: "host 1") : nil
            )
        }
        #expect(try await home.catalog.takeOver(mappings) == numbers.count)
    }

    /// The pages of the index of `a` as a CAR, with their blocks.
    private func pages(_ home: EngineSample, _ name: String) async throws -> [(cid: CID, rows: [Node], bytes: [UInt8])]
    {
        let path = Scratch.current + "/" + name
        let car = try IndexCAR(path: path, backend: "a", at: home.catalog.time)
        _ = try await home.catalog.relayColumns(of: "a", to: [{ @Sendable in try car.add($0) }])
        let count = try car.finish()
        var reader = try CARFileReader(path: path)
        let top = try #require(try reader.take(from: 0))
        let root = try reader.node(top)
        #expect(root["format"]?.asString == "pin_mappings_car" && root["count"]?.asInt == count)
        let links = try #require(root["pages"]?.asList)
        return try links.map { link in
            let cid = try #require(link.asLink)
            let node = try reader.node(cid)
            return (cid, try #require(node.asList), try node.cbor())
        }
    }

    @Test func `rows are DAG-CBOR as everybody writes it, and come back as they were`() async throws {
        let home = try await EngineSample()
        try await fill(home, 1..<300)
        let pages = try await pages(home, "index.car")
        // What was read is written again as the same bytes: keys in their order, and numbers as short as they can be.
        for page in pages { #expect(Block(codec: .dagCBOR, bytes: page.bytes).cid == page.cid) }
        let rows = pages.flatMap(\.rows)
        let mappings = try await home.catalog.mappings(on: "a")
        #expect(rows.count == mappings.count)
        for (row, mapping) in zip(rows, mappings) {
            let read = try #require(Mapping(node: row))
            #expect(read.cid == mapping.cid && read.path == mapping.path && read.status == mapping.status)
            #expect(read.name == mapping.name && read.size == mapping.size && read.metadata == mapping.metadata)
            #expect(read.blockCount == mapping.blockCount && read.carSHA256 == mapping.carSHA256)
            #expect(read.shards == mapping.shards)
            #expect(read.evidence == mapping.evidence && read.createdAt == mapping.createdAt)
            #expect(read.updatedAt == mapping.updatedAt && row["backend_name"]?.asString == "a")
        }
    }

    @Test func `two generations share the pages between which nothing changed`() async throws {
        let home = try await EngineSample()
        try await fill(home, 1..<4000)
        let before = try await pages(home, "before.car")
        #expect(before.count > 3 && before.allSatisfy { $0.rows.count <= 2048 })
        _ = try await home.catalog.forgetMapping(CID.v1(.dagPB, Multihash.sha256(of: Array("root 1234".utf8))), of: "a")
        let after = try await pages(home, "after.car")
        #expect(Set(after.map(\.cid)).subtracting(before.map(\.cid)).count <= 1)
        #expect(after.reduce(0) { $0 + $1.rows.count } == 3998)
    }

    /// The index files of `a`, where Parquet can be written here.
    private func files(_ home: EngineSample) async throws -> IndexFiles {
        let files = IndexFiles(backends: home.folder + "/backends", backend: "a")
        do throws(ReplicationError) {
            _ = try await files.rebuild(from: home.catalog)
        } catch {
            let isThere = !error.description.contains("The Parquet library cannot be used")
            try Requirement.check("parquet", missing: isThere ? nil : error.description)
            throw error
        }
        return files
    }

    private func claim(_ home: EngineSample, _ number: Int) async throws {
        let root = CID.v1(.raw, Multihash.sha256(of: Array("claim \(number)".utf8)))
        let claim = Observation(
            root,
            .claimed,
            method: "claim",
            place: Location("x"),
            at: home.catalog.time,
            by: "test"
        )
        _ = try await home.catalog.claim(claim, on: "a", name: "")
    }

    /// Brings the files up to date, and gives whether that wrote them.
    private func writes(_ files: IndexFiles, _ home: EngineSample) async throws -> Bool {
        func numbers() -> [UInt64?] {
            ["pin_mappings.parquet", "pin_mappings.car"].map { name in
                let file = try? FileManager.default.attributesOfItem(atPath: files.folder + "/" + name)
                return (file?[.systemFileNumber] as? NSNumber)?.uint64Value
            }
        }
        let before = numbers()
        try await files.bringUpToDate(from: home.catalog)
        let after = numbers()
        #expect((before[0] == after[0]) == (before[1] == after[1]) && !after.contains(nil))
        return before != after
    }

    @Test func `files of few mappings have all of them when a command has ended`() async throws {
        let home = try await EngineSample()
        let files = try await files(home)
        #expect(try await files.state(in: home.catalog) == .current)
        #expect(try await !writes(files, home))
        try await claim(home, 1)
        #expect(try await files.state(in: home.catalog) == .behind(changes: 1, since: home.catalog.time))
        #expect(try await writes(files, home))
        #expect(try await files.state(in: home.catalog) == .current)
    }

    @Test func `files of very many lag, and no further than is said`() async throws {
        let home = try await EngineSample()
        try await fill(home, 0..<20_001)
        let files = try await files(home)
        try await claim(home, 0)
        let first = home.catalog.time
        #expect(try await !writes(files, home))
        home.clock.advance(by: .milliseconds(600_000))
        #expect(try await !writes(files, home))
        #expect(try await files.state(in: home.catalog) == .behind(changes: 1, since: first))
        home.clock.advance(by: .milliseconds(1))
        #expect(try await writes(files, home))
        for number in 1...1000 { try await claim(home, number) }
        #expect(try await !writes(files, home))
        try await claim(home, 1001)
        #expect(try await writes(files, home))
        try await claim(home, 1002)
        let written = try await files.rebuild(from: home.catalog)
        #expect(written.mappings == 20_001 + 1003)
        #expect(try await files.state(in: home.catalog) == .current)
    }

    @Test func `files that the catalog does not know are written anew`() async throws {
        let home = try await EngineSample()
        let files = try await files(home)
        let car = files.folder + "/pin_mappings.car"
        try FileManager.default.removeItem(atPath: car)
        #expect(try await files.state(in: home.catalog) == IndexFiles.State.none)
        #expect(try await writes(files, home))
        // A copy is not what was written.
        let bytes = try Data(contentsOf: URL(filePath: car))
        try FileManager.default.moveItem(atPath: car, toPath: car + ".old")
        try bytes.write(to: URL(filePath: car))
        #expect(try await files.state(in: home.catalog) == .unknown)
        #expect(try await writes(files, home))
        // Nor is what somebody wrote into.
        let parquet = try FileHandle(forWritingTo: URL(filePath: files.folder + "/pin_mappings.parquet"))
        try parquet.write(contentsOf: Data("PAR".utf8))
        try parquet.close()
        #expect(try await files.state(in: home.catalog) == .unknown)
        #expect(try await writes(files, home))
        // Where the settings lead elsewhere, nothing counts as stored.
        home.catalog.disregard(["a"])
        #expect(try await files.state(in: home.catalog) == .unknown)
    }

    @Test func `of several who change and write, whoever is the last leaves all in the files`() async throws {
        let home = try await EngineSample()
        let files = try await files(home)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<12 {
                group.addTask {
                    try await claim(home, number)
                    try await files.bringUpToDate(from: home.catalog)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await files.state(in: home.catalog) == .current)
        #expect(try await pages(home, "index.car").flatMap(\.rows).count == 12)
        #expect(try FileManager.default.contentsOfDirectory(atPath: files.folder).count == 3)
    }
}
