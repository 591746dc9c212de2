internal import Multiformats
package import Schema

/// Takes a CID apart.
package struct DescribeCID: Operation {
    package static let name = "cid info"
    package static let summary = "Say what a CID is made of, and whether content may be addressed by it."

    package var cid = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "A CID in any form.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let cid = try parseCID(cid)
        do throws(FormatProblem) {
            try cid.hash.checkAllowed()
            return Output(cid: cid, refusal: nil)
        } catch {
            return Output(cid: cid, refusal: error.message)
        }
    }

    /// The parts of a CID.
    package struct Output: OperationOutput {
        let cid: CID
        /// Why content may not be addressed by it, or nil.
        let refusal: String?

        private var digest: String { Multibase.base16.encodeWithoutPrefix(Array(cid.hash.digest)) }

        package var json: JSON {
            [
                "cid": .text(cid), "version": .count(Int(cid.version.rawValue)), "codec": .string(cid.codec.name),
                "codec_code": .count(cid.codec.rawValue), "hash": .string(cid.hash.code.name),
                "hash_code": .count(cid.hash.code.rawValue), "digest_bytes": .count(cid.hash.digest.count),
                "digest": .string(digest), "cid_v0": .text(cid.v0), "cid_v1": .text(cid.v1),
                "is_inline": .bool(cid.inlineContent != nil), "is_allowed": .bool(refusal == nil),
            ]
        }
        package var report: Report {
            Report([
                .facts([
                    .init("CID", cid.description), .init("version", String(cid.version.rawValue)),
                    .init("codec", "\(cid.codec) (0x\(String(cid.codec.rawValue, radix: 16)))"),
                    .init("hash", "\(cid.hash.code) (0x\(String(cid.hash.code.rawValue, radix: 16)))"),
                    .init("digest", "\(digest) (\(cid.hash.digest.count) bytes)"),
                    .init("version 0", cid.v0?.description ?? "none"), .init("version 1", cid.v1.description),
                    .init("for content", refusal ?? "allowed"),
                ])
            ])
        }
    }
}
