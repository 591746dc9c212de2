import Multiformats
import Testing

@Suite struct CIDTests {
    private struct Texts: Decodable {
        struct Forms: Decodable {
            let cid: String
            let v1base32: String
            let bases: [String: String]
        }
        let cids: [Forms]
    }

    @Test func everyTextOfKuboIsTheSameCID() throws {
        for forms in try Fixtures.kubo(Texts.self, "chunkers-cids-hashes.json").cids {
            let cid = try CID(forms.cid)
            #expect(cid.description == (cid.version == .v0 ? forms.cid : forms.v1base32))
            #expect(cid.v1.description == forms.v1base32)
            for (name, text) in forms.bases {
                guard let base = MultibaseTests.names[name] else { continue }
                #expect(try CID(text) == cid.v1, "\(name)")
                #expect(cid.v1.text(in: base) == text)
            }
            #expect(try CID(bytes: cid.bytes) == cid)
            #expect(try CID(version: cid.version, codec: cid.codec, hash: cid.hash) == cid)
        }
    }

    @Test func versionsConvertWhereTheyCan() throws {
        let old = try CID("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
        #expect(old.version == .v0 && old.codec == .dagPB)
        #expect(old.v1.v0 == old && old.v0 == old && old != old.v1)
        let raw = try CID("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e")
        #expect(raw.v0 == nil && raw.codec == .raw && raw.version == .v1)
        #expect(throws: FormatProblem.self) { try CID(version: .v0, codec: .raw, hash: raw.hash) }
        #expect(try CID("bafkqaaa").inlineContent == [] && raw.inlineContent == nil)
    }

    @Test(arguments: ["", "/ipfs/", "ipfs://", "  "], ["", "/", "\n"])
    func usersMayGivePaths(prefix: String, suffix: String) throws {
        let text = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
        guard suffix != "/" || prefix.contains("ipfs") else { return }
        #expect(try CID(userText: prefix + text + suffix).description == text)
    }

    @Test(
        arguments: [
            ("", .truncated), ("Qm", .unknownBase), ("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N0", .badCharacter),
            ("zQmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", .badVersion), ("bajkqaaa", .badVersion),
            ("f02550000", .badVersion), ("f0155000000", .trailingBytes), ("f015500", .truncated), ("f01", .truncated),
            ("f81005500", .notMinimal), ("b" + String(repeating: "a", count: 3000), .tooLong), ("f", .truncated),
        ] as [(String, FormatProblem.Code)]
    )
    func refusesBadText(text: String, code: FormatProblem.Code) {
        let problem = #expect(throws: FormatProblem.self) { try CID(text) }
        #expect(problem?.code == code, "\(text): \(problem?.message ?? "")")
    }

    @Test func aPathBelowACIDIsNoCID() {
        #expect(throws: FormatProblem.self) { try CID(userText: "/ipfs/bafkqaaa/a") }
    }

    @Test func aStreamGivesOneCIDAfterTheOther() throws {
        let cids = try ["QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "bafkqaaa"].map { try CID($0) }
        var reader = ByteReader(cids.flatMap(\.bytes) + [9])
        #expect(try CID.decode(from: &reader) == cids[0])
        #expect(try CID.decode(from: &reader) == cids[1])
        #expect(reader.remaining == 1)
    }
}
