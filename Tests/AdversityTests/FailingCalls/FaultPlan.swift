import Samples

/// What may go wrong with which call.
enum FaultPlan {
    private typealias Row = (error: String, modes: [Fault.Mode])

    /// Errors that Linux gives for each kind of call, and how often.
    ///
    /// `EINTR` comes at every second call at the most, so that who calls again gets on. A lock that can never be had
    /// would be waited for.
    private static let failures: [String: [Row]] = [
        "open": [
            ("ENOSPC", [.once, .from]), ("EIO", [.once, .from]), ("EMFILE", [.once, .from]),
            ("EACCES", [.once, .from]), ("EINTR", [.once, .alternate]),
        ],
        "close": [("EIO", [.once]), ("ENOSPC", [.once])],
        "read": [("EIO", [.once, .from]), ("EINTR", [.once, .alternate]), ("none", [.short])],
        "pread": [("EIO", [.once, .from]), ("EINTR", [.once, .alternate]), ("none", [.short])],
        "write": [
            ("ENOSPC", [.once, .from]), ("EIO", [.once, .from]), ("EINTR", [.once, .alternate]), ("none", [.short]),
        ],
        "pwrite": [
            ("ENOSPC", [.once, .from]), ("EIO", [.once, .from]), ("EINTR", [.once, .alternate]), ("none", [.short]),
        ],
        "fsync": [("EIO", [.once, .from, .lost]), ("ENOSPC", [.once]), ("EINTR", [.once])],
        "fdatasync": [("EIO", [.once, .from, .lost]), ("ENOSPC", [.once]), ("EINTR", [.once])],
        "syncfs": [("EIO", [.once, .from]), ("ENOSPC", [.once])],
        "sync_file_range": [("EIO", [.once]), ("ENOSPC", [.from])],
        "ftruncate": [("ENOSPC", [.once]), ("EIO", [.once, .from]), ("EINTR", [.once])],
        "rename": [("ENOSPC", [.once]), ("EIO", [.once, .from, .done]), ("EACCES", [.once, .from])],
        "unlink": [("EIO", [.once, .done]), ("EACCES", [.once, .from])],
        "rmdir": [("EACCES", [.once]), ("EIO", [.done])],
        "mkdir": [("ENOSPC", [.once, .from]), ("EIO", [.once, .done]), ("EACCES", [.once, .from])],
        "link": [("EIO", [.once, .done]), ("EACCES", [.from])],
        "stat": [("EIO", [.once, .from]), ("EACCES", [.once, .from])],
        "fstat": [("EIO", [.once, .from])],
        "chmod": [("EIO", [.once]), ("EACCES", [.from])],
        "opendir": [("EIO", [.once]), ("EMFILE", [.once, .from]), ("EACCES", [.once])],
        "readdir": [("EIO", [.once, .from])],
        "flock": [("EINTR", [.once, .alternate]), ("EIO", [.once, .from])],
        "fcntl": [("EIO", [.once]), ("EINTR", [.once])],
        "mmap": [("ENOMEM", [.once, .from])],
        "output": [("ENOSPC", [.once, .from]), ("EIO", [.once]), ("EINTR", [.once, .alternate]), ("none", [.short])],
    ]

    /// Calls that change something; the end of the process shortly before one, in it, or with the power is a state of
    /// its own.
    private static let ends: [Row] = [("none", [.kill, .torn, .last, .cut])]
    private static let changing: Set<String> = [
        "write", "pwrite", "fsync", "fdatasync", "syncfs", "ftruncate", "rename", "unlink", "rmdir", "mkdir", "link",
    ]

    /// Every call that may fail in a run with these calls, by kind.
    static func failures(_ counts: [String: Int]) -> [[Fault]] {
        counts.sorted { $0.key < $1.key }.map { call, count in faults(call, count, failures[call] ?? []) }
    }

    /// Every call at which the process may end, and the power cut after its own end.
    static func ends(_ counts: [String: Int]) -> [[Fault]] {
        let calls = counts.filter { changing.contains($0.key) }.sorted { $0.key < $1.key }
        return calls.map { faults($0.key, $0.value, ends) }
            + [[Fault(call: "exit", position: 1, error: "none", mode: .cut)]]
    }

    private static func faults(_ call: String, _ count: Int, _ rows: [Row]) -> [Fault] {
        rows.flatMap { row in
            row.modes.flatMap { mode in
                (0..<count).map { Fault(call: call, position: $0 + 1, error: row.error, mode: mode) }
            }
        }
    }

    /// Takes `count` of all, as many as can be from each group, in an order that chance and the seed choose.
    static func choose<Item>(_ count: Int, of groups: [[Item]], seed: UInt64) -> [Item] {
        var numbers = SeededNumbers(seed: seed)
        let mixed = groups.map { $0.shuffled(using: &numbers) }
        var chosen: [Item] = []
        for row in 0..<(mixed.map(\.count).max() ?? 0) {
            for group in mixed.shuffled(using: &numbers) where row < group.count { chosen.append(group[row]) }
            if chosen.count >= count { break }
        }
        return Array(chosen.prefix(count))
    }
}
