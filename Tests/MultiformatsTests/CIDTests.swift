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
                guard let base = Multibase(name: name) else { continue }
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

@Suite struct CIDFormatTextTests {
    static let cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"

    /// What `ipfs cid format` of Kubo 0.42 documents for each part.
    @Test(
        arguments: [
            ("%s", nil, cid), ("%%%v", nil, "%cidv1"), ("%P", nil, "cidv1-dag-pb-sha2-256-32"),
            ("%V %c %C %h %H %L", nil, "1 dag-pb 112 sha2-256 18 32"), ("%b %B", Multibase.base36, "base36 k"),
            ("%S", nil, String(cid.dropFirst())),
        ] as [(String, Multibase?, String)]
    )
    func partsAreThoseOfKubo(format: String, base: Multibase?, text: String) throws {
        #expect(try CID(Self.cid).formatted(format, base: base) == text)
    }

    @Test func unknownPartsAndBasesOfVersion0AreRefused() throws {
        let old = try CID("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")
        #expect(try old.formatted("%s %b") == "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn base58btc")
        for (format, base) in [("%s", Multibase.base32), ("%x", nil), ("%", nil)] {
            #expect(throws: FormatProblem.self) { try old.formatted(format, base: base) }
        }
    }

    @Test(arguments: Multibase.allCases)
    func everyBaseIsReadBack(base: Multibase) throws {
        let cid = try CID(Self.cid)
        #expect(try CID(cid.formatted("%s", base: base)) == cid)
        #expect(Multibase(name: base.name) == base)
    }
}
