import Digests
import IPLD
import Multiformats
import Samples
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

/// CARs that are longer than an object may be.
@Suite struct ShardTests {
    private let memory = MemoryService(limits: Limits(largestObject: 1000))
    private let sample = SampleArchive(seed: 7, leaves: 20)

    private func store(
        _ archive: SampleArchive,
        on service: any StorageService,
        goesOn: Bool = false
    ) async throws -> (location: Location, proof: ObjectDigest?) {
        let upload = Upload(archive.root, goesOn: goesOn, places: { archive.places }, archive.body)
        guard case .stored(let location, let proof) = try await CARArchive(service).store(upload) else {
            throw LawViolation("It was not stored.")
        }
        return (location, proof)
    }

    private func bytes(
        _ service: any StorageService,
        at location: Location?,
        _ range: Range<UInt64>? = nil
    ) async throws -> [UInt8] {
        let object = try await CARArchive(service).read(sample.root, at: location, range)
        #expect(object.length == UInt64(sample.bytes.count))
        return try await collect(object.stream, limit: 1 << 20)
    }

    @Test func everyShardIsACarThatOthersRead() async throws {
        let (location, proof) = try await store(sample, on: memory)
        #expect(location.shards.count > 3 && location.length == UInt64(sample.bytes.count) && proof != nil)
        #expect(location.path == (try CARArchive.name(of: sample.root).text))
        var blocks: [CID] = []
        var headers: [CARHeader] = []
        for (number, shard) in location.shards.enumerated() {
            #expect(shard.name.hasSuffix(".\(number + 1)-of-\(location.shards.count).car"))
            let bytes = try #require(memory.contents[try name(shard.name)])
            #expect(bytes.count <= 1000 && UInt64(bytes.count) == shard.length)
            var parser = CARParser()
            parser.feed(bytes)
            while let event = try parser.next() {
                switch event {
                case .header(let header): headers.append(header)
                case .section(let section): blocks.append(section.cid)
                }
            }
            try parser.finish()
            // Each has an index of its own.
            let index = try CARIndexReader(try #require(memory.contents[try name(shard.name + ".idx")]))
            for section in try sections(bytes) {
                #expect(try index.offsets(of: section.cid.hash) == [UInt64(section.offset)])
            }
        }
        #expect(blocks == sample.sections.map(\.cid))
        #expect(headers[0] == CARHeader(roots: [sample.root]))
        #expect(try CARHeader(joining: headers) == headers[0])
    }

    private func sections(_ bytes: [UInt8]) throws -> [CARSection] {
        var parser = CARParser()
        parser.feed(bytes)
        var found: [CARSection] = []
        while let event = try parser.next() { if case .section(let section) = event { found.append(section) } }
        return found
    }

    /// Whoever reads sees one CAR, whether he knows of the shards or not.
    @Test(arguments: [true, false]) func theyReadAsOneCAR(_ isKnown: Bool) async throws {
        let location = isKnown ? try await store(sample, on: memory).location : nil
        if !isKnown { _ = try await store(sample, on: memory) }
        #expect(try await bytes(memory, at: location) == sample.bytes)
        var numbers = SeededNumbers(seed: 3)
        for _ in 0..<200 {
            let start = Int.random(in: 0..<sample.bytes.count, using: &numbers)
            let end = Int.random(in: start...sample.bytes.count, using: &numbers)
            let read = try await bytes(memory, at: location, UInt64(start)..<UInt64(end))
            #expect(read == Array(sample.bytes[start..<end]), "\(start)..<\(end)")
        }
        let index = try #require(try await CARArchive(memory).index(of: sample.root, at: location))
        let reader = try CARIndexReader(try await collect(index, limit: 1 << 20))
        #expect(reader.count == UInt64(sample.sections.count))
        for section in sample.sections {
            #expect(try reader.offsets(of: section.cid.hash) == [UInt64(section.offset)])
        }
    }

    @Test func onlyWhatIsWantedIsAskedFor() async throws {
        let location = try await store(sample, on: memory).location
        let counted = FaultyService(memory)
        _ = try await bytes(counted, at: location, 3000..<3010)
        #expect(counted.calls.count == 1 && counted.calls[0].contains(".4-of-7.car "), "\(counted.calls)")
        _ = await CARArchive(counted).presence(of: sample.root, at: location)
        #expect(counted.count(.stat) == location.shards.count && counted.count(.page) == 0, "\(counted.calls)")
    }

    @Test func aBlockThatFitsNowhereIsRefusedBeforeAnythingIsSent() async throws {
        let narrow = FaultyService(MemoryService(limits: Limits(largestObject: 210)))
        let error = await #expect(throws: StorageError.self) { try await store(sample, on: narrow) }
        #expect(error?.code == .tooLarge && narrow.calls.isEmpty)
        let unknown = await #expect(throws: StorageError.self) {
            try await CARArchive(memory).store(Upload(sample.root, sample.body))
        }
        #expect(unknown?.code == .tooLarge && memory.contents.isEmpty)
    }

    @Test func whatArrivedIsNotSentAgain() async throws {
        let (location, _) = try await store(sample, on: memory)
        for shard in location.shards.dropFirst(2) {
            memory.tamper(try name(shard.name), nil)
            memory.tamper(try name(shard.name + ".idx"), nil)
        }
        // The second has other bytes than it should have.
        memory.tamper(try name(location.shards[1].name), [UInt8](repeating: 1, count: Int(location.shards[1].length)))
        let counted = FaultyService(memory)
        let again = try await store(sample, on: counted, goesOn: true)
        #expect(again.location == location)
        // What was not sent now is proven by nothing but a reading.
        #expect(again.proof == nil)
        // What is sent takes its index along.
        #expect(counted.count(.put) == 2 * (location.shards.count - 1), "\(counted.calls)")
        #expect(try await bytes(memory, at: location) == sample.bytes)
        // Whoever goes on with nothing sends all, whatever the service says of what is there.
        let whole = FaultyService(memory)
        #expect(try await store(sample, on: whole).proof != nil)
        #expect(whole.count(.put) == 2 * location.shards.count && whole.count(.page) == 0)
    }

    /// An index that is lost comes back; where it is there nothing is sent.
    @Test(arguments: [UInt64(1000), .max]) func aLostIndexIsMadeAgain(_ limit: UInt64) async throws {
        let large = SampleArchive(seed: 5, leaves: limit == .max ? 2000 : 20)
        let memory = MemoryService(limits: Limits(largestObject: limit))
        let location = try await store(large, on: memory).location
        let before = memory.contents
        let index = try #require(before.keys.filter { $0.text.hasSuffix(".idx") }.min())
        memory.tamper(index, nil)
        try await CARArchive(memory).addIndex(for: large.upload, at: location, nil)
        #expect(memory.contents == before)
        let counted = FaultyService(memory)
        try await CARArchive(counted).addIndex(for: large.upload, at: location, nil)
        #expect(counted.count(.put) == 0 && counted.count(.stat) > 0)
        // The places of this CAR say nothing of another one of the root.
        memory.tamper(index, nil)
        try await CARArchive(memory).addIndex(for: large.upload, at: location, [1, 2, 3])
        #expect(memory.contents[index] == nil)
        try await CARArchive(memory).addIndex(for: large.upload, at: location, large.body.digest(.sha256))
        #expect(memory.contents == before)
    }

    @Test func aPartIsNeitherAllNorNothing() async throws {
        let (location, _) = try await store(sample, on: memory)
        memory.tamper(try name(location.shards[1].name), nil)
        let archive = CARArchive(memory)
        for place in [location, nil] {
            let held = try #require(await archive.presence(of: sample.root, at: place).held)
            #expect(try #require(held.length) < UInt64(sample.bytes.count))
        }
        let error = await #expect(throws: StorageError.self) { try await bytes(memory, at: location) }
        #expect(error?.code == .corrupt)
        // What is not whole is in no list of roots.
        for try await page in archive.roots() { #expect(page.isEmpty) }
        for shard in location.shards { memory.tamper(try name(shard.name), nil) }
        let gone = await #expect(throws: StorageError.self) { try await bytes(memory, at: location) }
        #expect(gone?.code == .notFound)
        guard case .absent = await archive.presence(of: sample.root, at: location) else {
            Issue.record("Nothing is there.")
            return
        }
    }

    /// The names of a place that two backends lead to are one place, whatever a list says that lags.
    @Test func eachIsAskedForByItsName() async throws {
        let location = try await store(sample, on: memory).location
        let last = try name(try #require(location.shards.last).name)
        let lagging = AlteredService(memory) { altered in
            altered.onStat = { (asked) async throws(StorageError) in
                guard asked != last else { throw StorageError(.notFound, "It is gone.") }
                let info = try await memory.stat(asked)
                return ObjectInfo(
                    name: asked,
                    length: info.length,
                    modified: info.modified,
                    digest: nil,
                    place: "disk 7"
                )
            }
        }
        let held = try #require(await CARArchive(lagging).presence(of: sample.root, at: location).held)
        #expect(held.length != location.length && held.place == "disk 7")
    }

    @Test func aListNamesThemAsOneRoot() async throws {
        let paged = MemoryService(limits: Limits(largestObject: 1000), pageSize: 3)
        let location = try await store(sample, on: paged).location
        let small = SampleArchive(seed: 9, leaves: 1)
        _ = try await store(small, on: paged)
        var held: [HeldRoot] = []
        for try await page in CARArchive(paged).roots() { held += page }
        #expect(Set(held.map(\.root)) == [sample.root, small.root])
        #expect(held.first { $0.root == sample.root }?.location == location)
    }

    @Test(arguments: [true, false]) func nothingIsLeftOfThem(_ isKnown: Bool) async throws {
        let location = try await store(sample, on: memory).location
        memory.tamper(try name(location.shards[1].name), nil)
        // So is what an upload in other pieces left.
        let stem = try CARArchive.name(of: sample.root).text.dropLast(4)
        memory.tamper(try name("\(stem).2-of-3.car"), [1])
        try await CARArchive(memory).remove(sample.root, at: isKnown ? location : nil)
        #expect(memory.contents.isEmpty)
    }

    @Test(arguments: [
        "1-of-2", "01-of-2", "0-of-2", "3-of-2", "1-of-0", "0-of-0", "1-of--1", "-1-of-2", "1-of-4097", "1-of-",
        "-of-2", "1-of-2-of-3", "+1-of-2", "",
        "1-of-99999999999999999999",
    ])
    func onlyOurNamesAreShards(_ text: String) throws {
        let name = try CARArchive.name(of: sample.root).text.dropLast(4) + ".\(text).car"
        #expect((CARName(String(name))?.shard != nil) == (text == "1-of-2"))
        #expect(CARArchive.root(of: String(name)) == nil)
    }

    /// What a catalog or a snapshot says may be somebody else's.
    @Test func shardsThatCannotBe() async throws {
        let beginning = UInt64(CARSharding.laterBeginning.count)
        for shards in [
            [Location.Shard("../x", length: 100)],
            [Location.Shard("a", length: 1), Location.Shard("b", length: beginning - 1)],
            [Location.Shard("a", length: .max), Location.Shard("b", length: beginning + 1)],
        ] {
            let error = await #expect(throws: StorageError.self) {
                try await CARArchive(memory).read(sample.root, at: Location("x", shards: shards))
            }
            #expect(error?.code == .unsupported)
        }
    }

    /// Where names are spread over folders, what lies flat is read.
    @Test func namesInFolders() async throws {
        let spread = MemoryService(limits: Limits(largestObject: 3000, spreadsNames: true))
        let flat = try CARArchive.name(of: sample.root)
        let letters = flat.text.dropLast(4).suffix(2)
        let small = SampleArchive(seed: 1)
        let usual = "cars/\(try CARArchive.name(of: small.root).text.dropLast(4).suffix(2))/"
        #expect(try await store(small, on: spread).location.path.hasPrefix(usual))
        let location = try await store(sample, on: spread).location
        #expect(location.shards.allSatisfy { $0.name.hasPrefix("cars/\(letters)/") } && location.shards.count > 1)
        #expect(CARName.ofCAR(try name(location.shards[1].name + ".idx")) == location.path)
        #expect(CARName("cars/zz/" + flat.text.dropFirst(5)) == nil)
        let archive = CARArchive(spread)
        try await archive.remove(sample.root, at: location)
        spread.tamper(flat, sample.bytes)
        #expect(await archive.presence(of: sample.root, at: nil).held?.location.path == flat.text)
        #expect(try await collect(try await archive.read(sample.root), limit: 1 << 20) == sample.bytes)
        var held: [HeldRoot] = []
        for try await page in archive.roots() { held += page }
        #expect(Set(held.map(\.root)) == [sample.root, small.root])
    }

    @Test(arguments: ContentLaw.all) func aServiceOfSmallObjectsKeepsTheLaws(_ law: ContentLaw) async throws {
        for spreads in [false, true] {
            let service = MemoryService(limits: Limits(largestObject: 83_000, spreadsNames: spreads))
            guard case .kept = try await law.verify(on: CARArchive(Checked(service, backend: "small"))) else {
                Issue.record("\(law) was not tried.")
                return
            }
        }
    }
}
