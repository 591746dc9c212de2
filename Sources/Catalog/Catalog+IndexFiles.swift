internal import POSIX
package import Schema
internal import SQLite

/// How far the index files of a backend are behind its mappings.
package struct IndexLag: Sendable, Hashable {
    /// How many changes of mappings came after those that the files have.
    package let changes: Int
    /// When the first of them came; nil where there is none.
    package let since: Timestamp?
    /// What whoever wrote the files noted of them; nil where nobody did.
    package let files: String?
    /// Whether the backend has more mappings than ``maxRowsAtOnce``.
    package let isLarge: Bool

    /// Up to so many mappings, files are never behind when a command has ended.
    package static let maxRowsAtOnce = 20_000
    /// The most changes that files of more mappings lack when a command has ended.
    package static let maxChanges = 1000
    /// For how long the oldest of them may have been lacking then, in milliseconds.
    package static let longest: Int64 = 10 * 60 * 1000

    /// Whether a command that ends has to write the files.
    package func isOverBound(at now: Timestamp) -> Bool {
        guard isLarge, let since else { return changes > 0 }
        // A clock that was set back makes no lag shorter.
        return changes > Self.maxChanges || !(0...Self.longest).contains(now.milliseconds - since.milliseconds)
    }
}

extension Catalog {
    /// How far the index files of a backend are behind, as far as the catalog knows.
    package func indexLag(of backend: String) async throws(CatalogError) -> IndexLag {
        try await read { (database) throws(CatalogError) in try database.indexLag(of: backend) }
    }

    /// Passes all mappings of a backend, some thousands at a time and as they are at one moment, to each of `workers`.
    ///
    /// - Returns: how far the index files are behind then.
    package func relayColumns(
        of backend: String,
        to workers: [@Sendable (MappingColumns) throws -> Void]
    ) async throws -> IndexLag {
        let isAstray = disregards(backend)
        return try await read { (database) throws(CatalogError) -> Result<IndexLag, any Error> in
            let lag = try database.indexLag(of: backend)
            return Result {
                try relaying(to: workers) { pass in try database.eachColumns(of: backend, isAstray, pass) }
                return lag
            }
        }.get()
    }

    /// Notes that index files were written which have all changes up to those that `lag` counts, and what they are
    /// known by.
    package func noteIndexFiles(
        of backend: String,
        _ files: String,
        having lag: IndexLag,
        readAt time: Timestamp
    ) async throws(CatalogError) {
        try await write { (database) throws(CatalogError) in
            let left = try database.indexLag(of: backend).changes - lag.changes
            try database.setValue("index_files:\(backend)", files)
            try database.change("DELETE FROM kit WHERE key = ?", [.text("index_changes:\(backend)")])
            // Those that are left came after the files were read.
            if left > 0 { try database.setValue("index_changes:\(backend)", "\(left) \(time.milliseconds)") }
        }
    }
}

extension Database {
    /// Notes that so many mappings of a backend changed, which its index files do not have yet.
    mutating func noteIndexChanges(_ count: Int = 1, on backend: String, at time: Int64) throws(CatalogError) {
        guard count > 0 else { return }
        try change(
            """
            INSERT INTO kit(key, value) VALUES(?1, ?2 || ' ' || ?3) ON CONFLICT(key) DO UPDATE
                SET value = (CAST(value AS INTEGER) + ?2) || substr(value, instr(value, ' '))
            """,
            [.text("index_changes:\(backend)"), .integer(Int64(count)), .integer(time)]
        )
    }

    /// Forgets what is known of the index files of a backend.
    mutating func forgetIndexFiles(of backend: String) throws(CatalogError) {
        for key in ["index_changes", "index_files"] {
            try change("DELETE FROM kit WHERE key = ?", [.text("\(key):\(backend)")])
        }
    }

    fileprivate mutating func indexLag(of backend: String) throws(CatalogError) -> IndexLag {
        let words = try value("index_changes:\(backend)")?.split(separator: " ").compactMap { Int64($0) } ?? []
        let beyond = try first(
            "SELECT 1 FROM mappings WHERE backend = ? LIMIT 1 OFFSET ?",
            [.text(backend), .integer(Int64(IndexLag.maxRowsAtOnce))]
        ) { (row: borrowing Row) throws(CatalogError) in row.int64(0) }
        return IndexLag(
            changes: words.first.map { Int(clamping: $0) } ?? 0,
            since: words.count == 2 ? Timestamp(milliseconds: words[1]) : nil,
            files: try value("index_files:\(backend)"),
            isLarge: beyond != nil
        )
    }

    fileprivate mutating func eachColumns(
        of backend: String,
        _ isAstray: Bool,
        _ take: (MappingColumns) throws -> Void
    ) throws {
        var columns = MappingColumns()
        var failure: (any Error)?
        func pass() {
            guard failure == nil, columns.count > 0 else { return }
            do { try take(columns) } catch { failure = error }
            columns = MappingColumns()
        }
        try query(
            "SELECT \(Mapping.columns) FROM replicas WHERE backend = ? ORDER BY cid",
            [.text(backend)]
        ) { (row: borrowing Row) throws(CatalogError) in
            guard failure == nil else { return }
            try columns.append(row, isAstray: isAstray)
            if columns.count == 8192 { pass() }
        }
        pass()
        if let failure { throw failure }
    }
}
