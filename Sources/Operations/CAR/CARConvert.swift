internal import IPLD
package import Schema
internal import Storage

/// Writes an archive as the other version.
package struct CARConvert: ChangingOperation {
    package static let name = "car convert"
    package static let summary = "Write a CAR as version 1 or 2, with or without an index, each block checked."
    package static let details = """
        Sections stay byte for byte what they are, and so does a header in its usual form. A CAR of version 2 can be read at \
        random through its index.
        Example: ipfs-kit car convert photos.car --car-version 2 --output indexed.car
        """

    /// The versions of the format.
    package enum Version: String, Sendable, CaseIterable, FieldChoice {
        case one = "1"
        case two = "2"
    }

    /// How the index is written.
    package enum Index: String, Sendable, CaseIterable, FieldChoice {
        case multihashSorted = "multihash-sorted"
        case sorted, none
    }

    package var file = ""
    package var output = ""
    package var carVersion = Version.two
    package var index = Index.multihashSorted
    package var form = ArchiveForm()
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            .archive(\.file),
            .newFile(\.output),
            Field("car_version", \.carVersion, help: "The version to write."),
            Field("index", \.index, help: "The index of a version 2; version 1 has none."),
            .dryRun,
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> ArchiveOutput {
        try await kitErrors {
            let input = try await Input(file, call, for: .archive)
            call.progress.began("convert", bytes: input.length)
            defer { call.progress.ended() }
            var writer = CARWriter(CARHeader(roots: []), container)
            var unverifiable = 0
            let length = try await NewFile.made(output, call, isPatched: container != .plain) { file in
                unverifiable = try await form.scan(input).read(call.progress) { header in
                    writer = CARWriter(header, container)
                    try await file.append([writer.beginning[...]])
                } sections: { sections in
                    try await writer.copy(sections, to: file)
                }
                try await file.append([writer.ending[...]])
                return writer.patch
            }
            return ArchiveOutput(writer, output, bytes: length, unverifiable, isDryRun: dryRun)
        }
    }

    private var container: CARWriter.Form {
        switch (carVersion, index) {
        case (.one, _): .plain
        case (.two, .multihashSorted): .container(index: .multihashSorted)
        case (.two, .sorted): .container(index: .sorted)
        case (.two, .none): .container(index: nil)
        }
    }
}
