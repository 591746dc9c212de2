/// A moment as servers tell it.
package struct FTPTime: Sendable, Hashable {
    /// The moment in the server's words, such as `20261128030614`.
    package let text: String
    /// Milliseconds since 1970.
    package let milliseconds: Int64

    /// Reads `20261128030614`, or the same with parts of a second (RFC 3659 §2.3); nil for anything else.
    init?(_ text: some StringProtocol) {
        let halves = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = halves.first, whole.utf8.count == 14, ftpNumber(whole) != nil else { return nil }
        func number(_ start: Int, _ count: Int) -> Int64 { Int64(whole.dropFirst(start).prefix(count)) ?? 0 }
        let (year, month, day) = (number(0, 4), number(4, 2), number(6, 2))
        guard (1...12).contains(month), (1...31).contains(day) else { return nil }
        var parts: Int64 = 0
        if halves.count == 2 {
            guard ftpNumber(halves[1].prefix(18)) != nil else { return nil }
            parts = Int64((String(halves[1]) + "000").prefix(3)) ?? 0
        }
        // Days since 1970 by the calendar that repeats itself every 400 years; years begin in March, so that leap days
        // stand at their ends.
        let (shifted, since) = (month > 2 ? year : year - 1, (month + 9) % 12)
        let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (since * 153 + 2) / 5 + day - 719_469
        let seconds = days * 86_400 + number(8, 2) * 3600 + number(10, 2) * 60 + number(12, 2)
        self.text = String(text)
        milliseconds = seconds * 1000 + parts
    }

    /// The first whole second after it.
    package var next: FTPTime? {
        // Every moment in the words of the protocol is one that can be told again.
        let seconds = milliseconds / 1000 + 1
        let (days, rest) = (seconds / 86_400, seconds % 86_400)
        guard days >= 0 else { return nil }
        let shifted = days + 719_468
        let (era, of) = (shifted / 146_097, shifted % 146_097)
        let years = (of - of / 1460 + of / 36_524 - of / 146_096) / 365
        let inYear = of - (365 * years + years / 4 - years / 100)
        let month = (5 * inYear + 2) / 153
        let day = inYear - (153 * month + 2) / 5 + 1
        let (shown, year) = (month < 10 ? month + 3 : month - 9, years + era * 400 + (month < 10 ? 0 : 1))
        func digits(_ number: Int64, _ count: Int) -> String {
            let text = "\(number)"
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        let words = [(year, 4), (shown, 2), (day, 2), (rest / 3600, 2), (rest / 60 % 60, 2), (rest % 60, 2)]
        return FTPTime(words.map { digits($0, $1) }.joined())
    }
}

/// Something in a directory.
package struct FTPEntry: Sendable, Hashable {
    /// What something is.
    package enum Kind: Sendable {
        case file
        case directory
        case link
        /// A pipe, a socket or a device.
        case other
    }

    package let name: String
    package let kind: Kind
    /// The length in bytes, where it is told.
    package private(set) var length: UInt64?
    /// When it was written; of no list for people, whose times are those of some zone, and whole minutes.
    package private(set) var modified: FTPTime?
    /// What is the same now for the same thing under another name, and another for everything else.
    package private(set) var unique: String?
    /// Whether it is the directory itself, or the one in which that lies.
    private(set) var isWay = false

    private init(_ name: String, _ kind: Kind, _ length: UInt64?) {
        (self.name, self.kind, self.length) = (name, kind, length)
        isWay = name == "." || name == ".."
    }

    /// A file of which that is known.
    init(name: String, length: UInt64, modified: FTPTime?) {
        self.init(name, .file, length)
        self.modified = modified
    }

    /// The same with another length.
    func with(length: UInt64?) -> FTPEntry {
        var entry = self
        entry.length = length
        return entry
    }

    // MARK: For machines

    /// Reads `type=file;size=4;modify=20261128031709; name` (RFC 3659 §7.2); nil for anything else.
    init?(facts line: some StringProtocol) {
        let halves = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, !halves[1].isEmpty else { return nil }
        var facts: [String: Substring] = [:]
        for fact in halves[0].split(separator: ";") {
            let words = Substring(fact).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if words.count == 2 { facts[words[0].lowercased()] = words[1] }
        }
        guard let type = facts["type"]?.lowercased() else { return nil }
        let kind: Kind =
            switch type {
            case "file": .file
            case "dir", "cdir", "pdir": .directory
            case _ where type.contains("link"): .link
            default: .other
            }
        self.init(String(halves[1]), kind, facts["size"].flatMap { ftpNumber($0) })
        isWay = isWay || type == "cdir" || type == "pdir"
        modified = facts["modify"].flatMap { FTPTime($0) }
        unique = facts["unique"].map(String.init)
    }

    // MARK: For people

    /// Reads a line as `ls -l` writes it, or as DOS does; nil for anything else.
    init?(listed line: String) {
        guard let entry = Self.unix(line) ?? Self.dos(line) else { return nil }
        self = entry
    }

    private static let months: Set = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    /// Reads `-rw-r--r-- 1 owner group 4 Nov 28 03:06 name`, where the owner or the group may be missing.
    private static func unix(_ line: String) -> FTPEntry? {
        guard let first = line.first, let kind = kind(of: first), line.utf8.count > 10 else { return nil }
        let words = line.split(separator: " ")
        guard words.count >= 5, words[0].utf8.count >= 10 else { return nil }
        for index in words.indices.dropFirst(2).dropLast(2) {
            guard let last = ending(of: words, at: index) else { continue }
            guard let length = ftpNumber(words[index - 1]), line.endIndex > words[last].endIndex else { return nil }
            // One space stands before the name, and any more are part of it.
            var name = line[line.index(after: words[last].endIndex)...]
            if kind == .link, let arrow = name.firstRange(of: " -> ") { name = name[..<arrow.lowerBound] }
            return name.isEmpty ? nil : FTPEntry(String(name), kind, kind == .file ? length : nil)
        }
        return nil
    }

    /// The last word of the date that begins at a word; nil where none does.
    private static func ending(of words: [Substring], at index: Int) -> Int? {
        if months.contains(words[index].lowercased()) {
            guard index + 2 < words.count, let day = ftpNumber(words[index + 1]), (1...31).contains(day) else {
                return nil
            }
            let time = words[index + 2]
            return isClock(time) || time.utf8.count == 4 && ftpNumber(time) != nil ? index + 2 : nil
        }
        // ISO: 2026-11-28 03:06.
        let date = words[index].split(separator: "-")
        guard date.count == 3, date[0].utf8.count == 4, date.allSatisfy({ ftpNumber($0) != nil }),
            index + 1 < words.count, isClock(words[index + 1])
        else { return nil }
        return index + 1
    }

    private static func isClock(_ word: Substring) -> Bool {
        let parts = word.split(separator: ":", omittingEmptySubsequences: false)
        return (2...3).contains(parts.count)
            && parts.allSatisfy { (1...2).contains($0.utf8.count) && ftpNumber($0) != nil }
    }

    private static func kind(of letter: Character) -> Kind? {
        switch letter {
        case "-": .file
        case "d": .directory
        case "l": .link
        case "b", "c", "p", "s", "D": .other
        default: nil
        }
    }

    /// Reads `11-28-26  03:06AM  4 name`, or `<DIR>` in the place of the length.
    private static func dos(_ line: String) -> FTPEntry? {
        let words = line.split(separator: " ", maxSplits: 3)
        guard words.count == 4 else { return nil }
        let date = words[0].split(whereSeparator: { $0 == "-" || $0 == "/" })
        let clock = words[1].uppercased()
        let time = clock.hasSuffix("AM") || clock.hasSuffix("PM") ? clock.dropLast(2) : clock[...]
        guard date.count == 3, date.allSatisfy({ ftpNumber($0) != nil }), isClock(time) else { return nil }
        // Behind such a word the names stand in a column of their own, and behind a length after one space.
        let name = String(words[3].drop { $0 == " " })
        switch words[2].uppercased() {
        case "<DIR>": return FTPEntry(name, .directory, nil)
        case "<JUNCTION>", "<SYMLINKD>", "<SYMLINK>": return FTPEntry(name, .link, nil)
        default: return ftpNumber(words[2]).map { FTPEntry(String(words[3]), .file, $0) }
        }
    }
}

/// A number of digits alone; nil for another text, and for more than a file can be long.
func ftpNumber(_ text: some StringProtocol) -> UInt64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text) else {
        return nil
    }
    return number <= UInt64(Int64.max) ? number : nil
}
