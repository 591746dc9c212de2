import IPLD
import Multiformats
import Testing

@Suite struct BlockTests {
    @Test(arguments: [HashCode.sha256, .sha1, .blake3]) func `a block has the hash that it names`(code: HashCode) throws
    {
        let bytes: [UInt8] = [1, 2, 3]
        let cid = CID.v1(.raw, try Multihash(code, of: bytes.span))
        try Block(cid: cid, bytes: bytes).verify()
        let problem = #expect(throws: DecodingProblem.self) { try Block(cid: cid, bytes: [1, 2, 4]).verify() }
        #expect(problem?.code == .wrongHash)
    }

    @Test(arguments: [HashCode.murmur3x64, .blake2b(length: 8)])
    func `a hash that protects nothing is refused, also where it is right`(code: HashCode) throws {
        let bytes: [UInt8] = [1, 2, 3]
        let block = Block(cid: CID.v1(.raw, try Multihash(code, of: bytes.span)), bytes: bytes)
        let problem = #expect(throws: DecodingProblem.self) { try block.verify() }
        #expect(problem?.code == .notAllowed)
    }

    @Test func `an archive with a block that nobody can check is not whole`() throws {
        let block = Block(codec: .raw, bytes: [1, 2, 3])
        let content = block.cid.bytes + block.bytes
        var parser = CARParser()
        parser.feed(CARHeader(roots: [block.cid]).encoded + Varint.encode(UInt64(content.count)) + content)
        _ = try parser.next()
        guard case .section(let section) = try parser.next() else { return #expect(Bool(false), "no section") }
        for (problem, isWhole) in [(nil, true), (DecodingProblem(.unsupported, "Nobody can."), false)] {
            var verifier = CARVerifier()
            verifier.add(CARHeader(roots: [block.cid]), nil)
            verifier.add(section, problem)
            #expect(verifier.finish().isWhole == isWhole)
        }
    }
}
