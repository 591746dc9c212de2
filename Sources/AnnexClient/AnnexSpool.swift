internal import Glibc
package import POSIX
internal import Synchronization

/// The private folder in which files lie as long as a program reads or writes them; all of its calls may block.
///
/// Each process of ours has one of its own, with a lock, so that whoever comes later ends the programs that a killed
/// one left, and removes the rest.
package final class AnnexSpool: Sendable {
    /// A file that a program is given, in a folder that goes with it.
    ///
    /// Some programs take the name of the file for that of the object, so it has the key as its name.
    package final class Transfer: Sendable {
        private let folder: String
        package let path: String
        /// How much room there was when it began, and how much of the disk stays free, in bytes.
        private let room: (free: UInt64, kept: UInt64)

        fileprivate init(_ folder: String, _ key: String, _ room: (free: UInt64, kept: UInt64)) {
            (self.folder, path, self.room) = (folder, folder + "/" + key, room)
        }

        deinit { try? removeTree(folder) }

        /// How much lies in the folder now, for programs write beside before they give a file its name.
        ///
        /// Where `most` is what may come, it is too much when it cannot be twice that. What nobody knows the length of
        /// gets half of the room that there was: what is written without end fills no disk.
        package func growth(most: UInt64?) -> AnnexGrowth {
            let written = ((try? listDirectory(folder)) ?? []).reduce(UInt64(0)) { sum, name in
                sum &+ ((try? fileInfo(Array((folder + "/").utf8) + name))?.length ?? 0)
            }
            if let most, written > AnnexSpool.slack, (written - AnnexSpool.slack) / 2 > most {
                return .tooMuch("It wrote \(written) bytes where at most \(most) were to come.")
            }
            let free = (try? diskSpace(folder).free) ?? .max
            if most == nil, written > room.free / 2 {
                return .tooMuch(
                    "It wrote \(written) bytes, which is half of the room that there was, and had not ended."
                )
            }
            guard free < room.kept / 2 else { return .bytes(written) }
            return .full(.noRoom(for: "what the program writes", in: folder, free: free, kept: room.kept))
        }
    }

    /// The file of a transfer, into which is written here what a program says.
    package final class Output: Sendable {
        private let transfer: Transfer
        private let file: File
        private let count = Mutex<UInt64>(0)

        package init(_ transfer: Transfer) throws(FileError) {
            self.transfer = transfer
            file = try File(transfer.path, .createNew)
        }

        /// Writes bytes behind those that came before, and gives how many they are now; throws `full` where there is no
        /// room for them.
        package func write(_ bytes: [UInt8]) throws(FileError) -> UInt64 {
            if case .full(let error) = transfer.growth(most: UInt64.max) { throw error }
            return try count.withLock { (count) throws(FileError) in
                try file.write(bytes, at: count)
                count += UInt64(bytes.count)
                return count
            }
        }
    }

    private struct Own {
        let folder: String
        /// The lock that says that this process is there.
        let lock: File
        var count = 0
    }

    private let folder: String
    private let kept: UInt64
    private let own = Mutex<Own?>(nil)

    private static let slack: UInt64 = 1 << 20

    /// Transfers below a folder, which is made when it is needed; so many bytes of its disk stay free.
    package init(in folder: String, keeping kept: UInt64 = 64 << 20) { (self.folder, self.kept) = (folder, kept) }

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
        let free = try diskSpace(place).free
        let transfer = Transfer(place, key, (free, kept))
        guard free >= kept, free - kept >= length else {
            throw FileError.noRoom(for: "\(length) bytes", in: place, free: free, kept: kept)
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
