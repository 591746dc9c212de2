package import Catalog
internal import Digests
internal import IPLD
internal import Multiformats
internal import Parquet
internal import POSIX
internal import Schema
internal import Synchronization

/// The index of a backend as files for people, query engines and IPFS tools: snapshots of the catalog.
package struct IndexFiles: Sendable {
    /// The folder of the backend in the kit home.
    package let folder: String
    let backend: String

    /// The index files of `backend`, below the folder `backends` of the kit home.
    package init(backends: String, backend: String) {
        folder = backends + "/" + backend
        self.backend = backend
    }

    /// Writes both files anew from the catalog: a reader sees the old file or the new one, whole.
    ///
    /// Writers take turns, and each reads the catalog after it was its turn: the last one has everything in.
    package func write(from catalog: Catalog) async throws(ReplicationError) {
        try await translating {
            let lock = try await BlockingThreads.shared.run { () throws(FileError) in
                try makeDirectory(folder)
                let lock = try File.ofLock(folder + "/.lock")
                try lock.lock()
                // With the lock in hand nobody else is writing here: what is there is from a run that was killed.
                removeLeftovers(in: folder, unchangedFor: 0)
                return lock
            }
            let (parquet, car) = (folder + "/pin_mappings.parquet", folder + "/pin_mappings.car")
            let (newParquet, newCAR) = (temporaryName(beside: parquet), temporaryName(beside: car))
            defer {
                try? removeFile(newParquet)
                try? removeFile(newCAR)
            }
            // Arrow writes over what is there, and leaves its permissions: it is open to its owner only.
            _ = try File(newParquet, .createNew)
            let writer = try IndexWriter(backend: backend, parquet: newParquet, car: newCAR, now: catalog.time)
            try await catalog.eachMapping(on: backend) { rows in try writer.add(rows) }.get()
            try await BlockingThreads.shared.run { () throws(FileError) in
                try writer.finish()
                try File(newParquet, .read).syncData()
                try renameFile(newParquet, to: parquet)
                try renameFile(newCAR, to: car)
                try syncDirectory(folder)
            }
            withExtendedLifetime(lock) {}
        }
    }
}

/// Writes the rows of an index into both files as they come.
private final class IndexWriter: Sendable {
    private struct State: ~Copyable {
        var parquet: ParquetWriter
        var pages = PagedRows()
    }

    private let state: Mutex<State?>
    private let car: CARFileWriter
    private let backend: String
    private let now: Timestamp

    init(backend: String, parquet: String, car: String, now: Timestamp) throws {
        self.backend = backend
        self.now = now
        let writer = try ParquetWriter(
            path: parquet,
            columns: Self.columns,
            metadata: [
                ("ipfs_kit.format", "pin_mappings"), ("ipfs_kit.version", "1"), ("ipfs_kit.backend_name", backend),
            ]
        )
        state = Mutex(State(parquet: writer))
        self.car = try CARFileWriter(path: car)
    }

    private static let columns = [
        ParquetColumn("cid", .utf8), ParquetColumn("car_file_path", .utf8), ParquetColumn("backend_name", .utf8),
        ParquetColumn("created_at", .timestampMillis), ParquetColumn("status", .utf8),
        ParquetColumn("metadata", .utf8), ParquetColumn("name", .utf8),
        ParquetColumn("size_bytes", .int64, optional: true), ParquetColumn("block_count", .int64, optional: true),
        ParquetColumn("car_sha256", .utf8, optional: true),
        ParquetColumn("verified_at", .timestampMillis, optional: true),
        ParquetColumn("verify_method", .utf8, optional: true), ParquetColumn("updated_at", .timestampMillis),
    ]

    func add(_ rows: [Mapping]) throws {
        try state.withLock { state in
            guard var open = state.take() else { return }
            try open.parquet.write([
                .utf8(ParquetTexts(rows.map { $0.cid.description })), .utf8(ParquetTexts(rows.map(\.path))),
                .utf8(ParquetTexts(rows.map(\.backend))),
                .timestampMillis(ParquetNumbers(rows.map { $0.createdAt.milliseconds })),
                .utf8(ParquetTexts(rows.map { $0.status.rawValue })), .utf8(ParquetTexts(rows.map(\.metadata))),
                .utf8(ParquetTexts(rows.map(\.name))),
                .int64(ParquetNumbers(rows.map { $0.size.map { Int64(clamping: $0) } })),
                .int64(ParquetNumbers(rows.map { $0.blockCount.map { Int64(clamping: $0) } })),
                .utf8(ParquetTexts(rows.map { $0.carSHA256.map { hex($0) } })),
                .timestampMillis(ParquetNumbers(rows.map { $0.evidence?.at.milliseconds })),
                .utf8(ParquetTexts(rows.map { $0.evidence?.method })),
                .timestampMillis(ParquetNumbers(rows.map { $0.updatedAt.milliseconds })),
            ])
            for row in rows { try open.pages.add(row.node, cid: row.cid) { try car.append($0) } }
            state = consume open
        }
    }

    func finish() throws(FileError) {
        do {
            guard var open = state.withLock({ $0.take() }) else { return }
            let root = try indexRoot(backend, &open.pages, at: now) { try car.append($0) }
            try open.parquet.close()
            try car.finish(root: root)
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError("write the index files of", backend, 5)
        }
    }
}

/// Closes the pages of an index and makes its root.
func indexRoot(
    _ backend: String,
    _ pages: inout PagedRows,
    at time: Timestamp,
    emit: (Block) throws -> Void
) throws -> CID {
    let links = try pages.finish(emit: emit)
    let root = Block(
        codec: .dagCBOR,
        bytes: try Node.map([
            .init("version", .integer(1)), .init("format", .string("pin_mappings_car")),
            .init("created_at", .string(time.description)), .init("backend_name", .string(backend)),
            .init("count", .integer(Int128(pages.count))), .init("pages", links),
        ]).cbor()
    )
    try emit(root)
    return root.cid
}
