internal import BlockStore
internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Lists a directory of the store.
package struct List: Operation {
    package static let name = "ls"
    package static let summary = "List the entries of a directory in the store."

    package var path = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("path", \.path, help: "A CID, or a path below one.", required: true, positional: true)
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let store = try kit.store()
        let reader = ContentReader(store: store, progress: .silent)
        return try await kitErrors {
            let (block, _) = try await reader.resolve(path)
            var rows: [Row] = []
            try await reader.entries(of: block) { rows.append(try await Self.row($0, store)) }
            return Output(cid: block.cid, rows: rows)
        }
    }

    /// A row, with the kind and the size where the entry's own block is in the store.
    private static func row(_ entry: DirectoryEntry, _ store: BlockStore) async throws -> Row {
        let name = entry.name
        let block: Block
        do throws(StoreError) {
            block = try await store.get(entry.cid)
        } catch  where [.notFound, .corrupt, .changed].contains(error.code) {
            let kind = error.code == .notFound ? "missing" : "damaged"
            return Row(name: name, cid: entry.cid, kind: kind, size: entry.tsize, target: nil)
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

        package var json: JSON {
            [
                "cid": .text(cid),
                "entries": .array(
                    rows.map {
                        [
                            "name": .name($0.name), "cid": .text($0.cid), "type": .string($0.kind),
                            "size": .count($0.size), "target": $0.target.map { .name($0) } ?? .null,
                        ]
                    }
                ),
            ]
        }
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
