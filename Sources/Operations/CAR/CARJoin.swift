internal import IPLD
package import Schema
internal import Storage

/// Joins the shards of an archive.
package struct CARJoin: Operation {
    package static let name = "car join"
    package static let summary = "Make one CAR of the shards of one, each block checked and written once."
    package static let details = """
        The shards of “car split”, in their order, become the original byte for byte, unless that held a block twice.
        Shards of other tools are joined too: all must name the same roots, or none. Whether every block is there,
        “car verify” says.
        Example: ipfs-kit car join photos-*.car --output photos.car
        """
    package static let changes = true

    package var files: [String] = []
    package var output = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "files",
            \.files,
            help: "The shards, CAR files of either version.",
            required: true,
            positional: true
        ),
        Field(
            "output",
            \.output,
            help: "The file to write; nothing may be there yet (-o).",
            required: true,
            aliases: ["o"]
        ),
    ]

    package func run(in kit: Kit) async throws(KitError) -> ArchiveOutput {
        guard !files.contains("-") else {
            throw KitError(.usage, "Shards are read twice, which standard input cannot be.")
        }
        return try await kitErrors {
            var headers: [CARHeader] = []
            var length: UInt64 = 0
            for name in files {
                let shard = ArchiveScan(input: try Input(name, kit.session))
                headers.append(try await shard.header())
                length += shard.input.length ?? 0
            }
            kit.session.progress.began("join", bytes: length)
            defer { kit.session.progress.ended() }
            var writer = CARWriter(try CARHeader(joining: headers), omitsRepeats: true)
            var file = try NewFile(output)
            do {
                try await file.append([writer.beginning[...]])
                var unverifiable = 0
                for name in files {
                    let shard = ArchiveScan(input: try Input(name, kit.session))
                    unverifiable += try await shard.read(kit.session.progress) { _ in
                    } sections: { sections in
                        try await writer.copy(sections, to: &file)
                    }
                }
                return try await ArchiveOutput(writer, file.finish(), unverifiable)
            } catch {
                file.discard()
                throw error
            }
        }
    }
}

extension ArchiveOutput {
    /// Gives a file its name, and says what is in it.
    init(_ writer: CARWriter, _ file: NewFile.Whole, _ unverifiable: Int) throws {
        try NewFile.checkAbsence(file.path)
        try file.appear()
        self.init(
            path: file.path,
            roots: writer.header.roots,
            blocks: writer.blocks,
            bytes: file.length,
            unverifiable: unverifiable
        )
    }
}
