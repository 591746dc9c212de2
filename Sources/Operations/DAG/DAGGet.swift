internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Writes the value that a path leads to.
package struct DAGGet: Operation {
    package static let name = "dag get"
    package static let summary = "Write the value at a CID, or at a path below one, in another codec or in dag-json."
    package static let details = """
        A path leads through the fields of DAG-CBOR and DAG-JSON, and through the names of UnixFS directories.
        Example: ipfs-kit dag get bafy…/title
        """

    package var path = ""
    package var codec = Codec.dagJSON.name
    package var output: String?
    package var from: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("path", \.path, help: "A CID, or a path below one.", required: true, positional: true),
        Field("output_codec", \.codec, help: "The codec to write in: dag-json, dag-cbor, dag-pb or raw."),
        .newFile(\.output),
        .source(\.from),
    ]

    package func run(in call: Call) async throws(KitError) -> NoOutput {
        let codec = try codecNamed(codec)
        let reader = try await ContentReader(call, from: from, path: path, progress: .silent)
        return try await kitErrors {
            let bytes = try await bytes(codec, reader)
            try await NewFile.made(output, call, help: Hint(DAGGet.self, ["path": path, "output": nil])) { file in
                try await file.append([bytes[...]])
                return []
            }
            return NoOutput()
        }
    }

    private func bytes(_ codec: Codec, _ reader: ContentReader) async throws -> [UInt8] {
        let end = try await reader.end(of: path)
        // What was read leniently is given as it is.
        if let value = end.value { return try value.encoded(as: codec, .lenient) }
        let block = try await reader.block(end.cid)
        do throws(DecodingProblem) {
            let bytes = try recoded(block.bytes, from: block.cid.codec, to: codec, .lenient)
            // Bytes that are in the wanted codec are given as they are, canonical or not.
            return block.cid.codec == codec ? block.bytes : bytes
        } catch {
            let error = error.about(block.cid)
            guard error.code == .wrongKind, block.cid.codec == .dagPB else { throw error }
            let hint = Hint(DAGGet.self, ["path": path, "output_codec": "dag-pb"])
            throw KitError(ExitCode(error.code), error.description, hint: hint, cid: block.cid)
        }
    }
}
