internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Lists a directory.
package struct List: Operation {
    package static let name = "ls"
    package static let summary = "List the entries of a directory in the store, or on a backend."

    package var path = ""
    package var from: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("path", \.path, help: "A CID, or a path below one.", required: true, positional: true),
        .source(\.from),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let reader = try await ContentReader(call, from: from, path: path, progress: .silent)
        return try await kitErrors {
            let (block, _) = try await reader.resolve(path)
            var rows: [Row] = []
            var waiting: [DirectoryEntry] = []
            func list() async throws {
                rows += try await Self.rows(waiting, reader)
                waiting = []
            }
            try await reader.entries(of: block) { entry in
                waiting.append(entry)
                if waiting.count == Self.atOnce { try await list() }
            }
            try await list()
            return Output(cid: block.cid, rows: rows)
        }
    }

    /// How many entries are looked at together.
    private static let atOnce = 64

    /// Rows, with the kind and the size where the entry's own block is there.
    private static func rows(_ entries: [DirectoryEntry], _ reader: ContentReader) async throws -> [Row] {
        // What a raw block is, its CID says, and its directory how long it is: none is fetched from afar for that.
        let wanted = entries.filter { !(reader.isFar && $0.cid.codec == .raw) }.map(\.cid)
        var blocks: [CID: Result<Block, any Error>] = [:]
        do {
            for block in try await reader.blocks(wanted) { blocks[block.cid] = .success(block) }
        } catch let error where Self.loss(error) != nil {
            for cid in wanted {
                do {
                    blocks[cid] = .success(try await reader.block(cid))
                } catch {
                    blocks[cid] = .failure(error)
                }
            }
        }
        return try entries.map { try row($0, blocks[$0.cid]) }
    }

    /// What to call a block that could not be had; nil where the failure says nothing of the block.
    private static func loss(_ error: any Error) -> String? {
        switch KitError(any: error).code {
        case .notFound: "missing"
        case .verification: "damaged"
        default: nil
        }
    }

    private static func row(_ entry: DirectoryEntry, _ found: Result<Block, any Error>?) throws -> Row {
        let name = entry.name
        let block: Block
        switch found {
        case nil: return Row(name: name, cid: entry.cid, kind: "file", size: entry.tsize, target: nil)
        case .failure(let error)?:
            guard let kind = loss(error) else { throw error }
            return Row(name: name, cid: entry.cid, kind: kind, size: entry.tsize, target: nil)
        case .success(let found)?: block = found
        }
        switch try UnixFSEntry(block) {
        case .file(let size), .raw(let size):
            return Row(name: name, cid: entry.cid, kind: "file", size: size, target: nil)
        case .directory, .shardedDirectory:
            return Row(name: name, cid: entry.cid, kind: "directory", size: entry.tsize, target: nil)
        case .symlink(let target):
            return Row(name: name, cid: entry.cid, kind: "symlink", size: nil, target: target)
        case .other(let codec):
            return Row(name: name, cid: entry.cid, kind: codec.description, size: entry.tsize, target: nil)
        }
    }

    struct Row: Sendable {
        let name: [UInt8]
        let cid: CID
        let kind: String
        let size: UInt64?
        let target: [UInt8]?

        init(name: [UInt8], cid: CID, kind: String, size: UInt64?, target: [UInt8]?) {
            (self.name, self.cid, self.kind, self.target) = (name, cid, kind, target)
            // What somebody says beyond all reason is no size.
            self.size = size.flatMap { $0 <= UInt64(Int64.max) ? $0 : nil }
        }
    }

    /// The entries of a directory.
    package struct Output: OperationOutput {
        let cid: CID
        let rows: [Row]

        package static let outputFields: [OutputField<Self>] = [
            OutputField("cid", "The directory, or the file.") { $0.cid },
            .list(
                "entries",
                "What is in it.",
                of: [
                    OutputField("name", "Its name.") { NameShown($0.name) },
                    OutputField("cid", "Its CID.") { $0.cid },
                    OutputField("type", "What it is; null where that is not known.") { $0.kind },
                    OutputField("size_bytes", "How long it is.", in: .bytes) { $0.size },
                    OutputField("target", "Where a symbolic link leads.") { row in row.target.map { NameShown($0) } },
                ]
            ) { $0.rows },
        ]
        package var report: Report {
            Report([
                .table(
                    [.init("CID", mayShrink: true), .init("SIZE", number: true), .init("NAME", mayShrink: true)],
                    rows: rows.map { row in
                        let mark = row.kind == "directory" ? "/" : row.target.map { " -> \(shownName($0))" } ?? ""
                        return [row.cid.description, row.size.map(String.init) ?? "-", shownName(row.name) + mark]
                    }
                )
            ])
        }
    }
}
