package import Catalog
internal import POSIX
package import Schema

/// The index of a backend as files for people, query engines and IPFS tools: snapshots of the catalog.
package struct IndexFiles: Sendable {
    /// The folder of the backend in the kit home.
    package let folder: String
    let backend: String

    private var parquet: String { folder + "/pin_mappings.parquet" }
    private var car: String { folder + "/pin_mappings.car" }

    /// The index files of `backend`, below the folder `backends` of the kit home.
    package init(backends: String, backend: String) {
        folder = backends + "/" + backend
        self.backend = backend
    }

    /// What index files are there, and how far they are behind.
    package enum State: Sendable, Hashable {
        /// There are none, or not both.
        case none
        /// Nobody knows how far they are behind: this catalog did not write them, or somebody else wrote into them.
        case unknown
        case current
        /// They lack so many changes of mappings, the first of which came at a time.
        case behind(changes: Int, since: Timestamp?)
    }

    /// What was written.
    package struct Written: Sendable, Hashable {
        package let mappings: Int
        /// The lengths of the two files, in bytes.
        package let parquetSize: UInt64
        package let carSize: UInt64
    }

    /// What the files are, as far as the catalog knows them.
    package func state(in catalog: Catalog) async throws(ReplicationError) -> State {
        try await translating { state(try await catalog.indexLag(of: backend), catalog) }
    }

    /// Writes both files anew where they are further behind than a command that ends may leave them, or where nobody
    /// knows.
    ///
    /// Writers take turns, and each looks again when it is its turn: what one wrote has the changes of all that waited.
    package func bringUpToDate(from catalog: Catalog) async throws(ReplicationError) {
        try await translating {
            guard isDue(try await catalog.indexLag(of: backend), catalog) else { return }
            try await locked {
                if isDue(try await catalog.indexLag(of: backend), catalog) { _ = try await write(catalog) }
            }
        }
    }

    /// Writes both files anew from the catalog, whatever they are.
    package func rebuild(from catalog: Catalog) async throws(ReplicationError) -> Written {
        try await translating { try await locked { try await write(catalog) } }
    }

    private func isDue(_ lag: IndexLag, _ catalog: Catalog) -> Bool {
        switch state(lag, catalog) {
        case .none, .unknown: true
        case .current: false
        case .behind: lag.isOverBound(at: catalog.time)
        }
    }

    private func state(_ lag: IndexLag, _ catalog: Catalog) -> State {
        guard let mark = mark(catalog) else { return .none }
        guard mark == lag.files else { return .unknown }
        return lag.changes == 0 ? .current : .behind(changes: lag.changes, since: lag.since)
    }

    /// What tells the two files from all others; nil where one is not there.
    private func mark(_ catalog: Catalog) -> String? {
        guard let parquet = try? fileInfo(parquet), let car = try? fileInfo(car) else { return nil }
        // What counts as stored is another thing where the settings lead elsewhere.
        return "\(parquet.version) \(car.version)\(catalog.disregards(backend) ? " astray" : "")"
    }

    private func locked<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await BlockingThreads.shared.run { () throws(FileError) in try makeDirectory(folder) }
        let lock = try await File.locked(folder + "/.lock")
        // With the lock in hand nobody else is writing here: what is there is from a run that was killed.
        await BlockingThreads.shared.run { removeLeftovers(in: folder, unchangedFor: 0) }
        defer { withExtendedLifetime(lock) {} }
        return try await body()
    }

    /// Writes both files side by side: a reader sees the old file or the new one, whole.
    private func write(_ catalog: Catalog) async throws -> Written {
        let (newParquet, newCAR) = (temporaryName(beside: parquet), temporaryName(beside: car))
        defer {
            try? removeFile(newParquet)
            try? removeFile(newCAR)
        }
        let time = catalog.time
        let parquetFile = try await BlockingThreads.shared.run { try IndexParquet(path: newParquet, backend: backend) }
        let carFile = try await BlockingThreads.shared.run { try IndexCAR(path: newCAR, backend: backend, at: time) }
        let lag = try await catalog.relayColumns(
            of: backend,
            to: [{ @Sendable in try parquetFile.add($0) }, { @Sendable in try carFile.add($0) }]
        )
        let written = try await BlockingThreads.shared.run { [self] in
            try parquetFile.finish(path: newParquet)
            let count = try carFile.finish()
            let sizes = (try fileInfo(newParquet).length, try fileInfo(newCAR).length)
            try renameFile(newParquet, to: parquet)
            try renameFile(newCAR, to: car)
            try syncDirectory(folder)
            return Written(mappings: count, parquetSize: sizes.0, carSize: sizes.1)
        }
        if let mark = mark(catalog) {
            try await catalog.noteIndexFiles(of: backend, mark, having: lag, readAt: time)
        }
        return written
    }
}
