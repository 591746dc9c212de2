internal import HTTPClient
internal import Storage

/// Which bytes of a reply's body were asked for, whatever the service makes of a range.
struct RangeWindow: Sendable, Hashable {
    /// Bytes to pass over first.
    var skipped: UInt64 = 0
    /// Bytes to give; nil for all that come.
    var count: UInt64?
    /// Bytes without which the reply is cut short.
    var least: UInt64 = 0

    /// The length of the whole object, as far as the reply says it.
    private(set) var length: UInt64?

    /// Compares what came with what was asked for; some servers answer a range with 200, and some with everything.
    ///
    /// Throws `unexpected` for other bytes.
    init(
        status: Int,
        headers: HTTPHeaders,
        asked: Range<UInt64>?,
        _ what: String,
        _ failures: HTTPFailures
    ) throws(StorageError) {
        let wrong = failures.error(.unexpected, "the service gave other bytes than were asked for", what)
        guard let text = headers["Content-Range"] else {
            guard status != 206 else { throw wrong }
            skipped = asked?.lowerBound ?? 0
            count = asked?.length
            if let length = headers.contentLength { expect(length) }
            return
        }
        let whole = asked ?? 0..<UInt64.max
        guard asked != nil || status == 200, let (given, total) = Self.contentRange(text),
            given.lowerBound <= whole.lowerBound,
            given.upperBound >= min(whole.upperBound, total ?? given.upperBound), given.upperBound > whole.lowerBound
        else { throw wrong }
        skipped = whole.lowerBound - given.lowerBound
        count = min(whole.upperBound, given.upperBound) - whole.lowerBound
        least = count ?? 0
        length = total
    }

    /// Takes note of how long the whole object is: then its end is known.
    mutating func expect(_ length: UInt64) {
        self.length = length
        least = min(count ?? .max, length - min(skipped, length))
    }

    /// Reads `bytes 0-9/100` (RFC 9110 §14.4).
    static func contentRange(_ text: String) -> (given: Range<UInt64>, total: UInt64?)? {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let halves = words[1].split(separator: "/")
        guard halves.count == 2 else { return nil }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false).map { httpNumber($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, last < UInt64(Int64.max) else {
            return nil
        }
        let total = httpNumber(halves[1])
        guard total != nil || halves[1] == "*", last < total ?? .max else { return nil }
        return (first..<last + 1, total)
    }

    /// Reads `bytes */100`, which says how long an object is that has no byte in a range.
    static func length(outside text: String?) -> UInt64? {
        guard let text, text.lowercased().hasPrefix("bytes */") else { return nil }
        return httpNumber(text.dropFirst(8))
    }
}
