internal import Glibc

/// Writes one Parquet file, row group by row group; without `close()` the file stays incomplete.
///
/// Its calls block; it belongs to one thread at a time, which its `mutating` methods prove.
@safe
package struct ParquetWriter: ~Copyable, @unchecked Sendable {
    /// How pages are compressed.
    package enum Compression: Int32, Sendable {
        case snappy = 0
        case zstd = 1
    }

    private let path: String
    private let columns: [ParquetColumn]
    private let library: ParquetLibrary
    private let handle: OpaquePointer

    /// Creates the file at `path`, or empties it; `metadata` goes into the file's footer.
    package init(
        path: String,
        columns: [ParquetColumn],
        metadata: [(key: String, value: String)] = [],
        compression: Compression = .zstd
    ) throws(ParquetError) {
        let library = try ParquetLibrary.loaded()
        let handle = unsafe try Self.open(library, path, columns, compression)
        do throws(ParquetError) {
            for (key, value) in metadata {
                unsafe try ParquetLibrary.attempt("written", path) { problem, capacity in
                    unsafe library.writerMetadata(handle, key, value, problem, capacity)
                }
            }
        } catch {
            unsafe library.writerFree(handle)
            throw error
        }
        self.path = path
        self.columns = columns
        self.library = library
        unsafe self.handle = unsafe handle
    }

    deinit { unsafe library.writerFree(handle) }

    /// Writes a row group: one array for each column, in order and all of one length.
    ///
    /// A group that does not fit the columns is refused before any of it is written.
    package mutating func write(_ group: [ParquetValues]) throws(ParquetError) {
        guard group.count == columns.count, Set(group.map(\.count)).count <= 1 else {
            throw bad("a row group needs one array of the same length for each of its \(columns.count) columns")
        }
        for (column, values) in zip(columns, group) {
            guard values.fit(column.kind) else { throw bad("column \(column.name) was given values of another type") }
            guard column.isOptional || !values.hasMissing else {
                throw bad("column \(column.name) must have a value in each row")
            }
        }
        guard let first = group.first, first.count > 0 else { return }
        unsafe try ParquetLibrary.attempt("written", path) { problem, capacity in
            unsafe library.writerBegin(handle, problem, capacity)
        }
        for values in group {
            switch values {
            case .utf8(let texts): try write(texts)
            case .int64(let numbers), .timestampMillis(let numbers): try write(numbers)
            default: break
            }
        }
    }

    /// Writes the footer and closes the file; the caller syncs and renames it.
    package consuming func close() throws(ParquetError) {
        unsafe try ParquetLibrary.attempt("written", path) { problem, capacity in
            unsafe library.writerClose(handle, problem, capacity)
        }
    }

    private func write(_ texts: ParquetTexts) throws(ParquetError) {
        unsafe try ParquetLibrary.attempt("written", path) { problem, capacity in
            unsafe library.writerText(
                handle,
                Int64(texts.count),
                texts.bytes,
                texts.offsets,
                texts.valid,
                problem,
                capacity
            )
        }
    }

    private func write(_ numbers: ParquetNumbers<Int64>) throws(ParquetError) {
        unsafe try ParquetLibrary.attempt("written", path) { problem, capacity in
            unsafe library.writerInt64(
                handle,
                Int64(numbers.count),
                numbers.values,
                numbers.valid,
                problem,
                capacity
            )
        }
    }

    private func bad(_ problem: String) -> ParquetError {
        ParquetError(4, problem, path, "written")
    }

    private static func open(
        _ library: ParquetLibrary,
        _ path: String,
        _ columns: [ParquetColumn],
        _ compression: Compression
    ) throws(ParquetError) -> OpaquePointer {
        let names = unsafe columns.map { unsafe UnsafePointer(strdup($0.name)) }
        defer { unsafe names.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) } }
        let kinds = columns.map(\.kind.rawValue)
        let traits = columns.map(\.traits)
        var handle: OpaquePointer?
        unsafe try ParquetLibrary.attempt("written", path) { problem, capacity in
            unsafe library.writerOpen(
                path,
                Int32(clamping: columns.count),
                names,
                kinds,
                traits,
                compression.rawValue,
                &handle,
                problem,
                capacity
            )
        }
        guard let opened = unsafe handle else { throw ParquetError(1, "it was not opened", path, "written") }
        return unsafe opened
    }
}
