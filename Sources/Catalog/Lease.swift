internal import POSIX
internal import SQLite
internal import Synchronization

/// The right of one process to change what is known of a backend, and what is on it.
///
/// On one machine it is a file lock, which ends with the process and with nothing else: neither clocks nor process
/// numbers decide there, and a process that is stopped keeps it. Between machines that share a home, a row of the
/// catalog says who has it, and runs out unless it is renewed. Whoever has lost it can write nothing any more: every
/// transaction about a backend looks for the row first.
package final class Lease: Sendable {
    package let backend: String
    package let token: String
    /// Whether it is the only one that may send requests which change the backend; others only write down what they
    /// saw.
    package let isExclusive: Bool
    private let lock: Mutex<File?>

    init(backend: String, token: String, lock: File?) {
        self.backend = backend
        self.token = token
        isExclusive = lock != nil
        self.lock = Mutex(lock)
    }

    /// Gives the lock up, whoever still knows the lease: what was opened under it may be there for long.
    fileprivate func unlock() { lock.withLock { $0 = nil } }
}

/// Who has a lease that somebody else wanted.
package struct LeaseHolder: Error, Sendable, Hashable {
    /// Its number; 0 where nobody knows.
    package let process: Int32
    package let host: String
    /// Whether a signal or a debugger has stopped it, as far as this machine knows.
    package let isStopped: Bool

    package init(process: Int32, host: String, isStopped: Bool = false) {
        (self.process, self.host, self.isStopped) = (process, host, isStopped)
    }

    /// The process of this machine that has a lock, whatever the catalog knows of it.
    fileprivate static func ofLock(_ path: String) -> LeaseHolder? {
        lockOwner(of: [path]).map { LeaseHolder(process: $0.process, host: hostName, isStopped: $0.isStopped) }
    }
}

extension Catalog {
    /// Takes the exclusive lease of a backend for so many milliseconds at a time, or says who has it.
    package func takeLease(
        _ backend: String,
        for duration: Int64
    ) async throws(CatalogError) -> Result<Lease, LeaseHolder> {
        let lock = try await lockFile(of: backend)
        let time = now()
        let (host, boot) = (hostName, bootIdentifier)
        let holder = try await read { (database) throws(CatalogError) in
            try database.first(
                "SELECT process, host, boot, expires_at FROM leases WHERE backend = ? AND changes = 1",
                [.text(backend)]
            ) { (row: borrowing Row) throws(CatalogError) in
                let holder = LeaseHolder(process: Int32(truncatingIfNeeded: row.int64(0)), host: row.text(1))
                // With the lock in hand, nobody of this machine has it, and of others only who renewed it lately.
                let isOver = row.text(1) == host || row.text(2) == boot || row.int64(3) < time
                return (holder: holder, isOver: isOver)
            }
        }
        guard let lock else {
            // The lock comes first: who was stopped between the two is not in the catalog.
            let path = locks + "/backend-" + backend
            let owner = await BlockingThreads.shared.run { LeaseHolder.ofLock(path) }
            return .failure(owner ?? holder?.holder ?? LeaseHolder(process: 0, host: host))
        }
        if let holder, !holder.isOver { return .failure(holder.holder) }
        let lease = Lease(backend: backend, token: randomIdentifier(), lock: lock)
        let left = holder.map { known in
            let message =
                "the process \(known.holder.process) on \(known.holder.host) was at work, and did not come to its end"
            return CatalogEvent(.abandoned, on: backend, message: message)
        }
        try await writeAndTell { (database) throws(CatalogError) in
            try database.change("DELETE FROM leases WHERE backend = ? AND changes = 1", [.text(backend)])
            try database.insert(lease, host, boot, until: time + duration)
            return ((), left.map { [$0] } ?? [])
        }
        return .success(lease)
    }

    /// Runs `body` under a lease of which there may be many: for who only looks, and writes down what was seen.
    package func observing<Value>(
        _ backend: String,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Lease) async throws -> sending Value
    ) async throws -> sending Value {
        let lease = try await takeObserverLease(backend)
        do {
            let value = try await body(lease)
            try await release(lease)
            return value
        } catch {
            try? await release(lease)
            throw error
        }
    }

    /// Takes such a lease, which whoever takes it gives back.
    package func takeObserverLease(_ backend: String) async throws(CatalogError) -> Lease {
        let time = now()
        let lease = Lease(backend: backend, token: randomIdentifier(), lock: nil)
        try await write { (database) throws(CatalogError) in
            // Those of processes that were killed do no harm, and are not kept for ever.
            try database.change(
                "DELETE FROM leases WHERE changes = 0 AND expires_at < ?",
                [.integer(time)]
            )
            try database.insert(lease, hostName, bootIdentifier, until: time + 30 * 86_400_000)
        }
        return lease
    }

    /// The lock of a backend; nil where another process has it.
    ///
    /// Whoever asks who is at work holds it for a moment (see ``holders()``), so it is tried a few times.
    private func lockFile(of backend: String) async throws(CatalogError) -> File? {
        for attempt in 1...Self.tries {
            let file = try await BlockingThreads.shared.run { [self] () throws(CatalogError) in
                do throws(FileError) {
                    let file = try File.ofLock(locks + "/backend-" + backend)
                    return try file.tryLock() ? file : nil
                } catch {
                    throw CatalogError(error)
                }
            }
            if file != nil || attempt == Self.tries || Task.isCancelled { return file }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return nil
    }

    private static let tries = 10

    /// Renews a lease; throws `fenced` when somebody else has taken it meanwhile.
    package func renew(_ lease: Lease, for duration: Int64) async throws(CatalogError) {
        let time = now()
        try await write(under: lease) { (database) throws(CatalogError) in
            _ = try database.change(
                "UPDATE leases SET expires_at = ?3 WHERE backend = ?1 AND token = ?2",
                [.text(lease.backend), .text(lease.token), .integer(time + duration)]
            )
        }
    }

    /// Gives a lease back.
    package func release(_ lease: Lease) async throws(CatalogError) {
        // Also where the row stays: who has not the lock has no lease.
        defer { lease.unlock() }
        try await write { (database) throws(CatalogError) in
            _ = try database.change(
                "DELETE FROM leases WHERE backend = ? AND token = ?",
                [.text(lease.backend), .text(lease.token)]
            )
        }
    }

    /// Throws `fenced` where the lease is not this process's any more.
    package func check(_ lease: Lease) async throws(CatalogError) {
        try await read { (database) throws(CatalogError) in try database.check(lease) }
    }

    /// Runs `body` in one transaction, if the lease is still there: for all that follows from what was seen.
    @discardableResult
    func write<Value: Sendable>(
        under lease: Lease,
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> Value
    ) async throws(CatalogError) -> Value {
        try await writeAndTell(under: lease) { (database) throws(CatalogError) in (try body(&database), []) }
    }

    /// The same, and tells of the events that `body` gives once they are on the disk.
    @discardableResult
    func writeAndTell<Value: Sendable>(
        under lease: Lease,
        _ body: @escaping @Sendable (inout Database) throws(CatalogError) -> (Value, [CatalogEvent])
    ) async throws(CatalogError) -> Value {
        try await writeAndTell { (database) throws(CatalogError) in
            try database.check(lease)
            return try body(&database)
        }
    }

    /// The processes that are changing backends now, as far as the catalog knows.
    package func holders() async throws(CatalogError) -> [String: LeaseHolder] {
        let locks = locks
        let rows = try await read { (database) throws(CatalogError) in
            try database.all("SELECT backend, process, host FROM leases WHERE changes = 1 ORDER BY backend") {
                (row: borrowing Row) throws(CatalogError) in
                (row.text(0), LeaseHolder(process: Int32(truncatingIfNeeded: row.int64(1)), host: row.text(2)))
            }
        }
        return await BlockingThreads.shared.run {
            var holders: [String: LeaseHolder] = [:]
            for (backend, holder) in rows {
                // A row without the lock is what a killed process left.
                let isFree = (try? File.ofLock(locks + "/backend-" + backend).tryLock()) ?? false
                if holder.host != hostName || !isFree { holders[backend] = holder }
            }
            // Whoever is stopped with the lock may not have come to write a row; who asks here has it for a moment too.
            let prefix = Array("backend-".utf8)
            for name in (try? listDirectory(locks)) ?? [] where name.starts(with: prefix) {
                let owner = LeaseHolder.ofLock(locks + "/" + String(decoding: name, as: UTF8.self))
                guard let owner, owner.isStopped else { continue }
                holders[String(decoding: name.dropFirst(prefix.count), as: UTF8.self)] = owner
            }
            return holders
        }
    }
}

extension Database {
    /// Throws `fenced` where a lease was taken over, or its backend was removed.
    mutating func check(_ lease: Lease) throws(CatalogError) {
        let isThere = try first(
            """
            SELECT 1 FROM leases JOIN backends ON backends.name = leases.backend
                WHERE leases.backend = ? AND leases.token = ?
            """,
            [.text(lease.backend), .text(lease.token)]
        ) { (row: borrowing Row) throws(CatalogError) in true }
        guard isThere == true else {
            throw CatalogError(
                .fenced,
                "The backend \(lease.backend) was removed, or taken over by another process, while this one was at work: "
                    + "nothing more of it was written down."
            )
        }
    }

    fileprivate mutating func insert(
        _ lease: Lease,
        _ host: String,
        _ boot: String,
        until end: Int64
    ) throws(CatalogError) {
        try change(
            """
            INSERT INTO leases(backend, token, changes, host, boot, process, expires_at) VALUES(?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(lease.backend), .text(lease.token), .integer(lease.isExclusive ? 1 : 0), .text(host),
                .text(boot), .integer(Int64(processIdentifier)), .integer(end),
            ]
        )
    }
}
