internal import Catalog
internal import Digests
internal import Parquet
internal import POSIX
internal import Synchronization

/// Writes the index of a backend as a Parquet file.
final class IndexParquet: Sendable {
    private let writer: Mutex<ParquetWriter?>
    private let backend: String

    init(path: String, backend: String) throws {
        self.backend = backend
        // Arrow writes over what is there, and leaves its permissions: it is open to its owner only.
        _ = try File(path, .createNew)
        let writer = try ParquetWriter(
            path: path,
            columns: Self.columns,
            metadata: [
                ("ipfs_kit.format", "pin_mappings"), ("ipfs_kit.version", "1"), ("ipfs_kit.backend_name", backend),
            ]
        )
        self.writer = Mutex(writer)
    }

    private static let columns = [
        ParquetColumn("cid", .utf8), ParquetColumn("car_file_path", .utf8),
        ParquetColumn("backend_name", .utf8, repeats: true), ParquetColumn("created_at", .timestampMillis),
        ParquetColumn("status", .utf8, repeats: true), ParquetColumn("metadata", .utf8, repeats: true),
        ParquetColumn("name", .utf8), ParquetColumn("size_bytes", .int64, optional: true),
        ParquetColumn("block_count", .int64, optional: true, repeats: true),
        ParquetColumn("car_sha256", .utf8, optional: true),
        ParquetColumn("verified_at", .timestampMillis, optional: true),
        ParquetColumn("verify_method", .utf8, optional: true, repeats: true),
        ParquetColumn("updated_at", .timestampMillis),
    ]

    /// Writes rows, as a group of their own.
    func add(_ rows: MappingColumns) throws {
        try writer.withLock { writer in
            guard var open = writer.take() else { return }
            try open.write([
                .utf8(texts(rows.cidTexts)), .utf8(texts(rows.paths)),
                .utf8(backends(rows.count)),
                .timestampMillis(ParquetNumbers(values: rows.createdAt, valid: nil)),
                .utf8(texts(rows.statuses)), .utf8(texts(rows.metadata)), .utf8(texts(rows.names)),
                .int64(numbers(rows.sizes)), .int64(numbers(rows.blockCounts)), .utf8(digests(rows)),
                .timestampMillis(numbers(rows.verifiedAt)),
                .utf8(texts(rows.verifyMethods, valid: rows.verifiedAt.valid)),
                .timestampMillis(ParquetNumbers(values: rows.updatedAt, valid: nil)),
            ])
            writer = consume open
        }
    }

    /// Writes the end of the file, and waits until all of it is on the disk.
    func finish(path: String) throws {
        guard let open = writer.withLock({ $0.take() }) else { return }
        try open.close()
        try File(path, .read).syncData()
    }

    private func texts(_ texts: MappingColumns.Texts, valid: [UInt8]? = nil) -> ParquetTexts {
        ParquetTexts(utf8: texts.bytes, offsets: texts.offsets, valid: valid)
    }

    private func backends(_ count: Int) -> ParquetTexts {
        var texts = ParquetTexts()
        texts.reserveCapacity(rows: count, bytes: count * backend.utf8.count)
        for _ in 0..<count { texts.append(backend) }
        return texts
    }

    private func numbers(_ numbers: MappingColumns.Numbers) -> ParquetNumbers<Int64> {
        ParquetNumbers(values: numbers.values, valid: numbers.valid)
    }

    private func digests(_ rows: MappingColumns) -> ParquetTexts {
        var (digits, offsets, valid): ([UInt8], [Int64], [UInt8]) = ([], [0], [])
        for row in 0..<rows.count {
            let digest = rows.carSHA256[row]
            appendHex(digest, to: &digits)
            offsets.append(Int64(digits.count))
            valid.append(digest.isEmpty ? 0 : 1)
        }
        return ParquetTexts(utf8: digits, offsets: offsets, valid: valid)
    }
}
