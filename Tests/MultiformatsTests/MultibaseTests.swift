import Multiformats
import Testing

@Suite struct MultibaseTests {
    @Test(arguments: ["basic", "leading_zero", "two_leading_zeros", "case_insensitivity"])
    func agreesWithThePublicTables(table: String) throws {
        let rows = try Fixtures.table("multibase/tests/\(table).csv")
        let text = try #require(rows.first?.last).replacing("\\x00", with: "\0")
        var checked = 0
        for row in rows.dropFirst() {
            guard let base = Multibase(name: row[0]), let encoded = row.last else { continue }
            let (found, bytes) = try Multibase.decode(encoded)
            #expect(found == base)
            #expect(bytes == Array(text.utf8), "\(row[0])")
            if table != "case_insensitivity" { #expect(base.encode(bytes) == encoded) }
            checked += 1
        }
        #expect(checked >= 12)
    }

    @Test(arguments: Multibase.allCases)
    func everyLengthComesBack(base: Multibase) throws {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let (found, back) = try Multibase.decode(base.encode(bytes))
            #expect(found == base && back == bytes)
            #expect(try base.decodeWithoutPrefix(base.encodeWithoutPrefix(bytes)) == bytes)
        }
    }

    @Test(
        arguments: [
            ("", .truncated), ("!abc", .unknownBase), ("b1", .badCharacter), ("b8", .badCharacter),
            ("baa=", .badCharacter),
            ("bab", .badPadding), ("ba", .badPadding), ("baaa", .badPadding), ("f0", .badPadding), ("cme", .badPadding),
            ("cme=====", .badPadding), ("MYQ=", .badPadding), ("MYQ===", .badPadding), ("z0", .badCharacter),
            ("z" + String(repeating: "2", count: 5000), .tooLong), ("é", .unknownBase), ("bé", .badCharacter),
        ] as [(String, FormatProblem.Code)]
    )
    func refusesBadText(text: String, code: FormatProblem.Code) {
        let problem = #expect(throws: FormatProblem.self) { try Multibase.decode(text) }
        #expect(problem?.code == code)
    }
}
