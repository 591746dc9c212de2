internal import POSIX
internal import Storage

/// What is mounted on this machine, as far as this process sees it.
struct MountTable: Sendable {
    /// One line of it.
    struct Entry: Sendable {
        /// The folder at which it is mounted.
        let folder: String
        /// The word for the file system: `fuse.sshfs`.
        let type: String
        /// What was mounted, as whoever mounted it says.
        let source: String
    }

    private let entries: [Entry]

    /// The table as it is now; throws where the system does not show it.
    init() throws(FileError) {
        self.init(String(decoding: try readSystemFile("/proc/self/mountinfo"), as: UTF8.self))
    }

    /// A table as proc(5) describes `mountinfo`; lines that are none are left out.
    init(_ text: String) {
        entries = text.split(separator: "\n").compactMap { line in
            let halves = line.split(separator: " ").split(separator: "-", maxSplits: 1)
            guard halves.count == 2, halves[0].count >= 5, let left = halves.first, let right = halves.last,
                right.count >= 2
            else { return nil }
            return Entry(
                folder: Self.plain(left[left.startIndex + 4]),
                type: String(right[right.startIndex]),
                source: Self.plain(right[right.startIndex + 1])
            )
        }
    }

    /// What is mounted at a folder; of several the one on top.
    func entry(at folder: String) -> Entry? { entries.last { $0.folder == folder } }

    /// A word with the bytes that stand in it as a backslash and three octal digits.
    private static func plain(_ word: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(word.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                bytes.append(digits.reduce(0) { ($0 &* 8) &+ ($1 - 0x30) })
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
