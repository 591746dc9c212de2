internal import Catalog
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Schema
internal import Synchronization

/// Writes the index of a backend as a CAR of DAG-CBOR blocks.
final class IndexCAR: Sendable {
    private let file: CARFileWriter
    private let pages: Mutex<PagedRows>
    private let backend: String
    private let time: Timestamp

    init(path: String, backend: String, at time: Timestamp) throws {
        file = try CARFileWriter(path: path)
        pages = Mutex(PagedRows(backend: backend))
        self.backend = backend
        self.time = time
    }

    /// Writes rows.
    func add(_ rows: MappingColumns) throws {
        try pages.withLock { pages in
            for row in 0..<rows.count { try pages.add(row, of: rows) { try file.append($0) } }
        }
    }

    /// Closes the pages, writes the root, and waits until all of it is on the disk.
    ///
    /// - Returns: the number of rows.
    func finish() throws -> Int {
        let (count, links) = try pages.withLock { pages in
            let links = try pages.finish { try file.append($0) }
            return (pages.count, links)
        }
        let root = Block(
            codec: .dagCBOR,
            bytes: try Node.map([
                .init("version", .integer(1)), .init("format", .string("pin_mappings_car")),
                .init("created_at", .string(time.description)), .init("backend_name", .string(backend)),
                .init("count", .integer(Int128(count))), .init("pages", links),
            ]).cbor()
        )
        try file.append(root)
        try file.finish(root: root.cid)
        return count
    }
}
