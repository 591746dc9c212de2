/// Gathers the header lines of a reply and the trailers after its body, within bounds, and drops those of interim
/// replies.
struct HeadParser {
    /// What a line amounted to.
    enum Progress {
        /// More lines are to come, or the line was a trailer.
        case more
        /// The headers of the final reply are complete.
        case complete(HTTPHead)
        /// The server sends too much, or nonsense.
        case refused
    }

    private static let maxFields = 300
    private static let maxBytes = 256 << 10

    private var status = 0
    private var fields: [HTTPField] = []
    private var isComplete = false
    /// The fields that came after the body.
    private(set) var trailers: [HTTPField] = []
    // Counted over all interim replies and trailers too: a server may send those without end.
    private var allFields = 0
    private var allBytes = 0

    /// Adds one line, its line end included.
    mutating func add(_ line: some Collection<UInt8>) -> Progress {
        allBytes += line.count
        guard allBytes <= Self.maxBytes else { return .refused }
        let text = Self.trimmed(String(decoding: line, as: UTF8.self)[...])
        if text.hasPrefix("HTTP/") { return start(text) }
        guard !text.isEmpty else { return isComplete ? .more : finish() }
        guard countField() else { return .refused }
        let isFolded = line.first == 0x20 || line.first == 0x09
        let isTaken = isComplete ? Self.add(text, isFolded, to: &trailers) : Self.add(text, isFolded, to: &fields)
        return isTaken ? .more : .refused
    }

    /// Takes a field; false where a folded line goes on with nothing.
    private static func add(_ text: Substring, _ isFolded: Bool, to fields: inout [HTTPField]) -> Bool {
        if isFolded {
            // It goes on with the value of the one before (RFC 9112, section 5.2).
            guard let last = fields.popLast() else { return false }
            fields.append(HTTPField(name: last.name, value: "\(last.value) \(text)"))
        } else if let colon = text.firstIndex(of: ":") {
            let value = Self.trimmed(text[text.index(after: colon)...])
            fields.append(HTTPField(name: String(text[..<colon]), value: String(value)))
        }
        return true
    }

    private mutating func start(_ line: Substring) -> Progress {
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[1].count == 3, let code = Int(parts[1]), code >= 100 else { return .refused }
        status = code
        (fields, trailers) = ([], [])
        isComplete = false
        return countField() ? .more : .refused
    }

    private mutating func finish() -> Progress {
        guard status >= 200 else { return .more }
        isComplete = true
        let headers = HTTPHeaders(fields)
        // Two lengths are none, and who believes which of them is how replies are smuggled (RFC 9112 §6.3).
        guard Set(headers.all("Content-Length")).count <= 1 else { return .refused }
        return .complete(HTTPHead(status: status, headers: headers))
    }

    private mutating func countField() -> Bool {
        allFields += 1
        return allFields <= Self.maxFields
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\n" || $0 == "\r\n" }
        var text = text.drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }
}
