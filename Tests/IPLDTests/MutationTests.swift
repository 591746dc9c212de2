import IPLD
import Multiformats
import Testing

@Suite struct MutationTests {
    static let seeds = ["d-sort--v1.car", "d-nested--v1-wrap.car", "s1000--v1-c64.car", "d-hidden--inline.car"]

    /// Whatever comes in, decoders give a value or a problem; a crash would end the test run.
    @Test(arguments: seeds)
    func noMutationCrashesADecoder(name: String) throws {
        let original = try Fixtures.archive(name)
        let blocks = try Archive(original).blocks.filter { $0.bytes.count < 5000 }
        let cbor = try Node.map([
            .init("a", .list([.integer(-500), .float(1.5), .string("é"), .null])),
            .init("link", .link(try #require(blocks.first).cid)), .init("m", .map([.init("x", .bytes([1, 2]))])),
        ]).encoded()
        var numbers = SeededNumbers(state: UInt64(name.utf8.count))
        for _ in 0..<500 {
            Self.decode(archive: Self.mutated(Array(original.prefix(4000)), &numbers))
            let block = try #require(blocks.randomElement(using: &numbers))
            let bytes = Self.mutated(block.bytes, &numbers)
            Self.decode(Block(cid: block.cid, bytes: bytes))
            Self.decode(Block(codec: .dagCBOR, bytes: Self.mutated(cbor, &numbers)))
            _ = try? CID(bytes: Self.mutated(block.cid.bytes, &numbers))
            _ = try? CID(String(decoding: Self.mutated(Array(block.cid.description.utf8), &numbers), as: UTF8.self))
        }
    }

    private static func decode(archive bytes: [UInt8]) {
        _ = try? Archive(bytes, chunk: 777)
        if let archive = try? Archive(bytes, verifies: false) { archive.blocks.forEach(decode) }
    }

    private static func decode(_ block: Block) {
        _ = try? links(of: block)
        _ = try? block.verify()
        _ = try? UnixFSEntry(block)
        if var walk = try? DirectoryWalk(root: block) {
            while let step = try? walk.next(), case .entry = step {}
        }
        if var lookup = try? DirectoryLookup(name: [0x61], in: block) { _ = try? lookup.next() }
        if let node = try? PBNode(block.bytes) { #expect((try? PBNode(node.encoded())) != nil) }
        if let node = try? Node(cbor: block.bytes) { #expect((try? node.encoded()) == block.bytes) }
        if var walk = try? FileWalk(root: block, range: 0..<10_000) {
            var steps = 0
            while let step = try? walk.next(), steps < 1000 {
                steps += 1
                if case .need(let cid) = step { try? walk.supply(Block(cid: cid, bytes: block.bytes)) }
            }
        }
    }

    private static func mutated(_ bytes: [UInt8], _ numbers: inout SeededNumbers) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &numbers) {
            guard !bytes.isEmpty else { break }
            let place = Int.random(in: 0..<bytes.count, using: &numbers)
            switch Int.random(in: 0..<5, using: &numbers) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &numbers)
            case 2: bytes.remove(at: place)
            case 3: bytes.insert([0, 0x7F, 0x80, 0xFF][Int.random(in: 0..<4, using: &numbers)], at: place)
            default: bytes.removeLast(min(bytes.count, Int.random(in: 1...20, using: &numbers)))
            }
        }
        return bytes
    }
}
