/// Cuts what a program writes into lines, as long as it keeps within bounds.
struct AnnexLines: Sendable {
    /// What came of a line that is not over yet.
    private var begun: [UInt8] = []
    /// How many lines, and bytes, came since the last rest.
    private var fresh = (lines: 0, bytes: 0)

    /// No line is longer, in bytes.
    private static let longest = 64 << 10
    /// More in a quarter of a second is a flood: a thousand times as much as any program has to say.
    private static let most = (lines: 25_000, bytes: 8 << 20)

    /// The lines that end in `bytes`, and what is wrong with them, as a sentence.
    mutating func add(_ bytes: [UInt8]) -> (lines: [String], problem: String?) {
        var lines: [String] = []
        var rest = bytes[...]
        fresh.bytes += bytes.count
        while let end = rest.firstIndex(of: 0x0A) {
            var line = begun + rest[..<end]
            if line.last == 0x0D { line.removeLast() }
            (begun, rest) = ([], rest[(end + 1)...])
            guard line.count <= Self.longest else { return (lines, Self.tooLong) }
            lines.append(String(decoding: line, as: UTF8.self))
        }
        begun += rest
        fresh.lines += lines.count
        if begun.count > Self.longest { return (lines, Self.tooLong) }
        if fresh.lines > Self.most.lines || fresh.bytes > Self.most.bytes {
            return ([], "It floods: it wrote \(fresh.bytes) bytes in \(fresh.lines) lines within a moment.")
        }
        return (lines, nil)
    }

    /// Notes that a quarter of a second has passed.
    mutating func rest() { fresh = (0, 0) }

    private static let tooLong = "It wrote a line of more than \(longest) bytes."
}
