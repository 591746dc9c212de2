internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Writes the value that a path leads to.
package struct DAGGet: Operation {
    package static let name = "dag get"
    package static let summary = "Write the value at a CID, or at a path below one, in another codec or in dag-json."
    package static let details = "Example: ipfs-kit dag get bafy…/Links/0/Hash"

    package var path = ""
    package var codec = Codec.dagJSON.name

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("path", \.path, help: "A CID, or a path below one.", required: true, positional: true),
        Field("output_codec", \.codec, help: "The codec to write in: dag-json, dag-cbor, dag-pb or raw."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> NoOutput {
        let codec = try codecNamed(codec)
        let reader = ContentReader(store: try kit.store(), progress: .silent)
        let bytes = try await kitErrors {
            let end = try await reader.end(of: path)
            // What was read leniently is given as it is.
            if let value = end.value { return try value.encoded(as: codec, .lenient) }
            let block = try await reader.block(end.cid)
            // Bytes that are in the wanted codec are given as they are, canonical or not.
            guard block.cid.codec != codec else { return block.bytes }
            return try Node(decoding: block, .lenient).encoded(as: codec, .lenient)
        }
        try kit.session.write(bytes[...])
        return NoOutput()
    }
}
