internal import Multiformats
package import Schema

/// Writes CIDs in other forms.
package struct FormatCID: Operation {
    package static let name = "cid format"
    package static let summary = "Write CIDs in another version, base or codec, or parts of them."
    package static let details = """
        The format is a text with parts of the CID: %s the CID, %S without the prefix of its base, %b and %B the base, \
        %v and %V the version, %c and %C the codec, %h and %H the hash function, %L the length of the digest, \
        %m and %M the multihash, %d and %D the digest, %P all of cidv1-codec-hash-length. A CID keeps the base that it \
        is given in; with another one, it becomes one of version 1.
        Example: ipfs-kit cid format -v 1 -b base36 QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn
        """

    package var cids: [String] = []
    package var format = "%s"
    package var version: Int?
    package var codec: String?
    package var base: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "CIDs; without any, those on standard input.", as: .cid, positional: true),
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

    package func run(in call: Call) async throws(KitError) -> ConvertedCIDs {
        let (target, codec, base): (CID.Version?, Codec?, Multibase?)
        do throws(FormatProblem) {
            (target, codec, base) = (try self.target(), try self.codec.map(codecByName), try self.base.map(baseNamed))
            guard target != .v0 || codec ?? .dagPB == .dagPB && base ?? .base58btc == .base58btc else {
                throw FormatProblem(.badVersion, "CIDs of version 0 are dag-pb and written in base58btc.")
            }
            // What is wrong with the format is wrong for all.
            _ = try CID.v1(.raw, .sha256(of: [UInt8]())).formatted(format, base: base)
        } catch {
            throw KitError(.usage, error.message)
        }
        return try await converted(call, target, codec, base)
    }

    private func converted(
        _ call: Call,
        _ version: CID.Version?,
        _ codec: Codec?,
        _ base: Multibase?
    ) async throws(KitError) -> ConvertedCIDs {
        try await ConvertedCIDs(cids, call) { (given, own) throws(FormatProblem) in
            var cid = given
            if let codec, codec != cid.codec { cid = CID.v1(codec, cid.hash) }
            switch version ?? (base == nil ? cid.version : .v1) {
            case .v1: cid = cid.v1
            case .v0:
                guard let old = cid.v0 else {
                    throw FormatProblem(
                        .badVersion,
                        "\(cid) has no version 0: that takes dag-pb and a 32-byte sha2-256."
                    )
                }
                cid = old
            }
            let base = cid.version == .v0 ? .base58btc : base ?? own
            return (cid, try cid.formatted(format, base: base))
        }
    }

    private func target() throws(FormatProblem) -> CID.Version? {
        guard format.contains("%") else {
            throw FormatProblem(.badCharacter, "The format “\(format)” has no part of a CID, such as %s.")
        }
        guard let version else { return nil }
        guard let target = UInt8(exactly: version).flatMap({ CID.Version(rawValue: $0) }) else {
            throw FormatProblem(.badVersion, "There is no CID version \(version); 0 and 1 exist.")
        }
        return target
    }
}

/// The codec that has this name in the multicodec table.
private func codecByName(_ name: String) throws(FormatProblem) -> Codec {
    guard let codec = Codec(name: name) else {
        throw FormatProblem(.unsupported, "There is no codec “\(name)”; raw, dag-pb and dag-cbor are usual ones.")
    }
    return codec
}

/// The multibase of that name, which may be its prefix as well.
func baseNamed(_ name: String) throws(FormatProblem) -> Multibase {
    guard let base = Multibase(name: name) else {
        throw FormatProblem(.unknownBase, "There is no multibase “\(name)”; base32, base36 and base58btc are usual.")
    }
    return base
}
