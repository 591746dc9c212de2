import IPLD
import Multiformats
import Testing

/// What leads where, when one multihash stands for several blocks, and links that nobody can read.
@Suite struct CoverageTests {
    static let leaf = Block(codec: .raw, bytes: [1, 2, 3])
    /// A list with a link to the leaf, under two codecs with one hash.
    static let inner = Block(codec: .dagCBOR, bytes: (try? Node.list([.link(leaf.cid)]).cbor()) ?? [])
    static let innerAsRaw = Block(codec: .raw, bytes: inner.bytes)
    static let root = Block(codec: .dagCBOR, bytes: (try? Node.list([.link(inner.cid)]).cbor()) ?? [])
    /// A root that leads to the same bytes as what they are and as a node.
    static let both = Block(
        codec: .dagCBOR,
        bytes: (try? Node.list([.link(innerAsRaw.cid), .link(inner.cid)]).cbor()) ?? []
    )

    static func report(_ blocks: [Block], roots: [CID]) -> [DecodingProblem.Code: Int] {
        IPLDTests.report(on: CARVerifierTests.archive(blocks, roots: roots)).counts
    }

    @Test func `a block is followed under each codec that leads to it`() {
        let (leaf, inner, raw, root, both) = (Self.leaf, Self.inner, Self.innerAsRaw, Self.root, Self.both)
        let cases: [(blocks: [Block], root: Block, counts: [DecodingProblem.Code: Int])] = [
            ([root, inner, leaf], root, [:]),
            // The bytes stand under raw alone: known as a node before they come, they are looked into.
            ([root, raw, leaf], root, [:]),
            ([root, raw], root, [.missing: 1]),
            // Known only afterwards, they were not.
            ([raw, leaf, root], root, [.unsupported: 1, .unexpected: 1]),
            ([raw, root], root, [.unsupported: 1]),
            ([both, raw, inner, leaf], both, [:]),
            ([both, inner, raw], both, [.missing: 1]),
            ([both, raw], both, [.missing: 1]),
            ([leaf, raw, both], both, [.unsupported: 1, .unexpected: 1]),
            ([leaf, inner, both], both, [:]),
            // Twice the same, and once more under the other codec, which is no repeat.
            ([both, raw, raw, inner, leaf], both, [.duplicate: 1]),
        ]
        for (index, (blocks, root, counts)) in cases.enumerated() {
            #expect(Self.report(blocks, roots: [root.cid]) == counts, "case \(index)")
        }
    }

    @Test func `another reading shows what was asked for late`() throws {
        let deeper = Block(codec: .dagCBOR, bytes: try Node.list([.link(Self.inner.cid)]).cbor())
        let root = Block(codec: .dagCBOR, bytes: try Node.list([.link(deeper.cid)]).cbor())
        // Both nodes went by as raw before they were asked for; the second one is only found through the first.
        let blocks = [Self.innerAsRaw, Block(codec: .raw, bytes: deeper.bytes), root]
        for isWhole in [true, false] {
            let archive = try Archive(
                CARVerifierTests.archive(blocks + (isWhole ? [Self.leaf] : []), roots: [root.cid])
            )
            var verifier = CARVerifier()
            verifier.add(archive.header, nil)
            let sections = try Self.sections(archive.blocks)
            for section in sections { verifier.add(section, nil) }
            var readings = 0
            while !verifier.unread().isEmpty {
                readings += 1
                for section in sections { verifier.review(section) }
            }
            #expect(readings == 2)
            #expect(verifier.finish().counts == (isWhole ? [:] : [.missing: 1]))
        }
    }

    private static func sections(_ blocks: [Block]) throws -> [CARSection] {
        var parser = CARParser()
        parser.feed(CARVerifierTests.archive(blocks))
        var sections: [CARSection] = []
        while let event = try parser.next() { if case .section(let section) = event { sections.append(section) } }
        return sections
    }

    @Test(arguments: [Codec(rawValue: 0x78), Codec(rawValue: 0x85), Codec(rawValue: 0x90), Codec(rawValue: 0x3_0000)])
    func `what a root leads to is not whole where links cannot be read`(codec: Codec) throws {
        let strange = Block(codec: codec, bytes: [4, 5, 6])
        let root = Block(codec: .dagCBOR, bytes: try Node.list([.link(strange.cid)]).cbor())
        #expect(Self.report([root, strange], roots: [root.cid]) == [.unsupported: 1])
        #expect(Self.report([strange], roots: [strange.cid]) == [.unsupported: 1])
        // What no root leads to promises nothing.
        #expect(Self.report([Self.leaf, strange], roots: [Self.leaf.cid]) == [.unexpected: 1])
        let inline = CID.v1(codec, try .identity(of: [1]))
        let holder = Block(codec: .dagCBOR, bytes: try Node.list([.link(inline)]).cbor())
        #expect(Self.report([holder], roots: [holder.cid]) == [.unsupported: 1])
    }

    @Test func `content above 128 bytes in a CID, and weak hashes, are not allowed wherever they stand`() throws {
        for length in [128, 129] {
            let inline = CID.v1(.raw, try Multihash(code: .identity, digest: [UInt8](repeating: 1, count: length)))
            let root = Block(
                codec: .dagPB,
                bytes: PBNode(links: [PBLink(cid: inline, name: [0x61], tsize: 1)]).encoded()
            )
            #expect(Self.report([root], roots: [root.cid]) == (length > 128 ? [.notAllowed: 1] : [:]))
        }
        let weak = CID.v1(.raw, try Multihash(code: .sha256, digest: [UInt8](repeating: 1, count: 10)))
        #expect(Self.report([], roots: [weak]) == [.notAllowed: 1])
    }

    @Test func `a block is no longer than what fits a section under every name`() throws {
        let limit = Block.longest
        for (length, code) in [(limit, nil), (limit + 1, DecodingProblem.Code.tooLarge)] {
            let bytes = [UInt8](repeating: 0, count: length)
            for codec in [Codec.raw, Codec(rawValue: Varint.maximum)] {
                let block = Block(codec: codec, bytes: bytes)
                do throws(DecodingProblem) {
                    try block.cid.checkLimits(length: length)
                    #expect(code == nil)
                } catch {
                    #expect(error.code == code)
                }
                let counts = Self.report([block], roots: [])
                #expect(counts == (code.map { [$0: 1] } ?? [:]), "\(length) \(codec)")
            }
        }
    }
}
