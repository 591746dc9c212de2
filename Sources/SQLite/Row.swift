internal import CSQLite

/// The row a query stands at; its columns count from 0 and a column that does not exist reads as `NULL`.
///
/// A value of another type than the one asked for is converted as SQLite does: text that is no number reads as 0.
@safe
package struct Row: ~Copyable, ~Escapable {
    private let statement: OpaquePointer

    @_lifetime(borrow owner)
    init<Owner: ~Copyable & ~Escapable>(_ handle: StatementHandle, of owner: borrowing Owner) {
        unsafe statement = unsafe handle.pointer
    }

    /// How many columns the row has.
    package var count: Int { Int(unsafe sqlite3_column_count(statement)) }

    /// Whether the column is `NULL`.
    package func isNull(_ column: Int) -> Bool {
        unsafe sqlite3_column_type(statement, Int32(clamping: column)) == SQLITE_NULL
    }

    /// The column as a whole number; `NULL` is 0.
    package func int64(_ column: Int) -> Int64 {
        unsafe sqlite3_column_int64(statement, Int32(clamping: column))
    }

    /// The column as a whole number, or nil for `NULL`.
    package func optionalInt64(_ column: Int) -> Int64? {
        isNull(column) ? nil : int64(column)
    }

    /// The column as a floating-point number; `NULL` is 0.
    package func double(_ column: Int) -> Double {
        unsafe sqlite3_column_double(statement, Int32(clamping: column))
    }

    /// The column as a floating-point number, or nil for `NULL`.
    package func optionalDouble(_ column: Int) -> Double? {
        isNull(column) ? nil : double(column)
    }

    /// The column as text, with invalid UTF-8 repaired; `NULL` is empty.
    package func text(_ column: Int) -> String {
        optionalText(column) ?? ""
    }

    /// The column as text, with invalid UTF-8 repaired, or nil for `NULL`.
    package func optionalText(_ column: Int) -> String? {
        let index = Int32(clamping: column)
        guard let start = unsafe sqlite3_column_text(statement, index) else { return nil }
        let count = Int(unsafe sqlite3_column_bytes(statement, index))
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// Appends the column's text to `bytes`, with invalid UTF-8 repaired; `NULL` appends nothing.
    package func appendText(_ column: Int, to bytes: inout [UInt8]) {
        let index = Int32(clamping: column)
        guard let start = unsafe sqlite3_column_text(statement, index) else { return }
        let text = unsafe UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index)))
        if unsafe text.allSatisfy({ $0 < 0x80 }) {
            unsafe bytes.append(contentsOf: text)
        } else {
            bytes.append(contentsOf: unsafe String(decoding: text, as: UTF8.self).utf8)
        }
    }

    /// Appends the column to `bytes`; `NULL` appends nothing.
    package func appendBytes(_ column: Int, to bytes: inout [UInt8]) {
        let index = Int32(clamping: column)
        guard let start = unsafe sqlite3_column_blob(statement, index) else { return }
        let count = Int(unsafe sqlite3_column_bytes(statement, index))
        unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The column as bytes; `NULL` is empty.
    package func bytes(_ column: Int) -> [UInt8] {
        let index = Int32(clamping: column)
        guard let start = unsafe sqlite3_column_blob(statement, index) else { return [] }
        let count = Int(unsafe sqlite3_column_bytes(statement, index))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The column as bytes, or nil for `NULL`.
    package func optionalBytes(_ column: Int) -> [UInt8]? {
        isNull(column) ? nil : bytes(column)
    }

    /// The column as whatever SQLite keeps there.
    package func value(_ column: Int) -> SQLValue {
        switch unsafe sqlite3_column_type(statement, Int32(clamping: column)) {
        case SQLITE_INTEGER: .integer(int64(column))
        case SQLITE_FLOAT: .real(double(column))
        case SQLITE_TEXT: .text(text(column))
        case SQLITE_BLOB: .blob(bytes(column))
        default: .null
        }
    }
}
