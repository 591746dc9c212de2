internal import Glibc
package import POSIX
internal import Synchronization

/// The private folder in which files lie as long as a program reads or writes them; all of its calls may block.
///
/// Each process of ours has one of its own, with a lock, so that whoever comes later ends the programs that a killed one
/// left, and removes the rest.
package final class AnnexSpool: Sendable {
    /// A file that a program is given, in a folder that goes with it.
    ///
    /// Some programs take the name of the file for that of the object, so it has the key as its name.
    package final class Transfer: Sendable {
        private let folder: String
        package let path: String

        fileprivate init(_ folder: String, _ key: String) { (self.folder, path) = (folder, folder + "/" + key) }

        deinit { try? removeTree(folder) }

        /// How much lies in the folder now, for programs write beside before they give a file its name; where `most` is
        /// what may come, it is too much when it cannot be twice that.
        package func growth(most: UInt64? = nil) -> AnnexGrowth {
            let written = ((try? listDirectory(folder)) ?? []).reduce(UInt64(0)) { sum, name in
                sum &+ ((try? fileInfo(Array((folder + "/").utf8) + name))?.length ?? 0)
            }
            if let most, written > AnnexSpool.slack, (written - AnnexSpool.slack) / 2 > most {
                return .tooMuch("It wrote \(written) bytes where at most \(most) were asked for.")
            }
            guard let free = try? diskSpace(folder).free, free < AnnexSpool.reserve / 2 else { return .bytes(written) }
            return .tooMuch("What it writes does not fit on this machine: \(free) bytes are free in \(folder).")
        }
    }

    private struct Own {
        let folder: String
        /// The lock that says that this process is there.
        let lock: File
        var count = 0
    }

    private let folder: String
    private let own = Mutex<Own?>(nil)

    /// So much room stays free on the disk, in bytes: others need some, too.
    private static let reserve: UInt64 = 64 << 20
    private static let slack: UInt64 = 1 << 20

    /// Transfers below a folder, which is made when it is needed.
    package init(in folder: String) { self.folder = folder }

    deinit { close() }

    /// The variables with which a program is started: a folder for what it needs for a while, which tells it from the
    /// programs of other processes, too.
    package func variables() throws(FileError) -> [String: String] {
        let place = try own.withLock { (own) throws(FileError) in try ready(&own).folder } + Self.scratch
        try makeDirectory(place, permissions: 0o700)
        return [Self.variable: place]
    }

    private static let (variable, scratch) = ("TMPDIR", "/tmp")

    /// A place for a file of so many bytes; throws `full` where there is no room for it.
    package func begin(_ key: String, length: UInt64 = 0) throws(FileError) -> Transfer {
        let place = try own.withLock { (own) throws(FileError) in
            var ready = try ready(&own)
            ready.count += 1
            own = ready
            return "\(ready.folder)/\(ready.count)"
        }
        try makeNewDirectory(place, permissions: 0o700)
        let transfer = Transfer(place, key)
        guard length < .max / 2, try diskSpace(place).free >= length + Self.reserve else {
            throw FileError("write \(length) bytes to", place, ENOSPC)
        }
        return transfer
    }

    /// Removes the folder; what is still open of it stays readable.
    package func close() {
        guard let own = own.withLock({ $0.take() }) else { return }
        try? removeTree(own.folder)
        try? own.lock.unlock()
    }

    /// The folder of this process; the first who asks removes those of processes that were killed.
    private func ready(_ own: inout Own?) throws(FileError) -> Own {
        if let own { return own }
        try makeDirectory(folder, permissions: 0o700)
        // Nobody takes a folder for a dead one's whose lock is not there yet.
        let gate = try File.ofLock(folder + "/.lock")
        try gate.lock()
        defer { try? gate.unlock() }
        for name in try listDirectory(folder) where name.first != 0x2E {
            let path = "\(folder)/\(String(decoding: name, as: UTF8.self))"
            guard let lock = try? File.ofLock(path + "/.lock"), (try? lock.tryLock()) == true else { continue }
            // A program of a killed process may still be at work on what that asked.
            try endProcesses(withVariable: Self.variable, path + Self.scratch)
            try? removeTree(path)
        }
        let place = "\(folder)/\(processIdentifier)-\(currentMilliseconds())"
        try makeNewDirectory(place, permissions: 0o700)
        let lock = try File.ofLock(place + "/.lock")
        guard try lock.tryLock() else { throw FileError("lock", place, EWOULDBLOCK) }
        let new = Own(folder: place, lock: lock)
        own = new
        return new
    }
}
