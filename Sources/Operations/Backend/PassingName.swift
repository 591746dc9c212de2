internal import POSIX
internal import Schema
internal import Storage

/// The words in the names of objects that a command leaves on a backend while it runs: whose they are, and which
/// process's.
struct PassingName: Sendable {
    let text: String

    /// The words of this process; a home that does not know itself has none.
    init(of home: String?) {
        text = [home ?? "", String(processIdentifier), String(UInt64.random(in: 0...UInt64.max), radix: 36)]
            .joined(separator: ".")
    }

    /// Whether the command is over that left an object in a folder: its process is gone, where it was one of this home,
    /// or it was a day ago by the clock of the service.
    static func isLeft(_ info: ObjectInfo, in folder: String, by home: String?, _ now: Timestamp) -> Bool {
        let words = info.name.text.dropFirst(folder.count).prefix { $0 != "/" }
            .split(separator: ".", omittingEmptySubsequences: false)
        if words.count >= 3, let home, words[0] == home, let process = Int32(words[1]), !processIsAlive(process) {
            return true
        }
        return info.modified.map { now.milliseconds - $0.milliseconds > 86_400_000 } ?? false
    }
}
