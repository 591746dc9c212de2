internal import CPOSIX
internal import Glibc
internal import Synchronization

extension File {
    /// Opens the file of a lock, which is made where nothing is; throws `notAFile` where something else has its name.
    package static func ofLock(_ path: String) throws(FileError) -> File {
        do throws(FileError) {
            let file = try File(path, .update)
            guard try file.status().kind == .file else { throw FileError.notALock(path) }
            return file
        } catch {
            // A link that leads nowhere is there, and what it leads to is not; a socket answers with a number of its
            // own.
            let isElse = [.isADirectory, .notFound, .notADirectory, .linksWithoutEnd].contains(error.code)
            guard isElse || error.number == ENXIO, (try? fileInfo(path)) != nil else { throw error }
            throw FileError.notALock(path)
        }
    }

    /// Takes the advisory lock of this file, and waits for who has it; it is given back when the file is closed.
    ///
    /// Throws `wouldBlock`, with the process that has it, where that is stopped, or has not given it back within a
    /// minute: nobody waits without end for somebody who may never go on.
    package func lock(shared: Bool = false) throws(FileError) {
        var wait = LockWait()
        while try !tryLock(shared: shared) { usleep(try wait.pause(for: self)) }
    }

    /// Opens the file of a lock and takes that, and lets the thread do other things while somebody else has it: whoever
    /// does more under it than one piece of work on one thread may need all of them.
    ///
    /// Throws what ``lock(shared:)`` does, and `interrupted` where the task is cancelled.
    package static func locked(_ path: String, shared: Bool = false) async throws(FileError) -> File {
        let file = try await BlockingThreads.shared.run { () throws(FileError) in try File.ofLock(path) }
        var wait = LockWait()
        while try await BlockingThreads.shared.run({ () throws(FileError) in try !file.tryLock(shared: shared) }) {
            let (next, pause) = try await BlockingThreads.shared.run { [wait] () throws(FileError) in
                var next = wait
                return (next, try next.pause(for: file))
            }
            wait = next
            do { try await Task.sleep(for: .microseconds(pause)) } catch { throw FileError("lock", path, EINTR) }
        }
        return file
    }

    /// Takes the lock if nobody else has it, neither another process nor another `File`; says whether it did.
    package func tryLock(shared: Bool = false) throws(FileError) -> Bool {
        try setLock((shared ? LOCK_SH : LOCK_EX) | LOCK_NB)
    }

    /// Gives the lock back at once; to close the file does so no earlier than programs that are being started have
    /// closed what they got of it.
    package func unlock() throws(FileError) { _ = try setLock(LOCK_UN) }
}

/// How whoever wants a lock waits for it.
private struct LockWait: Sendable {
    private let began = monotonicMilliseconds()
    private var lookedAt = monotonicMilliseconds()
    private var stopped: Int32?
    private var longest = Self.firstPause

    /// In milliseconds.
    private static let (lookEvery, patience): (Int64, Int64) = (500, 60_000)
    /// In microseconds.
    private static let (firstPause, longPause): (UInt32, UInt32) = (100, 20_000)

    /// How long to wait before the next try, in microseconds; throws where there is to be none.
    mutating func pause(for file: File) throws(FileError) -> UInt32 {
        let now = monotonicMilliseconds()
        // What is written down at the end of the work may wait for a moment, also then.
        if Interruption.isAsked, now - began >= Self.lookEvery { throw FileError("lock", file.path, EINTR) }
        if now - lookedAt >= Self.lookEvery {
            lookedAt = now
            let holders = lockHolders(of: [try file.status().identity])
            let stillStopped = holders.first(where: processIsStopped)
            // Who is stopped for a moment, as by a debugger, is not given up at once.
            if let stillStopped, stillStopped == stopped {
                throw FileError.held(file.path, "the process \(stillStopped) has it, and is stopped")
            }
            stopped = stillStopped
            if now - began >= Self.patience {
                let holder = holders.first.map(String.init) ?? "of somebody"
                throw FileError.held(file.path, "the process \(holder) has it")
            }
        }
        defer { longest = min(longest * 2, now - began < 1000 ? Self.longPause / 4 : Self.longPause) }
        // Chance keeps those who wait from coming in step.
        return .random(in: longest / 2...longest)
    }
}

/// Who has a lock on one of some files, by process numbers, as far as the system tells (proc(5), `locks`).
private func lockHolders(of files: [FileInfo.Identity]) -> [Int32] {
    guard let lines = try? readSystemFile("/proc/locks") else { return [] }
    let locks = lines.split(separator: 0x0A).compactMap { LockLine(String(decoding: $0, as: UTF8.self)) }
    let holders = files.flatMap { file -> [Int32] in
        let same = locks.filter { $0.number == file.number }
        let device = UInt64(file.device)
        let here = same.filter { $0.major == ipfskit_major(device) && $0.minor == ipfskit_minor(device) }
        // Some file systems show another device here than elsewhere; then a number that stands for two files says
        // nothing.
        guard here.isEmpty else { return here.map(\.process) }
        return Set(same.map { [$0.major, $0.minor] }).count == 1 ? same.map(\.process) : []
    }
    return holders.filter { $0 > 0 }
}

/// Which other process has a lock on one of some files, and whether it is stopped, as far as the system tells.
package func lockOwner(of paths: [String]) -> (process: Int32, isStopped: Bool)? {
    let files = paths.compactMap { try? fileInfo($0, follow: true).identity }
    let others = lockHolders(of: files).filter { $0 != processIdentifier }
    if let stopped = others.first(where: processIsStopped) { return (stopped, true) }
    return others.first.map { ($0, false) }
}

/// The same as a sentence; nil where none is known.
package func lockHolder(of paths: [String]) -> String? {
    lockOwner(of: paths).map { "The process \($0.process) has it locked\($0.isStopped ? ", and is stopped" : "")." }
}

/// A line like `12: FLOCK  ADVISORY  WRITE 4711 fd:01:4867207 0 EOF`; one that waits has an arrow behind the number.
private struct LockLine {
    let process: Int32
    let major: UInt32
    let minor: UInt32
    let number: UInt64

    init?(_ line: String) {
        let words = line.split(separator: " ")
        // SQLite's readers have locks that keep nobody out, but whoever would copy the log back.
        let isLock = words.count >= 6 && (words[1] == "FLOCK" || words[1] == "POSIX" && words[3] == "WRITE")
        guard isLock, let process = Int32(words[4]) else { return nil }
        let place = words[5].split(separator: ":")
        guard place.count == 3, let major = UInt32(place[0], radix: 16), let minor = UInt32(place[1], radix: 16),
            let number = UInt64(place[2])
        else { return nil }
        (self.process, self.major, self.minor, self.number) = (process, major, minor, number)
    }
}

/// Whether the process was asked to stop, for what waits on a thread that no task can cancel.
package enum Interruption {
    private static let flag = Atomic(false)

    package static var isAsked: Bool { flag.load(ordering: .relaxed) }

    /// Ends every such wait.
    package static func ask() { flag.store(true, ordering: .relaxed) }
}

/// Whether a process is stopped by a signal or a debugger (proc(5), `stat`).
private func processIsStopped(_ process: Int32) -> Bool {
    guard let text = try? readSystemFile("/proc/\(process)/stat"), let name = text.lastIndex(of: 0x29) else {
        return false
    }
    return text[name...].dropFirst(2).first.map { [0x54, 0x74].contains($0) } ?? false
}

/// All of a file of /proc, which reports no length; at most 1 MiB of it.
package func readSystemFile(_ path: String) throws(FileError) -> [UInt8] {
    try File(path, .read).read(at: 0, count: 1 << 20)
}

/// Milliseconds since some moment, by a clock that nobody sets.
package func monotonicMilliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}
