/// Reads a whole Parquet file of at most `rowLimit` rows and `byteLimit` bytes in memory.
///
/// What the file says of its sizes is compared with the limits before anything is read, and while it is read no more
/// than the limit and some is taken, at most a GiB: a small file can ask for any amount. The call blocks. A file that
/// is damaged, or larger than the limits, is an error and never a crash.
package func readParquet(
    _ path: String,
    rowLimit: Int = 50_000_000,
    byteLimit: Int = 4 << 30
) throws(ParquetError) -> ParquetTable {
    let library = try ParquetLibrary.loaded()
    return try ParquetReader(library, path, rowLimit, byteLimit).table()
}

/// What the shim has read, until it is copied.
@safe
private struct ParquetReader: ~Copyable {
    private let library: ParquetLibrary
    private let handle: OpaquePointer
    private let rows: Int

    init(_ library: ParquetLibrary, _ path: String, _ rowLimit: Int, _ byteLimit: Int) throws(ParquetError) {
        var opened: OpaquePointer?
        unsafe try ParquetLibrary.attempt("read", path) { problem, capacity in
            unsafe library.readerOpen(path, Int64(rowLimit), Int64(byteLimit), &opened, problem, capacity)
        }
        guard let handle = unsafe opened else { throw ParquetError(1, "it was not opened", path, "read") }
        self.library = library
        unsafe self.handle = unsafe handle
        rows = Int(unsafe library.readerRows(handle))
    }

    deinit { unsafe library.readerFree(handle) }

    func table() -> ParquetTable {
        let count = unsafe library.readerColumns(handle)
        let columns = (0..<count).map { column in
            ParquetTable.Column(
                name: unsafe String(cString: library.readerName(handle, column)),
                values: values(column)
            )
        }
        return ParquetTable(rowCount: rows, columns: columns, metadata: metadata())
    }

    private func values(_ column: Int32) -> ParquetValues {
        let valid = unsafe library.readerValid(handle, column).map { unsafe copy($0, rows) }
        switch unsafe library.readerType(handle, column) {
        case 0: return .utf8(texts(column, valid))
        case 1: return .int64(ParquetNumbers(values: integers(column), valid: valid))
        case 2: return .timestampMillis(ParquetNumbers(values: integers(column), valid: valid))
        case 3:
            let values = unsafe copy(library.readerDouble(handle, column), rows)
            return .double(ParquetNumbers(values: values, valid: valid))
        case 4: return .boolean(ParquetNumbers(values: integers(column).map { $0 != 0 }, valid: valid))
        case 5: return .null(count: rows)
        default: return .unsupported(unsafe String(cString: library.readerTypeName(handle, column)))
        }
    }

    private func texts(_ column: Int32, _ valid: [UInt8]?) -> ParquetTexts {
        var texts = ParquetTexts()
        texts.offsets = unsafe copy(library.readerOffsets(handle, column), rows + 1)
        texts.bytes = unsafe copy(library.readerBytes(handle, column), Int(texts.offsets[rows]))
        texts.valid = valid
        return texts
    }

    private func integers(_ column: Int32) -> [Int64] {
        unsafe copy(library.readerInt64(handle, column), rows)
    }

    private func copy<Value>(_ start: UnsafePointer<Value>?, _ count: Int) -> [Value] {
        guard let start = unsafe start else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: count))
    }

    private func metadata() -> [String: String] {
        var pairs: [String: String] = [:]
        var key: UnsafePointer<CChar>?
        var value: UnsafePointer<CChar>?
        var index: Int32 = 0
        while unsafe library.readerMetadata(handle, index, &key, &value) == 1 {
            if let key = unsafe key, let value = unsafe value {
                pairs[unsafe String(cString: key)] = unsafe String(cString: value)
            }
            index += 1
        }
        return pairs
    }
}
