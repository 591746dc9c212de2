package import POSIX
internal import Schema
internal import Storage

/// A file to which events are appended, one a line of JSON, by several processes at once.
///
/// Lines that were told together are one write: nobody's lines stand in the middle of another's.
package final class EventLog: Sendable {
    private struct State {
        var file: File?
        /// How long the file was when this process wrote to it last: nobody has written to it since.
        var end: UInt64?
    }

    /// A file of the home is put aside when it is longer than this, in bytes.
    static let longest: UInt64 = 16 << 20
    /// So many that were put aside are kept.
    static let kept = 4

    let path: String
    /// The file of the lock under which files are put aside; nil where that is left to others.
    private let lock: String?
    private let longest: UInt64
    /// Makes the folder, and says whether there is a home in which it may be.
    private let make: @Sendable () throws(FileError) -> Bool
    private let state = Locked(State())

    /// The log of a home, which is made with the first line once the home is there.
    init(of home: KitHome, longest: UInt64 = EventLog.longest) {
        path = home.log
        lock = home.path + "/locks/log"
        self.longest = longest
        make = { () throws(FileError) in
            guard (try? home.exists()) == true else { return false }
            try makeDirectory(home.logs, permissions: 0o700)
            return true
        }
    }

    /// A log that somebody named; throws where it cannot be written to, and `refused` where it would be in the home.
    package init(_ path: String, beside kit: Kit) throws(KitError) {
        try kit.boundary.refuseAppending(to: path)
        (self.path, lock, longest) = (path, nil, .max)
        make = { () throws(FileError) in false }
        do throws(FileError) {
            let file = try File(path, .append)
            // Whoever hears of it waits on a thread of his own.
            try file.waitsForReaders()
            state.change { $0.file = file }
        } catch {
            throw KitError(error)
        }
    }

    /// The files in which the log of a home is, the oldest first.
    static func files(of home: KitHome) -> [String] {
        ((1...kept).reversed().map { "\(home.log).\($0)" } + [home.log]).filter { (try? fileExists($0)) == true }
    }

    /// Appends events that the log keeps; before there is a home it keeps none.
    package func write(_ events: [Event]) throws(FileError) {
        let events = events.filter(\.isInLog)
        guard !events.isEmpty else { return }
        var lines: [UInt8] = []
        for event in events { lines += (event.json.compact + "\n").utf8 }
        try state.change { [lines] (state) throws(FileError) in try append(lines, &state) }
    }

    private func append(_ lines: [UInt8], _ state: inout State) throws(FileError) {
        if lock != nil {
            // Another process may have put the file aside.
            let there = try? fileInfo(path)
            if let file = state.file, try file.status().identity != there?.identity { state.file = nil }
            if let there, there.length + UInt64(lines.count) > longest, there.length > 0 {
                state.file = nil
                putAside(there)
            }
            if state.file == nil { state.file = try open() }
        }
        guard let file = state.file else { return }
        let length = try file.length()
        // Whoever wrote last may have been stopped by a full disk in the middle of a line.
        let isTorn = length > 0 && length != state.end && !isWhole(at: length)
        state.end = nil
        try file.append(isTorn ? [0x0A] + lines : lines)
        state.end = try file.length()
    }

    /// Opens the file; nil where there is no home that it could be in.
    private func open() throws(FileError) -> File? {
        do throws(FileError) {
            return try openFile()
        } catch {
            guard error.code == .notFound else { throw error }
            return try make() ? try openFile() : nil
        }
    }

    private func openFile() throws(FileError) -> File {
        // What is no file of the home, such as a link, is not read as the log either.
        if let there = try? fileInfo(path), there.kind != .file { throw FileError.notALog(path) }
        return try File(path, .append)
    }

    /// Whether the file ends with the end of a line.
    private func isWhole(at length: UInt64) -> Bool {
        guard let file = try? File(path, .readFile), let last = try? file.read(at: length - 1, count: 1) else {
            return true
        }
        return last == [0x0A]
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
