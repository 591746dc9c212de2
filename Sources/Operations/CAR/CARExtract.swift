internal import IPLD
internal import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Writes the files that are in an archive.
package struct CARExtract: ChangingOperation {
    package static let name = "car extract"
    package static let summary = "Write the files and directories in a CAR to the disk, each block checked."
    package static let details = """
        Permissions and times that were kept are given back, without the bits that let a program run as somebody else.
        Example: ipfs-kit car extract photos.car --output photos
        """

    package var file = ""
    package var output = ""
    package var path: String?
    package var form = ArchiveForm()
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            .archive(\.file),
            Field(
                "output",
                \.output,
                help: "Where to write; nothing may be there yet. - is standard output, for a file (-o).",
                as: .path,
                required: true,
                aliases: ["o"]
            ),
            Field("path", \.path, help: "A CID or a path below one; by default the only root."),
            .dryRun,
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> WrittenTree {
        try await kitErrors {
            let input = try await Input(file, call, for: .archive)
            let archive = try await ArchiveBlocks(form.scan(input.reading(try await input.inFile())))
            let reader = ContentReader(progress: call.progress) { try await archive.blocks($0) }
            guard let path = path ?? (archive.roots.count == 1 ? archive.roots[0].description : nil) else {
                throw KitError(
                    .usage,
                    "\(file) has \(archive.roots.count) roots; --path says which one is meant.",
                    hint: Hint(CARInspect.self, ["files": file])
                )
            }
            call.progress.began("extract")
            defer { call.progress.ended() }
            let (block, _) = try await reader.resolve(path)
            let help = Hint(CARExtract.self, ["file": file, "output": nil])
            return try await reader.write(block, to: output, call, help: help)
        }
    }
}

/// The blocks of an archive in a file, in any order; each is checked when it is read.
final class ArchiveBlocks: Sendable {
    let roots: [CID]
    private let name: String
    private let file: File
    private let places: [Multihash: (offset: UInt64, length: Int)]

    /// Looks for where every block is; content is read later.
    init(_ scan: ArchiveScan) async throws {
        var roots: [CID] = []
        var places: [Multihash: (offset: UInt64, length: Int)] = [:]
        try await scan.read(verifies: false) { piece in
            if let header = piece.header { roots = header.roots }
            for section in piece.sections {
                places[section.cid.hash] = (UInt64(section.dataOffset), section.bytes.count)
            }
            if let damage = piece.damages.first { throw damage.problem }
        }
        name = scan.input.name
        file = try await scan.input.inFile()
        self.roots = roots
        self.places = places
    }

    /// Blocks in the order of their CIDs; throws where one is not there, or is damaged.
    func blocks(_ cids: [CID]) async throws -> [Block] {
        try await BlockingThreads.shared.run { [self] in
            try cids.map { cid in
                if let content = cid.inlineContent { return Block(cid: cid, bytes: content) }
                guard let place = places[cid.hash] else {
                    try cid.checkLimits(length: 0)
                    throw DecodingProblem(.missing, "The block is not in \(name).", cid: cid)
                }
                let block = Block(cid: cid, bytes: try file.read(at: place.offset, count: place.length))
                try block.verify()
                return block
            }
        }
    }
}
