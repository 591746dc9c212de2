internal import Multiformats
package import Schema

/// Takes a CID apart.
package struct DescribeCID: Operation {
    package static let name = "cid info"
    package static let summary = "Say what a CID is made of, and whether content may be addressed by it."

    package var cid = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "A CID in any form.", as: .cid, required: true, positional: true)
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

        package static let outputFields: [OutputField<Self>] = [
            OutputField("cid", "The CID.") { $0.cid },
            OutputField("version", "Its version.") { Int($0.cid.version.rawValue) },
            OutputField("codec", "The name of the codec of the block.") { $0.cid.codec.name },
            OutputField("codec_code", "The code of that codec.") { $0.cid.codec.rawValue },
            OutputField("hash", "The name of the hash.") { $0.cid.hash.code.name },
            OutputField("hash_code", "The code of that hash.") { $0.cid.hash.code.rawValue },
            OutputField("digest_bytes", "The length of the digest.", in: .bytes) { $0.cid.hash.digest.count },
            OutputField("digest", "The digest, in hexadecimal.") { $0.digest },
            OutputField("cid_v0", "The same content as a CID of version 0; null where there is none.") { $0.cid.v0 },
            OutputField("cid_v1", "The same content as a CID of version 1.") { $0.cid.v1 },
            OutputField("is_inline", "Whether the CID holds the content itself.") { $0.cid.inlineContent != nil },
            OutputField("is_allowed", "Whether content with this hash is taken.") { $0.refusal == nil },
        ]
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
