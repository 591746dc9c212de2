internal import Multiformats
package import Schema

/// Writes CIDs in other forms.
package struct FormatCID: Operation {
    package static let name = "cid format"
    package static let summary = "Write CIDs in another version, base or codec, or parts of them."
    package static let details = """
        The format is a text with parts of the CID: %s the CID, %S without the prefix of its base, %b and %B the base, \
        %v and %V the version, %c and %C the codec, %h and %H the hash function, %L the length of the digest, \
        %m and %M the multihash, %d and %D the digest, %P all of cidv1-codec-hash-length.
        Example: ipfs-kit cid format -v 1 -b base36 QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn
        """

    package var cids: [String] = []
    package var format = "%s"
    package var version: Int?
    package var codec: String?
    package var base: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "CIDs.", required: true, positional: true),
        Field("format", \.format, help: "What to write of each (-f).", aliases: ["f"]),
        Field("cid_version", \.version, help: "The version to change to: 0 or 1 (-v).", aliases: ["v"]),
        Field("codec", \.codec, help: "The codec to change to (--mc).", aliases: ["mc"]),
        Field(
            "base",
            \.base,
            help: "The multibase to write in, such as base32, base36 or base58btc (-b).",
            aliases: ["b"]
        ),
    ]

    package func run(in kit: Kit) async throws(KitError) -> LinesOutput {
        var lines: [(cid: CID, text: String)] = []
        for text in cids {
            let cid = try converted(parseCID(text))
            do throws(FormatProblem) {
                lines.append((cid, try cid.formatted(format, base: try base.map(baseNamed))))
            } catch {
                throw KitError(.usage, error.message)
            }
        }
        return LinesOutput(lines: lines)
    }

    private func converted(_ cid: CID) throws(KitError) -> CID {
        var cid = cid
        if let codec { cid = CID.v1(try codecNamed(codec), cid.hash) }
        switch version {
        case nil: return cid
        case 1: return cid.v1
        case 0:
            guard let old = cid.v0 else {
                throw KitError(.usage, "\(cid) has no version 0: that takes dag-pb and a 32-byte sha2-256.")
            }
            return old
        default: throw KitError(.usage, "There is no CID version \(version ?? 0); 0 and 1 exist.")
        }
    }
}

/// The multibase of that name, which may be its prefix as well.
func baseNamed(_ name: String) throws(FormatProblem) -> Multibase {
    guard let base = Multibase(name: name) else {
        throw FormatProblem(.unknownBase, "There is no multibase “\(name)”; base32, base36 and base58btc are usual.")
    }
    return base
}

/// One text for each CID.
package struct LinesOutput: OperationOutput {
    let lines: [(cid: CID, text: String)]

    package var json: JSON {
        ["cids": .array(lines.map { ["cid": .text($0.cid), "formatted": .string($0.text)] })]
    }
    package var report: Report { Report(lines.map { .line($0.text) }) }
    package var quietLines: [String]? { lines.map(\.text) }
}
