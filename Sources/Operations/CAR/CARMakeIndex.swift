internal import IPLD
package import Schema
internal import Storage

/// Writes the index of an archive to a file of its own.
package struct CARMakeIndex: ChangingOperation {
    package static let name = "car index"
    package static let summary = "Write the index of a CAR to a file of its own, each block checked."
    package static let details = """
        It says where the section of each multihash begins, counted from the start of the payload. For an archive that \
        carries its index, there is “car convert”.
        Example: ipfs-kit car index photos.car
        """

    /// How the index is written.
    package enum Format: String, Sendable, CaseIterable, FieldChoice {
        case multihashSorted = "multihash-sorted"
        case sorted
    }

    package var file = ""
    package var output: String?
    package var format = Format.multihashSorted
    package var form = ArchiveForm()
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            .archive(\.file),
            Field(
                "output",
                \.output,
                help: "The file to write, - for standard output; by default the name of the archive with .idx (-o).",
                as: .path,
                aliases: ["o"]
            ),
            Field("format", \.format, help: "The format of the index."),
            .dryRun,
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> ArchiveOutput {
        guard file != "-" || output != nil else {
            throw KitError(.usage, "Standard input has no name that an index could take; --output gives one.")
        }
        let target = output ?? file + ".idx"
        return try await kitErrors {
            let input = try await Input(file, call, for: .archive)
            call.progress.began("index", bytes: input.length)
            defer { call.progress.ended() }
            let container = CARWriter.Form.container(index: format == .sorted ? .sorted : .multihashSorted)
            var writer = CARWriter(CARHeader(roots: []), container)
            var unverifiable = 0
            let length = try await NewFile.made(target, call) { index in
                unverifiable = try await form.scan(input).read(call.progress) { header in
                    writer = CARWriter(header, container)
                } sections: { sections in
                    for section in sections { _ = writer.section(section.cid, length: section.bytes.count) }
                }
                try await index.append([writer.ending[...]])
                return []
            }
            return ArchiveOutput(writer, target, bytes: length, unverifiable, isDryRun: dryRun)
        }
    }
}
