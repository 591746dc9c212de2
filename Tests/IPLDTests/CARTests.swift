import Foundation
import IPLD
import Multiformats
import Testing

@Suite struct CARTests {
    private struct Layout: Decodable {
        struct Part: Decodable {
            let blockOffset: Int
            let offset: Int
            let length: Int
        }
        let blocks: [Part]
    }

    @Test func theExampleOfTheSpecification() throws {
        let folder = try Fixtures.shared("ipld-car-spec/car/fixture/carv1-basic")
        let bytes = try Fixtures.bytes(folder.appending(path: "carv1-basic.car"))
        let json = try Data(contentsOf: folder.appending(path: "carv1-basic.json"))
        let layout = try JSONDecoder().decode(Layout.self, from: json)
        var parser = CARParser()
        parser.feed(bytes)
        var sections: [Int] = []
        var blocks: [Int] = []
        while let event = try parser.next() {
            guard case .section(let section) = event else { continue }
            sections.append(section.offset)
            blocks.append(section.dataOffset)
            let length = CARSection.length(for: section.cid, length: section.bytes.count)
            #expect(length == parser.offset - section.offset)
            _ = try section.links
        }
        try parser.finish()
        #expect(sections == layout.blocks.map(\.offset) && blocks == layout.blocks.map(\.blockOffset))
    }

    @Test(arguments: [
        ("go-car/v2/testdata/sample-v1.car", 1049), ("go-car/v2/testdata/sample-v1-noidentity.car", 1043),
        ("js-car/test/go.car", 8),
    ])
    func publicArchivesAreRead(path: String, count: Int) throws {
        let bytes = try Fixtures.bytes(try Fixtures.shared(path))
        let archive = try Archive(bytes, chunk: 4096, verifies: false)
        #expect(archive.blocks.count == count)
        let written = archive.blocks.reduce(archive.header.encoded) {
            $0 + CARSection.prefix(for: $1.cid, length: $1.bytes.count) + $1.bytes
        }
        #expect(written == bytes)
    }

    @Test(
        arguments: [
            ("v2/testdata/sample-v1-with-zero-len-section.car", .emptySection),
            ("v2/testdata/sample-v1-with-zero-len-section2.car", .emptySection),
            ("v2/testdata/sample-v1-tailing-corrupt-section.car", .truncated),
            ("v2/testdata/sample-rootless-v42.car", .badVersion),
            ("v2/testdata/sample-corrupt-pragma.car", .truncated),
            ("cmd/car/testdata/inputs/badheaderlength.car", .tooLarge),
            ("cmd/car/testdata/inputs/badsectionlength.car", .tooLarge),
        ] as [(String, DecodingProblem.Code)]
    )
    func publicFaultsHaveTheirCodes(path: String, code: DecodingProblem.Code) throws {
        let bytes = try Fixtures.bytes(try Fixtures.shared("go-car").appending(path: path))
        let problem = #expect(throws: DecodingProblem.self) { try Archive(bytes, verifies: false) }
        #expect(problem?.code == code, "\(problem?.message ?? "")")
    }

    static let header = "a265726f6f747380" + "6776657273696f6e01"

    @Test(
        arguments: [
            ("", .truncated), ("11", .truncated), ("80", .truncated), ("00", .malformed), ("8100", .malformed),
            ("01f6", .malformed), ("0aa16776657273696f6e01", .badRoots), ("0aa16776657273696f6e02", .truncated),
            ("0aa16776657273696f6e03", .badVersion), ("0aa16776657273696f6ef6", .malformed),
            ("11" + "a265726f6f747301" + "6776657273696f6e01", .badRoots),
            ("12" + "a265726f6f747381f6" + "6776657273696f6e01", .badRoots),
            ("11" + header + "00", .emptySection), ("11" + header + "05", .truncated),
            ("11" + header + "020155", .malformed), ("11" + header + "80808004", .truncated),
            ("11" + header + "81808004", .tooLarge), ("11" + header + "ffffffffffffffffff01", .malformed),
            ("11" + header + "050155000061", .wrongHash), ("11" + header + "06015500016161", .valid),
            ("11" + header, .valid), ("80808010" + "00", .truncated), ("81808010" + "00", .tooLarge),
        ] as [(String, Expected)]
    )
    func faultsHaveTheirCodes(hex: String, expected: Expected) throws {
        let bytes = try Fixtures.bytes(hex: hex)
        for chunk in [1, 3, Int.max] {
            var found: DecodingProblem.Code?
            do throws(DecodingProblem) { _ = try Archive(bytes, chunk: chunk) } catch { found = error.code }
            #expect(found == expected.code)
        }
    }

    /// A fault, or none.
    enum Expected: Sendable {
        case valid, truncated, malformed, badRoots, badVersion, emptySection, tooLarge, wrongHash

        var code: DecodingProblem.Code? { DecodingProblem.Code(rawValue: "\(self)") }
    }

    @Test func aWrongBlockIsNamed() throws {
        let good = Block(codec: .raw, bytes: [1, 2, 3])
        let bytes = CARHeader(roots: [good.cid]).encoded + CARSection.prefix(for: good.cid, length: 3) + [1, 2, 4]
        let problem = #expect(throws: DecodingProblem.self) { try Archive(bytes) }
        #expect(problem?.code == .wrongHash && problem?.cid == good.cid)
        #expect(problem?.message.contains(good.cid.description) == true)
    }
}
