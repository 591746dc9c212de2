extension Chunker: CustomStringConvertible {
    /// Reads Kubo's spelling: `size-262144`, `rabin`, `rabin-AVERAGE`, `rabin-LEAST-AVERAGE-MOST` or `buzhash`.
    ///
    /// - Throws: `.unsupported` for anything else, and what ``validate()`` throws.
    public init(_ text: String) throws(DecodingProblem) {
        let words = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        let numbers = try words.dropFirst().enumerated().map { (index, word) throws(DecodingProblem) in
            try Self.number(word, label: words.count == 4 ? ["min", "avg", "max"][index] : "avg", in: text)
        }
        switch (words.first, numbers.count) {
        case ("", 0), ("default", 0): self = .size(1 << 18)
        case ("size", 1): self = .size(numbers[0])
        case ("rabin", 0): self = .rabin(average: 1 << 18)
        case ("rabin", 1): self = .rabin(average: numbers[0])
        case ("rabin", 3): self = .rabin(least: numbers[0], average: numbers[1], most: numbers[2])
        case ("buzhash", 0): self = .buzhash
        default:
            throw DecodingProblem(
                .unsupported,
                "“\(text)” is no chunker; size-N, rabin, rabin-AVERAGE, rabin-LEAST-AVERAGE-MOST and buzhash are."
            )
        }
        try validate()
    }

    /// The spelling that ``init(_:)`` reads.
    public var description: String {
        switch self {
        case .size(let size): "size-\(size)"
        case .rabin(let least, let average, let most): "rabin-\(least)-\(average)-\(most)"
        case .buzhash: "buzhash"
        }
    }

    private static func number(_ word: String, label: String, in text: String) throws(DecodingProblem) -> Int {
        let digits = word.hasPrefix(label + ":") ? word.dropFirst(label.count + 1) : word[...]
        guard let number = Int(digits), number >= 0 else {
            throw DecodingProblem(.unsupported, "“\(word)” in the chunker “\(text)” is no number.")
        }
        return number
    }
}
