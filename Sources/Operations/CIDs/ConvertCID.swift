internal import Multiformats
package import Schema

/// Writes CIDs in base32.
package struct ConvertCID: Operation {
    package static let name = "cid base32"
    package static let summary = "Write CIDs as version 1 in base32."

    package var cids: [String] = []

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "CIDs.", required: true, positional: true)
    ]

    package func run(in kit: Kit) async throws(KitError) -> LinesOutput {
        var lines: [(cid: CID, text: String)] = []
        for text in cids {
            let cid = try parseCID(text).v1
            lines.append((cid, cid.description))
        }
        return LinesOutput(lines: lines)
    }
}
