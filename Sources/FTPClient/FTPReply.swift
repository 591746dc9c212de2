/// What a server says to a command: a number, and words.
package struct FTPReply: Sendable, Hashable {
    package let code: Int
    /// The lines without the number, where they have it.
    package let lines: [String]

    /// The words on one line.
    package var words: String { lines.joined(separator: " ") }

    /// Whether it says that what was asked for is done.
    package var isDone: Bool { (200..<300).contains(code) }

    /// Whether it says that something is under way, after which another reply follows.
    var isBeginning: Bool { (100..<200).contains(code) }
}

/// Finds replies in what comes from a server.
struct FTPReplyReader: Sendable {
    /// What came and belongs to no reply yet.
    private var rest: [UInt8] = []
    private var code: Int?
    private var lines: [String] = []
    private var length = 0

    /// No reply that means anything is longer.
    private static let longest = 256 << 10

    /// That what came is no reply: its beginning.
    struct Stranger: Error { let words: String }

    /// Whether nothing came that belongs to no reply.
    var isEmpty: Bool { rest.isEmpty && code == nil }

    mutating func add(_ bytes: [UInt8]) { rest += bytes }

    /// The next reply; nil where it is not whole yet.
    mutating func next() throws(Stranger) -> FTPReply? {
        while let end = rest.firstIndex(of: 0x0A) {
            let line = String(decoding: rest[..<end].filter { $0 != 0x0D }, as: UTF8.self)
            rest.removeSubrange(...end)
            length += line.utf8.count
            if let reply = try add(line) { return reply }
        }
        guard rest.count + length <= Self.longest else { throw Stranger(words: lines.first ?? text(rest)) }
        return nil
    }

    private mutating func add(_ line: String) throws(Stranger) -> FTPReply? {
        let number = Self.number(of: line)
        let mark = line.utf8.dropFirst(3).first
        guard let code else {
            guard let number, mark == nil || mark == UInt8(ascii: " ") || mark == UInt8(ascii: "-") else {
                throw Stranger(words: line)
            }
            let words = String(line.dropFirst(4))
            if mark != UInt8(ascii: "-") { return end(FTPReply(code: number, lines: [words])) }
            (self.code, lines) = (number, [words])
            return nil
        }
        // Only the same number before a space ends it; others may stand at the front of any line.
        if number == code, mark == nil || mark == UInt8(ascii: " ") {
            return end(FTPReply(code: code, lines: lines + [String(line.dropFirst(4))]))
        }
        lines.append(number == code && mark == UInt8(ascii: "-") ? String(line.dropFirst(4)) : line)
        return nil
    }

    private mutating func end(_ reply: FTPReply) -> FTPReply {
        (code, lines, length) = (nil, [], 0)
        return reply
    }

    private static func number(of line: String) -> Int? {
        let digits = line.utf8.prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(line.prefix(3)),
            (100..<660).contains(number)
        else { return nil }
        return number
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes.prefix(400), as: UTF8.self) }
}

/// What a server says that it can do.
package struct FTPFeatures: Sendable {
    /// Whether it tells of files in a form that machines read.
    package private(set) var hasFacts = false
    /// Whether it gives a file another time.
    package private(set) var setsTimes = false
    /// The facts that it can tell, and does not unless it is asked.
    private(set) var silentFacts: [String] = []
    private(set) var takesUTF8 = false

    /// Reads the reply to FEAT; a server that does not know it has none.
    init(_ reply: FTPReply) {
        guard reply.isDone else { return }
        for line in reply.lines {
            let words = line.split(separator: " ", maxSplits: 1)
            switch words.first?.uppercased() {
            case "MLST":
                hasFacts = true
                let facts = words.dropFirst().first?.split(separator: ";") ?? []
                silentFacts = facts.filter { !$0.hasSuffix("*") }.map { $0.lowercased() }
            case "MFMT": setsTimes = true
            case "UTF8": takesUTF8 = true
            default: break
            }
        }
    }
}
