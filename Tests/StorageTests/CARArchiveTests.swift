import Multiformats
import Samples
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@Suite struct CARArchiveTests {
    @Test func namesOfBothVersions() throws {
        let old = SampleArchive.versionZero(seed: 1).root
        #expect(old.version == .v0)
        #expect(try CARArchive.name(of: old).text.hasPrefix("cars/bciq"))
        #expect(try CARArchive.name(of: old.v1).text.hasPrefix("cars/bafybei"))
        #expect(try CARArchive.name(of: old) != CARArchive.name(of: old.v1))
    }

    @Test(arguments: 0..<50)
    func namesLeadBackToTheirRoots(_ seed: Int) throws {
        let hash = Multihash.sha256(of: sampleBytes(40, seed: UInt64(seed)))
        for codec in [Codec.raw, .dagPB, .dagCBOR, .dagJSON] {
            for root in [CID.v1(codec, hash), CID.v1(codec, hash).v0].compactMap({ $0 }) {
                let name = try CARArchive.name(of: root)
                #expect(CARArchive.root(of: name.text) == root)
                #expect(name.text == name.text.lowercased())
            }
        }
    }

    @Test(arguments: [
        "", "cars/", "cars/.car", "cars/b.car", "cars/readme.car", "notes/x.car", "cars/x/y.car",
        "cars/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn.car",
        "cars/zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA.car",
        "cars/BAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU.car", "cars/bciq.car",
        "cars/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku.car.part",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku.car",
    ])
    func foreignNamesAreNoRoots(_ name: String) {
        #expect(CARArchive.root(of: name) == nil)
    }

    @Test func foreignObjectsAreNotInTheListOfRoots() async throws {
        let memory = MemoryService(pageSize: 1)
        let archive = CARArchive(memory)
        let sample = SampleArchive(seed: 1)
        _ = try await archive.store(Upload(sample.root, sample.body))
        for text in ["cars/readme", "cars/zz.car", "notes/a"] { memory.tamper(try name(text), [1]) }
        var held: [HeldRoot] = []
        for try await page in archive.roots() { held += page }
        #expect(held.map(\.root) == [sample.root])
        #expect(held.first?.length == UInt64(sample.bytes.count))
    }

    @Test func onlyNotFoundIsAbsent() async throws {
        let root = SampleArchive(seed: 1).root
        for code in StorageError.Code.allCases {
            let faulty = FaultyService(MemoryService(), [Fault(.stat, .fail(StorageError(code, "It failed.")))])
            switch await CARArchive(faulty).presence(of: root, at: nil) {
            case .absent: #expect(code == .notFound)
            case .unknown(let error): #expect(code != .notFound && error.code == code)
            case .present, .pending: Issue.record("Nothing is present here.")
            }
        }
    }

    /// Whoever removes on account of others sees to them before each object; what is refused in between keeps the rest.
    @Test func everyObjectIsSeenToBeforeItGoes() async throws {
        let memory = MemoryService()
        let root = SampleArchive(seed: 1).root
        let name = try CARArchive.name(of: root)
        let index = try #require(ObjectName(name.text + ".idx"))
        for object in [name, index] { _ = try await memory.put(object, Body([1, 2])) }
        let asked = Locked(0)
        let refusal = await #expect(throws: StorageError.self) {
            try await CARArchive(memory).remove(root, at: nil) { () async throws(StorageError) in
                let number = asked.change { number in
                    number += 1
                    return number
                }
                if number == 2 { throw StorageError(.changed, "The others are not there any more.", retry: .never) }
            }
        }
        #expect(refusal?.code == .changed && refusal?.mayHaveHappened == true)
        #expect(memory.contents[index] == nil && memory.contents[name] == [1, 2])
    }

    /// What homes say about themselves is nobody's content, whatever a mapping says: it is not removed for one.
    @Test(arguments: ["/etc/passwd", "../x", "a//b", "", "cars/ä.car", "kits/a/pages/b.car"], [false, true])
    func aPlaceThatIsNoNameOfContentIsRefused(_ path: String, _ isShard: Bool) async {
        let counted = FaultyService(MemoryService())
        let archive = CARArchive(counted)
        let root = SampleArchive(seed: 1).root
        let place = isShard ? Location("cars/a.car", shards: [Location.Shard(path, length: 90)]) : Location(path)
        let read = await #expect(throws: StorageError.self) { try await archive.read(root, at: place) }
        let removed = await #expect(throws: StorageError.self) { try await archive.remove(root, at: place) }
        #expect(read?.code == .unsupported && removed?.code == .unsupported)
        #expect(counted.calls.isEmpty)
    }
}
