internal import IPLD
package import Schema
internal import Storage

/// Joins the shards of an archive.
package struct CARJoin: ChangingOperation {
    package static let name = "car join"
    package static let summary = "Make one CAR of the shards of one, each block checked and written once."
    package static let details = """
        The shards of “car split”, in their order, become the original byte for byte, unless that held a block twice.
        Shards of other tools are joined too: all must name the same roots, or none. Whether every block is there, \
        “car verify” says.
        Example: ipfs-kit car join photos-*.car --output photos.car
        """

    package var files: [String] = []
    package var output = ""
    package var form = ArchiveForm()
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            Field(
                "files",
                \.files,
                help: "The shards, CAR files of either version; one of them may be -, standard input.",
                as: .path,
                required: true,
                positional: true,
                whole: true
            ),
            .newFile(\.output),
            .dryRun,
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> ArchiveOutput {
        try checkInputs(files)
        return try await kitErrors {
            var inputs: [Input] = []
            var headers: [CARHeader] = []
            for name in files {
                // Shards are read twice, which a pipe cannot be.
                let input = try await Input(name, call, for: .archive)
                let file = input.reading(try await input.inFile())
                headers.append(try await form.scan(file).header())
                inputs.append(file)
            }
            call.progress.began("join", bytes: inputs.reduce(0) { $0.plus($1.length ?? 0) })
            defer { call.progress.ended() }
            var writer = CARWriter(try CARHeader(joining: headers), omitsRepeats: true)
            var unverifiable = 0
            let length = try await NewFile.made(output, call) { file in
                try await file.append([writer.beginning[...]])
                for input in inputs {
                    unverifiable += try await form.scan(input).read(call.progress) { _ in
                    } sections: { sections in
                        try await writer.copy(sections, to: file)
                    }
                }
                return []
            }
            return ArchiveOutput(writer, output, bytes: length, unverifiable, isDryRun: dryRun)
        }
    }
}
