import IPLD
import Multiformats
import Testing

/// Archives of version 2 whose index, padding or header is not what it should be.
@Suite struct CARIndexAuditTests {
    static let blocks = (0..<5).map { Block(codec: .raw, bytes: [UInt8($0), 7]) }
    static let inline = Block(cid: CID.v1(.raw, (try? .identity(of: [9])) ?? .sha256(of: [9])), bytes: [9])

    /// The payload, and where each block begins in it.
    static func payload(_ blocks: [Block]) -> (bytes: [UInt8], offsets: [UInt64]) {
        var bytes = CARHeader(roots: [blocks[0].cid]).encoded
        var offsets: [UInt64] = []
        for block in blocks {
            offsets.append(UInt64(bytes.count))
            bytes += CARSection.prefix(for: block.cid, length: block.bytes.count) + block.bytes
        }
        return (bytes, offsets)
    }

    static func index(_ entries: [(CID, UInt64)], _ format: CARIndex.Format = .multihashSorted) -> [UInt8] {
        var index = CARIndex()
        for (cid, offset) in entries { index.add(cid, offset: offset, isFullyIndexed: true) }
        return index.encoded(format)
    }

    static func archive(_ payload: [UInt8], _ index: [UInt8], fully: Bool = false, gap: [UInt8] = []) -> [UInt8] {
        var header = CARContainer(dataSize: UInt64(payload.count), hasIndex: true, isFullyIndexed: fully).encoded
        let place = UInt64(CARContainer.length + payload.count + gap.count)
        for index in 0..<8 { header[43 + index] = UInt8(truncatingIfNeeded: place >> UInt64(8 * index)) }
        return header + payload + gap + index
    }

    /// The problems that do harm.
    static func harm(_ bytes: [UInt8], chunk: Int = 10_000) -> [DecodingProblem.Code: Int] {
        report(on: bytes, chunk: chunk).counts.filter { $0.key != .unexpected && $0.key != .duplicate }
    }

    @Test(arguments: CARIndex.Format.allCases)
    func `an index leads to its blocks, and to every one`(format: CARIndex.Format) {
        let (bytes, offsets) = Self.payload(Self.blocks)
        let entries = zip(Self.blocks.map(\.cid), offsets).map { ($0, $1) }
        let whole = Self.archive(bytes, Self.index(entries, format))
        for chunk in [1, 7, 10_000] { #expect(Self.harm(whole, chunk: chunk) == [:]) }
        var moved = entries
        moved[2].1 += 1
        var swapped = entries
        (swapped[1].1, swapped[3].1) = (swapped[3].1, swapped[1].1)
        let other = Block(codec: .raw, bytes: [200]).cid
        let cases: [([(CID, UInt64)], [DecodingProblem.Code: Int])] = [
            (Array(entries.dropLast()), [.badIndex: 1]), ([], [.badIndex: 5]),
            // An entry that leads astray, and the block that it should lead to.
            (moved, [.badIndex: 2]), (swapped, [.badIndex: 4]),
            (entries + [(other, offsets[0])], [.badIndex: 1]), (entries + [(other, 1 << 40)], [.badIndex: 1]),
            (entries + [entries[0]], [:]),
        ]
        for (index, (entries, counts)) in cases.enumerated() {
            let bytes = Self.archive(bytes, Self.index(entries, format))
            for chunk in [3, 10_000] { #expect(Self.harm(bytes, chunk: chunk) == counts, "case \(index)") }
        }
    }

    @Test func `an index that is cut off is one problem`() {
        let (bytes, offsets) = Self.payload(Self.blocks)
        let whole = Self.archive(bytes, Self.index(zip(Self.blocks.map(\.cid), offsets).map { ($0, $1) }))
        for end in (CARContainer.length + bytes.count)..<whole.count {
            #expect(Self.harm(Array(whole[..<end])) == [.truncated: 1], "\(end)")
        }
        // Cut in the payload, the index is no second problem; what is missing is told.
        #expect(Self.harm(Array(whole[..<(CARContainer.length + 70)])) == [.truncated: 1, .missing: 1])
        #expect(Self.harm(whole + [1]) == [.extraneous: 1])
    }

    @Test func `an index that cannot be searched is a problem`() throws {
        let (bytes, offsets) = Self.payload(Self.blocks)
        let index = Self.index(zip(Self.blocks.map(\.cid), offsets).map { ($0, $1) })
        // The format, the count of functions, a function, the count of tables, the width of entries, the length of all.
        let rows = index.count - 5 * 40
        for place in [0, 2, 6, 14, 18, 22] {
            var garbage = index
            garbage[place] ^= 0x55
            #expect(Self.harm(Self.archive(bytes, garbage)) != [:], "\(place)")
        }
        let turned = index[..<rows] + index[(rows + 40)...] + index[rows..<(rows + 40)]
        #expect(Self.harm(Self.archive(bytes, Array(turned))) == [.badIndex: 1])
        // By another function than the one that made the digests.
        var function = index
        function[6] = 0x13
        #expect(Self.harm(Self.archive(bytes, function)) == [.badIndex: 10])
        #expect(Self.harm(Self.archive(bytes, [])) == [.truncated: 1])
    }

    @Test func `identity CIDs are in an index that is said to be complete`() {
        let blocks = [Self.blocks[0], Self.inline]
        let (bytes, offsets) = Self.payload(blocks)
        let entries = zip(blocks.map(\.cid), offsets).map { ($0, $1) }
        let partly = Self.index(Array(entries.prefix(1)))
        #expect(Self.harm(Self.archive(bytes, partly)) == [:])
        #expect(Self.harm(Self.archive(bytes, partly, fully: true)) == [.badIndex: 1])
        #expect(Self.harm(Self.archive(bytes, Self.index(entries), fully: true)) == [:])
        #expect(Self.harm(Self.archive(bytes, Self.index(entries))) == [:])
    }

    @Test func `of sections with one hash one is enough`() {
        let blocks = [Self.blocks[0], Self.blocks[1], Self.blocks[0]]
        let (bytes, offsets) = Self.payload(blocks)
        for entries in [[0, 1], [1, 2], [0, 1, 2]] {
            let index = Self.index(entries.map { (blocks[$0].cid, offsets[$0]) })
            #expect(Self.harm(Self.archive(bytes, index)) == [:])
        }
    }

    @Test func `a damaged block is one problem, not one of the index too`() {
        var wrong = Self.blocks
        wrong[1] = Block(cid: wrong[1].cid, bytes: [0, 0])
        let (bytes, offsets) = Self.payload(wrong)
        let index = Self.index(zip(wrong.map(\.cid), offsets).map { ($0, $1) })
        #expect(Self.harm(Self.archive(bytes, index)) == [.wrongHash: 1])
    }

    @Test func `the header of a CARv2 says what there is, and padding is zero`() {
        let (bytes, offsets) = Self.payload(Self.blocks)
        let index = Self.index(zip(Self.blocks.map(\.cid), offsets).map { ($0, $1) })
        let whole = Self.archive(bytes, index)
        #expect(Self.harm(Self.archive(bytes, index, gap: [0, 0, 0])) == [:])
        #expect(Self.harm(Self.archive(bytes, index, gap: [0, 5, 0])) == [.extraneous: 1])
        func changed(_ change: (inout [UInt8]) -> Void) -> [DecodingProblem.Code: Int] {
            var bytes = whole
            change(&bytes)
            return Self.harm(bytes)
        }
        #expect(changed { $0[12] = 1 } == [.malformed: 1])
        #expect(changed { $0[11] = 0x40 } == [.malformed: 1])
        // Complete, and not there.
        let bare = CARContainer(dataSize: UInt64(bytes.count), hasIndex: false, isFullyIndexed: true)
        #expect(Self.harm(bare.encoded + bytes) == [.malformed: 1])
        // The index begins far behind the end of the file, so that what is there is none; or the payload ends there.
        #expect(changed { $0[50] = 1 } == [.truncated: 1, .extraneous: 1])
        #expect(changed { $0[42] = 1 } != [:])
    }

    @Test func `zeros end a payload where that is asked for, as many as there are`() {
        var limits = CARParser.Limits()
        limits.zeroLengthEndsArchive = true
        let (bytes, _) = Self.payload(Self.blocks)
        for count in [1, 2, 100, 20_000] {
            let padded = bytes + [UInt8](repeating: 0, count: count)
            for chunk in [1, 4096] where count * 4096 / chunk < 1 << 20 {
                #expect(report(on: padded, chunk: chunk, limits: limits).counts[.extraneous] == nil)
                #expect(report(on: padded, chunk: chunk, limits: limits).isWhole)
            }
            #expect(report(on: padded).counts[.emptySection] == 1)
            #expect(report(on: padded + [1], limits: limits).counts[.extraneous] == 1)
            // Inside the payload of a CARv2, with an index behind it.
            let wrapped = CARContainer(dataSize: UInt64(padded.count), hasIndex: false).encoded + padded
            #expect(report(on: wrapped, limits: limits).isWhole)
            #expect(report(on: Array(wrapped.dropLast()), limits: limits).counts[.truncated] == 1)
        }
    }

    @Test(arguments: [["roots", "version"], ["version", "roots"]])
    func `the keys of a header may stand in any order, each once`(keys: [String]) throws {
        let cid = Self.blocks[0].cid
        let roots = [0x65] + Array("roots".utf8) + [0x81] + (try Node.link(cid).cbor())
        let version = [0x67] + Array("version".utf8) + [1]
        let both: [UInt8] = keys == ["roots", "version"] ? roots + version : version + roots
        #expect(try CARHeader([0xA2] + both).roots == [cid])
        #expect(throws: DecodingProblem.self) { try CARHeader([0xA3] + both + version) }
        #expect(throws: DecodingProblem.self) { try CARHeader([0xA3] + both + [0x61, 0x61, 1]) }
    }
}
