import Multiformats
import Testing

@Suite struct MultihashTests {
    @Test func readsThePublicTable() throws {
        for row in try Fixtures.table("multihash/tests/values/test_cases.csv").dropFirst() where row.count == 4 {
            let bytes = try Fixtures.bytes(hex: row[3])
            let hash = try Multihash(bytes: bytes)
            #expect(hash.bytes == bytes)
            #expect(try Multihash(code: hash.code, digest: Array(hash.digest)) == hash)
            // The table hashes the text of its third column, hexadecimal or not.
            let content = Array(row[2].utf8)
            if hash.code == .sha256 { #expect(try hash.verify(content.span)) }
        }
    }

    @Test func verifiesWhatItCanCompute() throws {
        let content: [UInt8] = Array("hello world".utf8)
        let sha = Multihash.sha256(of: content)
        #expect(sha.description == "1220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9")
        #expect(try sha.verify(content.span))
        #expect(try !sha.verify(Array("hello worlD".utf8).span))
        let identity = try Multihash.identity(of: content)
        #expect(try identity.verify(content.span))
        #expect(try !identity.verify(Array("hello".utf8).span))
        #expect(try !identity.verify(Array("hello worlD".utf8).span))
    }

    @Test func namesTheFunctionItCannotCompute() throws {
        let hash = try Multihash(code: HashCode(rawValue: 0x1052), digest: [UInt8](repeating: 1, count: 32))
        let problem = #expect(throws: FormatProblem.self) { try hash.verify([1, 2].span) }
        #expect(problem?.code == .unsupported)
        #expect(problem?.message.contains("0x1052") == true)
    }

    @Test(
        arguments: [
            (0x12, 32, true), (0x12, 20, true), (0x12, 19, false), (0x12, 129, false), (0x00, 0, true),
            (0x00, 128, true),
            (0x00, 129, false), (0x1E, 32, true), (0x22, 20, false), (0xB213, 20, false), (0xB214, 20, true),
            (0xB220, 32, true), (0xB253, 20, false), (0xB254, 20, true), (0xD5, 32, false),
        ] as [(UInt64, Int, Bool)]
    )
    func policyFollowsKubo(code: UInt64, length: Int, allowed: Bool) throws {
        let hash = try Multihash(code: HashCode(rawValue: code), digest: [UInt8](repeating: 7, count: length))
        #expect((try? hash.checkAllowed()) != nil ? allowed : !allowed)
    }

    @Test(
        arguments: [
            ([], .truncated), ([0x12], .truncated), ([0x12, 0x20, 1], .truncated), ([0x00, 0x00, 1], .trailingBytes),
            ([0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], .truncated),
        ] as [([UInt8], FormatProblem.Code)]
    )
    func refusesWhatIsNoMultihash(bytes: [UInt8], code: FormatProblem.Code) {
        let problem = #expect(throws: FormatProblem.self) { try Multihash(bytes: bytes) }
        #expect(problem?.code == code)
    }
}
