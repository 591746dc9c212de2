@testable import HTTPClient
import Testing

/// What of a request's body is handed out, and when.
@Suite struct OutgoingTests {
    private let content = (0..<10).map { UInt8($0) }

    private func outgoing(_ body: HTTPBody) -> Outgoing {
        Outgoing(HTTPRequest(method: "PUT", url: "http://127.0.0.1/", body: body))
    }

    private var stream: HTTPBody { .stream(length: 10) { ListedChunks(chunks: [], fails: false) } }

    /// Up to `room` bytes of what is there.
    private func take(_ outgoing: inout Outgoing, _ room: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xFF, count: room)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe outgoing.take(into: $0) }
        return Array(bytes.prefix(count))
    }

    @Test func `the last byte of a stream waits for its end`() {
        var outgoing = outgoing(stream)
        let isBegun = outgoing.offer(Array(content.prefix(4)))
        let first = take(&outgoing, 64)
        let isAllThere = outgoing.offer(Array(content.dropFirst(4)))
        let rest = take(&outgoing, 64)
        #expect(isBegun && isAllThere && first + rest == Array(content.prefix(9)))
        // Now it turns out that there is more than was said, or that this was all.
        var tooLong = outgoing
        let isTaken = tooLong.offer([1])
        let more = take(&tooLong, 64)
        #expect(!isTaken && more.isEmpty && !tooLong.isSent)
        let isWhole = outgoing.end()
        let last = take(&outgoing, 64)
        #expect(isWhole && last == [9] && outgoing.isSent)
    }

    @Test func `a stream that is too short gives no last byte`() {
        var outgoing = outgoing(stream)
        _ = outgoing.offer(Array(content.prefix(9)))
        let isWhole = outgoing.end()
        let taken = take(&outgoing, 64)
        #expect(!isWhole && taken.count == 9 && !outgoing.isSent)
    }

    @Test func `a body begins again from its first byte, or not at all`() {
        var kept = outgoing(.bytes(content))
        _ = take(&kept, 6)
        let isAgain = kept.rewind()
        let again = take(&kept, 64)
        #expect(isAgain && again == content && kept.isSent)
        var passing = outgoing(stream)
        _ = passing.offer(content)
        let isUntouched = passing.rewind()
        _ = take(&passing, 3)
        let isBack = passing.rewind()
        let next = take(&passing, 3)
        #expect(isUntouched && !isBack && next == Array(content[3..<6]))
    }
}
