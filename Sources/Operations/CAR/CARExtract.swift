internal import IPLD
internal import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Writes the files that are in an archive.
package struct CARExtract: Operation {
    package static let name = "car extract"
    package static let summary = "Write the files and directories in a CAR to the disk, each block checked."
    package static let details = """
        Permissions and times that were kept are given back, without the bits that let a program run as somebody else.
        Example: ipfs-kit car extract photos.car --output photos
        """
    package static let changes = true

    package var file = ""
    package var output = ""
    package var path: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("file", \.file, help: "The CAR file, of either version.", required: true, positional: true),
        Field(
            "output",
            \.output,
            help: "Where to write; nothing may be there yet (-o).",
            required: true,
            aliases: ["o"]
        ),
        Field("path", \.path, help: "A CID or a path below one; by default the only root."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        guard try !kit.home.holds(output) else {
            throw KitError(.refused, "\(output) is there already.", hint: "ipfs-kit car extract \(file) --output OTHER")
        }
        return try await kitErrors {
            let archive = try await ArchiveBlocks(file)
            let reader = ContentReader(progress: kit.session.progress) { try await archive.blocks($0) }
            guard let path = path ?? (archive.roots.count == 1 ? archive.roots[0].description : nil) else {
                throw KitError(
                    .usage,
                    "\(file) has \(archive.roots.count) roots; --path says which one is meant.",
                    hint: "ipfs-kit car inspect \(file)"
                )
            }
            kit.session.progress.began("extract")
            defer { kit.session.progress.ended() }
            let (block, _) = try await reader.resolve(path)
            try await reader.extract(block, to: output)
            return Output(cid: block.cid.description, path: output)
        }
    }

    /// What was written.
    package struct Output: OperationOutput {
        let cid: String
        let path: String

        package var json: JSON { ["cid": .string(cid), "path": .string(path)] }
        package var report: Report { Report("Wrote \(cid) to \(path).") }
    }
}

/// The blocks of an archive in a file, in any order; each is checked when it is read.
final class ArchiveBlocks: Sendable {
    let roots: [CID]
    private let file: File
    private let places: [Multihash: (offset: UInt64, length: Int)]

    /// Looks for where every block is; content is read later.
    init(_ path: String) async throws {
        let file = try File(path, .read)
        let (roots, places) = try await BlockingThreads.shared.run { try Self.scan(file) }
        self.file = file
        self.roots = roots
        self.places = places
    }

    private static func scan(_ file: File) throws -> ([CID], [Multihash: (offset: UInt64, length: Int)]) {
        var parser = CARParser(verifiesBlocks: false)
        var roots: [CID] = []
        var places: [Multihash: (offset: UInt64, length: Int)] = [:]
        var position: UInt64 = 0
        while true {
            let chunk = try file.read(at: position, count: 4 << 20)
            if chunk.isEmpty { break }
            position += UInt64(chunk.count)
            parser.feed(chunk)
            while let event = try parser.next() {
                switch event {
                case .header(let header): roots = header.roots
                case .section(let section):
                    places[section.cid.hash] = (UInt64(section.dataOffset), section.bytes.count)
                }
            }
        }
        try parser.finish()
        return (roots, places)
    }

    /// Blocks in the order of their CIDs; throws where one is not there, or is damaged.
    func blocks(_ cids: [CID]) async throws -> [Block] {
        try await BlockingThreads.shared.run { [self] in
            try cids.map { cid in
                if let content = cid.inlineContent { return Block(cid: cid, bytes: content) }
                guard let place = places[cid.hash] else {
                    throw DecodingProblem(.missing, "The block is not in \(file.path).", cid: cid)
                }
                let block = Block(cid: cid, bytes: try file.read(at: place.offset, count: place.length))
                try block.verify()
                return block
            }
        }
    }
}
