import Multiformats
import Testing

@Suite struct MultibaseTests {
    /// The names that the public tables use, in the order of the cases.
    static let names: [String: Multibase] = [
        "base2": .base2, "base8": .base8, "base10": .base10, "base16": .base16, "base16upper": .base16Upper,
        "base32": .base32, "base32upper": .base32Upper, "base32pad": .base32Pad, "base32padupper": .base32PadUpper,
        "base32hex": .base32Hex, "base32hexupper": .base32HexUpper, "base32hexpad": .base32HexPad,
        "base32hexpadupper": .base32HexPadUpper, "base32z": .base32Z, "base36": .base36, "base36upper": .base36Upper,
        "base58btc": .base58btc, "base58flickr": .base58flickr, "base64": .base64, "base64pad": .base64Pad,
        "base64url": .base64URL, "base64urlpad": .base64URLPad,
    ]

    @Test(arguments: ["basic", "leading_zero", "two_leading_zeros", "case_insensitivity"])
    func agreesWithThePublicTables(table: String) throws {
        let rows = try Fixtures.table("multibase/tests/\(table).csv")
        let text = try #require(rows.first?.last).replacing("\\x00", with: "\0")
        var checked = 0
        for row in rows.dropFirst() {
            guard let base = Self.names[row[0]], let encoded = row.last else { continue }
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
