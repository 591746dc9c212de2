import Foundation
import TestKit
import Testing

/// One call of the program that goes wrong, as `libkit-faults.so` makes it.
struct Fault: Sendable, Hashable {
    /// How it goes wrong; `FaultyCalls.h` says more.
    enum Mode: String, Sendable, CaseIterable {
        case once, from, alternate, done, short, lost, kill, torn, last, cut

        /// The process does not live on.
        var ends: Bool { [.kill, .torn, .last, .cut].contains(self) }
    }

    /// The kind of the call: `pwrite`.
    let call: String
    /// Which call of its kind, counted from 1.
    let position: Int
    /// The name of an error of the system: `ENOSPC`.
    let error: String
    let mode: Mode

    /// The fault as it stands in an alarm: `pwrite/3/ENOSPC/once`.
    var text: String { "\(call)/\(position)/\(error)/\(mode.rawValue)" }

    /// Reads what `text` wrote.
    init?(_ text: String) {
        let parts = text.split(separator: "/").map { String($0) }
        guard parts.count == 4, let position = Int(parts[1]), let mode = Mode(rawValue: parts[3]) else { return nil }
        self.init(call: parts[0], position: position, error: parts[2], mode: mode)
    }

    init(call: String, position: Int, error: String, mode: Mode) {
        (self.call, self.position, self.error, self.mode) = (call, position, error, mode)
    }

    private static let numbers = [
        "EIO": EIO, "ENOSPC": ENOSPC, "EMFILE": EMFILE, "EACCES": EACCES, "EINTR": EINTR, "ENOMEM": ENOMEM, "none": 0,
    ]

    /// The environment in which a program meets this fault in its calls below `folder`.
    func environment(below folder: String, log: String) throws -> [String: String] {
        let number = try #require(Self.numbers[error], "no such error: \(error)")
        return try Self.counting(below: folder, log: log, "call=\(call);nth=\(position);error=\(number);mode=\(mode)")
    }

    /// The environment in which the calls of a program below `folder` are counted.
    static func counting(below folder: String, log: String, _ more: String = "") throws -> [String: String] {
        let library = try #require(Programs.built("libkit-faults.so"))
        return ["LD_PRELOAD": library.path, "KIT_FAULTS": "under=\(folder);log=\(log);\(more)"]
    }
}

/// What the library wrote down about a run.
struct CallRecord: Sendable {
    /// How many calls of each kind there were.
    let counts: [String: Int]
    /// How many of them went wrong, and which was the first.
    let failed: Int
    let first: String

    /// The order in which the library counts.
    static let kinds = [
        "open", "close", "read", "pread", "write", "pwrite", "fsync", "fdatasync", "syncfs",
        "sync_file_range", "ftruncate", "rename", "unlink", "rmdir", "mkdir", "link", "stat", "fstat", "chmod",
        "opendir", "readdir", "flock", "fcntl",
        "mmap", "output", "exit",
    ]

    /// Reads the log of a run.
    init(_ log: String) throws {
        let content = try bytes(at: log)
        try #require(content.count == 4096, "the library wrote no log")
        func number(_ index: Int) -> Int {
            (0..<8).reduce(0) { $0 | Int(content[index * 8 + $1]) << (8 * $1) }
        }
        counts = Dictionary(uniqueKeysWithValues: Self.kinds.enumerated().map { ($1, number($0)) }).filter { $1 > 0 }
        failed = number(32)
        first = String(decoding: content[264...].prefix { $0 != 0 }, as: UTF8.self)
    }
}
