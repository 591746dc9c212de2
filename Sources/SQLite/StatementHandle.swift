internal import CSQLite

/// A prepared statement of a connection that outlives it; whoever made it finalizes it.
@safe
struct StatementHandle {
    let pointer: OpaquePointer

    /// Gives the statement all its values, in order.
    func bind(_ values: [SQLValue]) throws(DatabaseError) {
        let expected = Int(unsafe sqlite3_bind_parameter_count(pointer))
        guard values.count == expected else {
            throw failure(SQLITE_MISUSE, "it has \(expected) parameters, but \(values.count) values were given")
        }
        for (offset, value) in values.enumerated() {
            try bind(value, at: offset)
        }
    }

    /// Gives the statement one value; parameters count from 0.
    func bind(_ value: SQLValue, at offset: Int) throws(DatabaseError) {
        switch value {
        case .null: try check(unsafe sqlite3_bind_null(pointer, Int32(clamping: offset + 1)))
        case .integer(let number): try bind(number, at: offset)
        case .real(let number): try check(unsafe sqlite3_bind_double(pointer, Int32(clamping: offset + 1), number))
        case .text(let text): try bind(text, at: offset)
        case .blob(let bytes): try bind(bytes, at: offset)
        }
    }

    /// Gives the statement a whole number.
    func bind(_ number: Int64, at offset: Int) throws(DatabaseError) {
        try check(unsafe sqlite3_bind_int64(pointer, Int32(clamping: offset + 1), number))
    }

    /// Gives the statement a text, which SQLite copies.
    func bind(_ text: String, at offset: Int) throws(DatabaseError) {
        var text = text
        let index = Int32(clamping: offset + 1)
        let result = text.withUTF8 { utf8 in
            // An empty string may have no address, and SQLite takes a null pointer for NULL.
            guard let start = utf8.baseAddress else { return unsafe csqlite_bind_text(pointer, index, "", 0) }
            let count = UInt64(utf8.count)
            return unsafe start.withMemoryRebound(to: CChar.self, capacity: utf8.count) { characters in
                unsafe csqlite_bind_text(pointer, index, characters, count)
            }
        }
        try check(result)
    }

    /// Gives the statement bytes, which SQLite copies.
    func bind(_ bytes: [UInt8], at offset: Int) throws(DatabaseError) {
        let index = Int32(clamping: offset + 1)
        let result = unsafe bytes.withUnsafeBytes { buffer in
            unsafe buffer.isEmpty
                ? unsafe sqlite3_bind_zeroblob(pointer, index, 0)
                : unsafe csqlite_bind_blob(pointer, index, buffer.baseAddress, UInt64(buffer.count))
        }
        try check(result)
    }

    /// Goes to the next row; false means that the statement has finished.
    func step() throws(DatabaseError) -> Bool {
        let result = unsafe sqlite3_step(pointer)
        if result == SQLITE_ROW { return true }
        if result == SQLITE_DONE { return false }
        throw failure(result)
    }

    /// Makes the statement ready for another run, without its values.
    func reset() {
        unsafe sqlite3_reset(pointer)
        unsafe sqlite3_clear_bindings(pointer)
    }

    /// Gives the statement's memory back.
    func finalize() {
        unsafe sqlite3_finalize(pointer)
    }

    private func check(_ result: Int32) throws(DatabaseError) {
        guard result != SQLITE_OK else { return }
        throw failure(result)
    }

    private func failure(_ result: Int32, _ problem: String? = nil) -> DatabaseError {
        let connection = unsafe sqlite3_db_handle(pointer)
        return DatabaseError(
            result,
            sql: unsafe sqlite3_sql(pointer).map { unsafe String(cString: $0) } ?? "",
            database: unsafe sqlite3_db_filename(connection, "main").map { unsafe String(cString: $0) } ?? "",
            problem: problem ?? (unsafe String(cString: sqlite3_errmsg(connection)))
        )
    }
}
