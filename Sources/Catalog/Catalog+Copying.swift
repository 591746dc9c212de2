internal import POSIX
internal import SQLite

extension Catalog {
    /// Writes a copy of the catalog as it is at one moment to a new file, also while others use it.
    ///
    /// The file is no copy before this has returned: whoever wants it to appear whole gives it its name then.
    package func copy(to path: String) async throws(CatalogError) {
        try await BlockingThreads.shared.run { [self] () throws(CatalogError) in
            // A connection of its own, for a copy is no transaction and the other one is needed meanwhile.
            var database: Database
            do throws(DatabaseError) {
                database = try Database(path: self.path, mode: .readWrite)
            } catch {
                throw CatalogError(error)
            }
            try database.copy(to: path)
        }
    }

    /// Gives the file of a catalog, and those beside it, other names, so that there is room for a new one; it need not
    /// be readable.
    ///
    /// - Returns: where it is now.
    package static func setAside(_ path: String, at time: Int64) throws(CatalogError) -> String {
        let lock = try lock(directoryName(path) + "/locks")
        defer { withExtendedLifetime(lock) {} }
        let other = directoryName(path) + "/replaced-\(time).sqlite"
        do throws(FileError) {
            try renameFile(path, to: other)
            for ending in ["-wal", "-shm"] where try fileExists(path + ending) {
                try renameFile(path + ending, to: other + ending)
            }
            try syncDirectory(directoryName(path))
        } catch {
            throw CatalogError(error)
        }
        return other
    }

    /// Throws `corrupt` where the pages of the file do not fit together, or pins are lost.
    package func check() async throws(CatalogError) {
        try await read { (database) throws(CatalogError) in
            let problem = try database.first("PRAGMA quick_check(1)") { (row: borrowing Row) throws(CatalogError) in
                row.text(0)
            }
            guard problem == "ok" else {
                throw CatalogError(.corrupt, "The catalog is damaged: \(problem ?? "it cannot be checked").")
            }
            try database.provePins()
        }
        // Counts follow from the mappings, so they are no reason to give a catalog up.
        guard try await read({ (database) throws(CatalogError) in try database.isMiscounted() }) else { return }
        try await write { (database) throws(CatalogError) in
            try database.change("DELETE FROM mapping_counts")
            try database.change("INSERT INTO mapping_counts \(Migrations.counted)")
        }
    }
}

extension Database {
    /// Whether the counts of mappings are not those of the mappings.
    fileprivate mutating func isMiscounted() throws(CatalogError) -> Bool {
        let kept = "SELECT backend, status, number, bytes FROM mapping_counts WHERE number <> 0"
        return try first(
            """
            SELECT 1 FROM (\(kept) EXCEPT \(Migrations.counted))
                UNION ALL SELECT 1 FROM (\(Migrations.counted) EXCEPT \(kept)) LIMIT 1
            """
        ) { (_: borrowing Row) throws(CatalogError) in true } ?? false
    }

    /// Copies the database to a new file, which is on the disk then, and readable by its owner only.
    mutating func copy(to copy: String) throws(CatalogError) {
        do {
            // SQLite writes into an empty file, which is open to its owner only.
            _ = try File(copy, .createNew)
            do {
                try run("VACUUM INTO ?", [.text(absolutePath(copy))])
                try File(copy, .read).syncData()
            } catch {
                try? removeFile(copy)
                throw error
            }
        } catch let error as DatabaseError {
            throw CatalogError(error)
        } catch let error as FileError {
            throw CatalogError(error)
        } catch {
            throw CatalogError(.unexpected, "\(error)")
        }
    }
}
