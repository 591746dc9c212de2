internal import HTTPClient
internal import Storage

/// Which bytes of a reply's body were asked for.
struct S3Window: Sendable, Hashable {
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
        _ errors: S3Errors
    ) throws(StorageError) {
        let wrong = errors.error(.unexpected, "the service gave other bytes than were asked for", what)
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

/// The bytes of an object while they come.
struct S3Download: AsyncSequence, Sendable {
    typealias Element = [UInt8]
    typealias Failure = StorageError

    let body: HTTPDownload.Body
    let window: S3Window
    let what: String
    let errors: S3Errors

    func makeAsyncIterator() -> Iterator {
        Iterator(source: body.makeAsyncIterator(), skipped: window.skipped, left: window.count ?? .max, download: self)
    }

    /// Gives the bytes inside the window, and an error where they end too early.
    struct Iterator: AsyncIteratorProtocol {
        fileprivate var source: HTTPDownload.Body.Iterator
        fileprivate var skipped: UInt64
        fileprivate var left: UInt64
        fileprivate var given: UInt64 = 0
        fileprivate let download: S3Download

        mutating func next(isolation actor: isolated (any Actor)?) async throws(StorageError) -> [UInt8]? {
            while left > 0 {
                let chunk: [UInt8]?
                do throws(HTTPError) {
                    chunk = try await source.next(isolation: actor)
                } catch {
                    throw download.errors.translate(download.what, error)
                }
                guard let chunk else { break }
                let passed = Int(Swift.min(skipped, UInt64(chunk.count)))
                let taken = Int(Swift.min(left, UInt64(chunk.count - passed)))
                skipped -= UInt64(passed)
                left -= UInt64(taken)
                given += UInt64(taken)
                if taken == chunk.count { return chunk }
                if taken > 0 { return Array(chunk[passed..<passed + taken]) }
            }
            guard given >= download.window.least else {
                throw download.errors.error(
                    .unavailable,
                    "the reply ended \(download.window.least - given) bytes too early",
                    download.what,
                    .later
                )
            }
            return nil
        }
    }
}
