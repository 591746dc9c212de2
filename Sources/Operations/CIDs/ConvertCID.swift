internal import Multiformats
package import Schema

/// Writes CIDs in base32.
package struct ConvertCID: Operation {
    package static let name = "cid base32"
    package static let summary = "Write CIDs as version 1 in base32."

    package var cids: [String] = []

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "CIDs; without any, those on standard input.", as: .cid, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> ConvertedCIDs {
        try await ConvertedCIDs(cids, call) { cid, _ in (cid.v1, cid.v1.description) }
    }
}
