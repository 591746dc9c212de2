import Foundation
import IPLD
import Multiformats
import Testing

/// Reads an archive to its end, or to where it cannot be read, and says everything that is wrong.
func report(on bytes: [UInt8], chunk: Int = 10_000, limits: CARParser.Limits = .init()) -> CARReport {
    var limits = limits
    limits.keepsIndex = true
    var parser = CARParser(verifiesBlocks: false, limits: limits)
    var verifier = CARVerifier()
    for start in stride(from: 0, to: bytes.count, by: chunk) {
        parser.feed(bytes[start..<min(start + chunk, bytes.count)])
        verifier.take(from: &parser)
    }
    return verifier.finish(parser)
}

@Suite struct CARVerifierTests {
    static let files: [String] = ["go-car", "ipld-car-spec", "helia", "storacha-ipfs-car", "js-car"].flatMap { folder in
        let files = (try? Fixtures.sharedFiles(folder, ending: "")) ?? []
        return files.filter { ["car", "carv2"].contains($0.pathExtension) }.map { folder + "/" + $0.lastPathComponent }
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        let parts = name.split(separator: "/").map(String.init)
        let files = try Fixtures.sharedFiles(parts[0], ending: parts[1])
        return try Fixtures.bytes(try #require(files.first))
    }

    /// What is wrong with the public archives; all others are whole.
    static let faults: [String: [DecodingProblem.Code: Int]] = [
        "badheaderlength.car": [.tooLarge: 1], "badsectionlength.car": [.tooLarge: 1],
        "simple-unixfs-missing-blocks.car": [.missing: 3], "sample-corrupt-pragma.car": [.truncated: 1],
        "wikipedia-cryptographic-hash-function.car": [.missing: 680], "sample-rootless-v42.car": [.badVersion: 1],
        "sample-v1-tailing-corrupt-section.car": [.missing: 1, .truncated: 1],
        "sample-v1-with-zero-len-section.car": [.emptySection: 1],
        "sample-v1-with-zero-len-section2.car": [.emptySection: 1],
        "sample-v2-corrupt-data-and-index.car": [.malformed: 1], "carv2-basic.car": [.badIndex: 1],
        "go.carv2": [.badIndex: 1],
        "bafybeidbclfqleg2uojchspzd4bob56dqetqjsj27gy2cq3klkkgxtpn4i.car": [.missing: 1],
        "bafyreieurv3eg6sxth6avdr2zel52mdcqw7dghkljzcnaodb4conrzqjei.car": [.unexpected: 4],
        "missing-root-block.car": [.missing: 1], "multi-root.car": [.missing: 1],
    ]

    @Test func everyPublicArchiveHasTheFaultsThatItWasMadeWith() throws {
        _ = try Fixtures.shared("go-car")
        #expect(Self.files.count >= 35)
        for name in Self.files {
            let report = report(on: try Self.bytes(name))
            let wanted = Self.faults[String(name.drop { $0 != "/" }.dropFirst())] ?? [:]
            #expect(report.counts == wanted, "\(name)")
            #expect(
                report.unverifiable == 0 && report.isWhole == wanted.keys.allSatisfy { $0 == .unexpected },
                "\(name)"
            )
        }
    }

    @Test(arguments: [1, 3, 1000])
    func thePiecesDoNotMatter(chunk: Int) throws {
        for name in ["go-car/sample-wrapped-v2.car", "ipld-car-spec/carv2-basic.car", "go-car/sample-rw-bs-v2.car"] {
            let bytes = try Self.bytes(name)
            guard chunk > 1 || bytes.count < 20_000 else { continue }
            #expect(report(on: bytes, chunk: chunk) == report(on: bytes))
        }
    }

    @Test func aSectionWithoutLengthMayEndTheArchive() throws {
        var limits = CARParser.Limits()
        limits.zeroLengthEndsArchive = true
        let report = report(on: try Self.bytes("go-car/sample-v1-with-zero-len-section.car"), limits: limits)
        #expect(report.blocks == 1049 && report.counts[.emptySection] == nil)
    }

    // Damage of every kind, made here.

    static let leaf = Block(codec: .raw, bytes: [1, 2, 3])
    static let other = Block(codec: .raw, bytes: [4])
    static let root: Block = {
        let links = [leaf.cid, other.cid].map { PBLink(cid: $0, name: [], tsize: 3) }
        return Block(codec: .dagPB, bytes: PBNode(links: links).encoded())
    }()

    static func archive(_ blocks: [Block], roots: [CID] = [root.cid]) -> [UInt8] {
        blocks.reduce(CARHeader(roots: roots).encoded) {
            $0 + CARSection.prefix(for: $1.cid, length: $1.bytes.count) + $1.bytes
        }
    }

    static func wrapped(_ payload: [UInt8], index: [UInt8] = [], tail: [UInt8] = []) -> [UInt8] {
        CARContainer(dataSize: UInt64(payload.count), hasIndex: !index.isEmpty).encoded + payload + index + tail
    }

    @Test(arguments: [
        ([root, leaf, other], true), ([root, leaf], false), ([leaf, other], false),
        ([root, leaf, other, leaf], true), ([root, leaf, other, Block(codec: .raw, bytes: [5])], true),
    ])
    func whatIsMissingKeepsAnArchiveFromBeingWhole(_ blocks: [Block], _ isWhole: Bool) {
        let report = report(on: Self.archive(blocks))
        #expect(report.isWhole == isWhole && report.harm == (isWhole ? [] : [.missing]))
    }

    @Test func everyKindOfDamageIsToldApart() {
        let (root, leaf, other) = (Self.root, Self.leaf, Self.other)
        let whole = Self.archive([root, leaf, other])
        let wrong = Block(cid: leaf.cid, bytes: [9, 9, 9])
        let stranger = Block(codec: .raw, bytes: [7])
        var cases: [(bytes: [UInt8], counts: [DecodingProblem.Code: Int], blocks: Int)] = []
        func add(_ bytes: [UInt8], _ counts: [DecodingProblem.Code: Int], blocks: Int) {
            cases.append((bytes, counts, blocks))
        }
        add(whole, [:], blocks: 3)
        add(Self.wrapped(whole), [:], blocks: 3)
        add(Self.archive([other, leaf, root]), [:], blocks: 3)
        add(Self.archive([root, wrong, other]), [.wrongHash: 1, .missing: 1], blocks: 3)
        add(Self.archive([root, other]), [.missing: 1], blocks: 2)
        add(Self.archive([]), [.missing: 1], blocks: 0)
        add(Self.archive([root, leaf, leaf, other]), [.duplicate: 1], blocks: 4)
        add(Self.archive([root, leaf, other, stranger]), [.unexpected: 1], blocks: 4)
        add(Self.archive([stranger], roots: []), [:], blocks: 1)
        add(Array(whole.dropLast()), [.truncated: 1, .missing: 1], blocks: 2)
        add(whole + [0], [.emptySection: 1], blocks: 3)
        add(whole + [5, 1, 2], [.truncated: 1], blocks: 3)
        add(whole + [2, 1, 0x55], [.malformed: 1], blocks: 3)
        add(Self.wrapped(whole, tail: [1, 2, 3]), [.extraneous: 1], blocks: 3)
        add(Array(Self.wrapped(whole).dropLast(2)), [.truncated: 1, .missing: 1], blocks: 2)
        add(CARContainer(dataSize: 10, hasIndex: false).encoded + whole, [.malformed: 1], blocks: 0)
        for (index, (bytes, counts, blocks)) in cases.enumerated() {
            let report = report(on: bytes)
            #expect(report.counts == counts && report.blocks == blocks, "case \(index): \(report.problems)")
        }
    }

    @Test func rootsThatHoldLinksAreFollowed() throws {
        let leaves = (0..<3).map { Block(codec: .raw, bytes: [UInt8($0)]) }
        let content = try Node.list(leaves.prefix(2).map { .link($0.cid) }).cbor()
        let holder = CID.v1(.dagCBOR, try .identity(of: content))
        #expect(report(on: Self.archive(leaves, roots: [holder])).counts == [.unexpected: 1])
        #expect(report(on: Self.archive([], roots: [holder, leaves[2].cid])).counts == [.missing: 3])
    }

    /// Each CID holds the next one: to follow them would cost the square of their length.
    @Test func longCIDsInsideOneAnotherAreNotFollowed() throws {
        var inner = CID.v1(.raw, try .identity(of: []))
        while inner.bytes.count < 20_000 {
            let content = try Node.link(inner).cbor()
            inner = CID.v1(.dagCBOR, try Multihash(code: .identity, digest: content))
        }
        let block = Block(codec: .dagCBOR, bytes: try Node.link(inner).cbor())
        #expect(report(on: Self.archive([block], roots: [block.cid])).counts == [.notAllowed: 1])
    }

    @Test func hostileContainersAreRefused() {
        let good = CARContainer(dataSize: 100, hasIndex: true).encoded.dropFirst(CARContainer.pragma.count)
        let most = [UInt8](repeating: 0xFF, count: 8)
        let changes: [(Int, [UInt8])] = [(16, most), (24, most), (32, [60]), (16, [50])]
        for (place, bytes) in changes {
            var header = Array(good)
            header.replaceSubrange(place..<place + bytes.count, with: bytes)
            #expect(throws: DecodingProblem.self) { try CARContainer(header) }
        }
    }

    // Indexes.

    static func index(_ archive: [UInt8]) throws -> CARIndex {
        var parser = CARParser(verifiesBlocks: false)
        var index = CARIndex()
        parser.feed(archive)
        while let event = try parser.next() {
            guard case .section(let section) = event else { continue }
            index.add(section.cid, offset: UInt64(section.offset) - (parser.container?.dataOffset ?? 0))
        }
        return index
    }

    @Test func indexesAreThoseOfGo() throws {
        let wrapped = try Self.bytes("go-car/sample-wrapped-v2.car")
        var parser = CARParser()
        parser.feed(wrapped)
        _ = try parser.next()
        let container = try #require(parser.container)
        let written = try Self.index(wrapped).encoded(.multihashSorted)
        #expect(written == Array(wrapped[Int(container.indexOffset)...]))
        #expect(try Self.index(Self.bytes("go-car/sample-v1.car")).encoded(.multihashSorted) == written)
    }

    @Test(arguments: CARIndex.Format.allCases)
    func everySectionIsFoundThroughAnIndex(format: CARIndex.Format) throws {
        let bytes = try Self.bytes("go-car/sample-v1.car")
        let reader = try CARIndexReader(Self.index(bytes).encoded(format))
        #expect(reader.format == format && reader.count == 1043)
        let archive = try Archive(bytes, verifies: false)
        for (block, offset) in zip(archive.blocks, archive.offsets) where block.cid.inlineContent == nil {
            let found = try reader.offsets(of: block.cid.hash)
            let section = offset - CARSection.prefix(for: block.cid, length: block.bytes.count).count
            #expect(found == [UInt64(section)])
        }
        #expect(try reader.offsets(of: .sha256(of: [1])).isEmpty)
    }

    @Test(arguments: ["sample-index.carindex", "sample-multihash-index-sorted.carindex"])
    func publicIndexesAreRead(name: String) throws {
        let bytes = try Fixtures.bytes(try Fixtures.shared("go-car/v2/testdata/\(name)"))
        #expect(try CARIndexReader(bytes).count > 100)
        for count in stride(from: 0, to: bytes.count, by: 997) {
            #expect(throws: DecodingProblem.self) { try CARIndexReader(Array(bytes[..<count])) }
        }
    }

    @Test(
        arguments: [
            "", "00", "8008ffffffff", "800801000000" + "07000000" + "0000000000000000",
            "800801000000" + "28000000" + "2700000000000000", "800801000000" + "28000000" + "ffffffffffffff7f",
            "8108ffffffff",
        ]
    )
    func hostileIndexesAreRefused(hex: String) throws {
        let bytes = try Fixtures.bytes(hex: hex)
        #expect(throws: DecodingProblem.self) { try CARIndexReader(bytes) }
    }
}
