internal import POSIX
internal import Schema
internal import Storage

/// A file to which events are appended, one a line of JSON, by several processes at once.
///
/// Lines that were told together are one write: nobody's lines stand in the middle of another's.
package final class EventLog: Sendable {
    private struct State {
        var file: File?
        /// Whether the last line is only begun: a disk was full in the middle of it.
        var isTorn = false
        var failure: FileError?
    }

    /// A file of the home is put aside when it is longer than this, in bytes.
    static let longest: UInt64 = 16 << 20
    /// So many that were put aside are kept.
    static let kept = 4

    let path: String
    /// The file of the lock under which files are put aside; nil where that is left to others.
    private let lock: String?
    private let longest: UInt64
    private let mayMake: @Sendable () -> Bool
    private let state = Locked(State())

    /// The log of a home, which is made with the first line once the home is there.
    init(of home: KitHome, longest: UInt64 = EventLog.longest) {
        path = home.log
        lock = home.path + "/locks/log"
        self.longest = longest
        mayMake = { (try? home.exists()) == true && (try? makeDirectory(home.logs, permissions: 0o700)) != nil }
    }

    /// A log that somebody named; throws where it cannot be written to, and `refused` where it would be in the home.
    package init(_ path: String, beside kit: Kit) throws(KitError) {
        try kit.boundary.refuseWriting(path, in: directoryName(absolutePath(path)))
        (self.path, lock, longest) = (path, nil, .max)
        mayMake = { false }
        do throws(FileError) {
            let file = try File(path, .append)
            state.change { $0.file = file }
        } catch {
            throw KitError(error)
        }
    }

    /// The files in which the log of a home is, the oldest first.
    static func files(of home: KitHome) -> [String] {
        ((1...kept).reversed().map { "\(home.log).\($0)" } + [home.log]).filter { (try? fileExists($0)) == true }
    }

    /// Appends events; what cannot be written is lost, which ``failure()`` says.
    package func write(_ events: [Event]) {
        let events = events.filter { $0.isKept && $0.kind != .progress }
        guard !events.isEmpty else { return }
        var lines: [UInt8] = []
        for event in events { lines += (Redactor.shared.clean(event.json).compact + "\n").utf8 }
        state.change { [lines] state in
            do throws(FileError) {
                try append(lines, &state)
            } catch {
                // Before there is a home nothing is kept.
                if error.code == .notFound, !mayMake() { return }
                if error.code == .full { state.isTorn = true }
                state.failure = state.failure ?? error
            }
        }
    }

    /// Why lines were lost since this was asked for last; nil where none were.
    func failure() -> FileError? {
        state.change { state in
            defer { state.failure = nil }
            return state.failure
        }
    }

    private func append(_ lines: [UInt8], _ state: inout State) throws(FileError) {
        guard lock != nil else {
            try state.file?.append(lines)
            return
        }
        // Another process may have put the file aside.
        let there = try? fileInfo(path)
        if let file = state.file, try file.status().identity != there?.identity { state.file = nil }
        if let there, there.length + UInt64(lines.count) > longest, there.length > 0 {
            state.file = nil
            putAside(there)
        }
        let file = if let known = state.file { known } else { try open(&state) }
        state.file = file
        try file.append(state.isTorn ? [0x0A] + lines : lines)
        state.isTorn = false
    }

    private func open(_ state: inout State) throws(FileError) -> File {
        let file: File
        do throws(FileError) {
            file = try File(path, .append)
        } catch {
            guard error.code == .notFound, mayMake() else { throw error }
            file = try File(path, .append)
        }
        let length = try file.length()
        // Whoever was writing may have been killed by a full disk.
        if length > 0, let end = try? File(path, .readFile), let last = try? end.read(at: length - 1, count: 1) {
            state.isTorn = last != [0x0A]
        }
        return file
    }

    /// Puts the file aside, unless another process does: then it grows a little longer.
    private func putAside(_ seen: FileInfo) {
        guard let lock, let held = try? File.ofLock(lock), (try? held.tryLock()) == true else { return }
        defer { withExtendedLifetime(held) {} }
        guard (try? fileInfo(path))?.identity == seen.identity else { return }
        for number in (0..<Self.kept).reversed() {
            try? renameFile(number == 0 ? path : "\(path).\(number)", to: "\(path).\(number + 1)")
        }
    }
}
