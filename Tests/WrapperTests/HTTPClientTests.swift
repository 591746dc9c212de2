import HTTPClient
import Synchronization
import Testing

struct HTTPClientTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    private func options(_ change: (inout HTTPOptions) -> Void = { _ in }) -> HTTPOptions {
        var options = HTTPOptions()
        options.usesEnvironmentProxy = false
        options.stallTimeout = .seconds(5)
        change(&options)
        return options
    }

    private func code(_ body: () async throws -> Void) async -> HTTPError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? HTTPError)?.code
        }
    }

    private func stream(_ length: UInt64, _ chunks: [[UInt8]], thenFail: Bool = false) -> HTTPBody {
        .stream(length: length) { ListedChunks(chunks: chunks, fails: thenFail) }
    }

    // MARK: What is sent

    @Test func sendsTheURLAndHeadersByteForByte() async throws {
        let server = try ScriptedServer { connection in
            let request = connection.readRequest()
            connection.send(
                "HTTP/1.1 200 OK\r\nX-Two: a\r\nx-two: b\r\nContent-Length: \(request.head.utf8.count)\r\n\r\n"
            )
            connection.send(request.head)
        }
        let path = "/a/../b//./c%2f%7e~%2B+'*()!$@:;,=&?x=%e2%82%ac&y=a/../b&z"
        let reply = try await HTTPClient(options()).exchange(
            HTTPRequest(
                method: "PROPFIND",
                url: server.url + path,
                headers: [HTTPField(name: "X-Empty", value: ""), HTTPField(name: "Host", value: "example.org")]
            )
        )
        let head = String(decoding: reply.body, as: UTF8.self)
        #expect(head.hasPrefix("PROPFIND \(path) HTTP/1.1\r\n"))
        #expect(head.contains("\r\nHost: example.org\r\n"))
        #expect(head.contains("\r\nX-Empty:\r\n"))
        #expect(head.contains("\r\nAccept-Encoding: identity\r\n"))
        #expect(!head.contains("Expect") && !head.contains("Content-Length") && !head.contains("chunked"))
        #expect(reply.headers["X-TWO"] == "a")
        #expect(reply.headers.all("x-two") == ["a", "b"])
    }

    @Test(arguments: ["PUT", "POST"], [0, 1, 16_384, 65_537, 1_500_000])
    func sendsBodiesWithTheirLength(method: String, length: Int) async throws {
        let server = try ScriptedServer { connection in
            while let request = connection.nextRequest() {
                let isIntact = request.body == [UInt8](repeating: 7, count: length)
                let verdict = "\(request.body.count) \(isIntact) \(request.head)"
                connection.send("HTTP/1.1 201 Created\r\nContent-Length: \(verdict.utf8.count)\r\n\r\n\(verdict)")
            }
        }
        let bytes = [UInt8](repeating: 7, count: length)
        let chunks = stride(from: 0, to: length, by: 300_000).map { Array(bytes[$0..<min($0 + 300_000, length)]) }
        let client = HTTPClient(options())
        for body in [.bytes(bytes), stream(UInt64(length), chunks), stream(UInt64(length), [[], bytes, []])] {
            let reply = try await client.exchange(HTTPRequest(method: method, url: server.url, body: body))
            let verdict = String(decoding: reply.body, as: UTF8.self)
            #expect(reply.status == 201)
            #expect(verdict.hasPrefix("\(length) true \(method) "))
            #expect(verdict.contains("\r\nContent-Length: \(length)\r\n"))
            #expect(verdict.contains("Expect: 100-continue") == (length > 1 << 20))
        }
        #expect(client.counters.bytesSent == UInt64(3 * length))
    }

    @Test(arguments: [
        ("http://127.0.0.1:1/a b", "", HTTPError.Code.badURL), ("http://127.0.0.1:1/a\r\nX: y", "", .badURL),
        ("http://127.0.0.1:1/é", "", .badURL), ("http://127.0.0.1:1/#a", "", .badURL),
        ("file:///etc/passwd", "", .badURL),
        ("", "", .badURL), ("http://", "", .badURL), ("http://127.0.0.1:99999/", "", .badURL),
        ("http://127.0.0.1:1/", "a\r\nb: c", .badRequest), ("http://127.0.0.1:1/", "a\nb", .badRequest),
        ("http://127.0.0.1:1/", "a\u{0}b", .badRequest), ("http://127.0.0.1:1/", "", .cannotConnect),
        ("http://nowhere.invalid/", "", .cannotResolve),
    ])
    func refusesWhatCannotBeSent(url: String, header: String, expected: HTTPError.Code) async {
        let request = HTTPRequest(url: url, headers: [HTTPField(name: "X-A", value: header)])
        #expect(await code { _ = try await HTTPClient(options()).exchange(request) } == expected)
    }

    @Test func messagesHideUserPathAndQuery() async throws {
        let request = HTTPRequest(url: "http://user:secret@127.0.0.1:1/path?token=secret")
        let error = try await #require(throws: HTTPError.self) { try await HTTPClient(options()).exchange(request) }
        #expect(error.message.contains("127.0.0.1:1 "))
        #expect(!error.message.contains("secret") && !error.message.contains("path"))
    }

    // MARK: Bodies that are not what they said

    @Test(arguments: [(10, [9]), (10, [10, 1]), (10, [11]), (0, [1]), (10, []), (3_000_000, [2_999_999])])
    func aBodyOfTheWrongLengthIsNeverComplete(length: Int, sizes: [Int]) async throws {
        let received = Mutex(0)
        let (ended, endedGate) = AsyncStream.makeStream(of: Void.self)
        let server = try ScriptedServer { connection in
            let head = connection.readHead()
            if head.contains("100-continue") { connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
            let body = connection.readToEnd()
            received.withLock { $0 = body }
            endedGate.finish()
        }
        let body = stream(UInt64(length), sizes.map { [UInt8](repeating: 1, count: $0) })
        let request = HTTPRequest(method: "PUT", url: server.url, body: body)
        let failure = await code { _ = try await HTTPClient(options()).exchange(request) }
        #expect(failure == .bodyLengthMismatch)
        if length > 0 {
            for await _ in ended {}
            #expect(received.withLock { $0 } < length)
        }
    }

    @Test func aFailingBodyIsTheCause() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            _ = connection.readToEnd()
        }
        let request = HTTPRequest(method: "PUT", url: server.url, body: stream(10, [[1]], thenFail: true))
        let error = try await #require(throws: HTTPError.self) { try await HTTPClient(options()).exchange(request) }
        #expect(error.code == .bodyFailed)
        #expect(error.cause is ListedChunks.Broken)
    }

    // MARK: Servers that misbehave

    enum Fault: CaseIterable {
        case silence, halfAHead, halfABody, halfAChunk, badChunk, notHTTP, badLength
        case manyFields, bigFields, oneBigField, endlessHints

        var reply: String {
            let ok = "HTTP/1.1 200 OK\r\n"
            return switch self {
            case .silence: ""
            case .halfAHead: ok + "Content-Le"
            case .halfABody: ok + "Content-Length: 10\r\n\r\n12345"
            case .halfAChunk: ok + "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"
            case .badChunk: ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"
            case .notHTTP: "SSH-2.0-OpenSSH_9\r\n"
            case .badLength: ok + "Content-Length: -1\r\n\r\n"
            case .manyFields: ok + String(repeating: "X: y\r\n", count: 400) + "\r\n"
            case .bigFields: ok + String(repeating: "X: \(String(repeating: "y", count: 4000))\r\n", count: 250)
            case .oneBigField: ok + "X: " + String(repeating: "y", count: 1 << 20)
            case .endlessHints: String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 1000)
            }
        }

        var code: HTTPError.Code {
            switch self {
            case .silence, .halfAHead: .connectionLost
            case .halfABody, .halfAChunk, .badChunk: .truncated
            default: .protocolViolation
            }
        }
    }

    @Test(arguments: Fault.allCases)
    func faultsHaveTheirOwnErrors(fault: Fault) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send(fault.reply)
        }
        let request = HTTPRequest(url: server.url)
        #expect(await code { _ = try await HTTPClient(options()).exchange(request) } == fault.code)
        let streamed = await code { for try await _ in try await HTTPClient(options()).download(request).body {} }
        #expect(streamed == fault.code)
    }

    @Test func aReplyThatIsTooLargeIsRefused() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send(
                "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + String(repeating: "x", count: 100_000)
            )
        }
        for (limit, expected) in [(99_999, HTTPError.Code.replyTooLarge), (100_000, nil)] {
            let client = HTTPClient(options { $0.maxReplyBytes = limit })
            #expect(await code { _ = try await client.exchange(HTTPRequest(url: server.url)) } == expected)
        }
    }

    @Test func headAndInterimRepliesAndTrailers() async throws {
        let server = try ScriptedServer { connection in
            let head = connection.readHead()
            connection.send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")
            if head.hasPrefix("HEAD") {
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
            } else {
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Fold: a\r\n  b\r\n\r\n")
                connection.send("2\r\nhi\r\n0\r\nX-Trailer: 1\r\n\r\n")
            }
        }
        let client = HTTPClient(options())
        let head = try await client.exchange(HTTPRequest(method: "HEAD", url: server.url))
        #expect(head.headers.contentLength == 99_999_999_999)
        #expect(head.body.isEmpty)
        let reply = try await client.exchange(HTTPRequest(url: server.url))
        #expect(String(decoding: reply.body, as: UTF8.self) == "hi")
        #expect(reply.headers["X-Fold"] == "a b")
        #expect(reply.headers["X-Early"] == nil && reply.headers["X-Trailer"] == nil)
    }

    @Test func aServerWithoutTLSIsNotTrusted() async throws {
        let server = try ScriptedServer { connection in
            connection.read(atLeast: 1)
            connection.send(Self.ok)
        }
        let request = HTTPRequest(url: "https://127.0.0.1:\(server.port)/")
        #expect(await code { _ = try await HTTPClient(options()).exchange(request) } == .tls)
    }

    @Test func redirectsAreReportedNotFollowed() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(try await HTTPClient(options()).exchange(HTTPRequest(url: server.url)).status == 302)
    }

    // MARK: Early replies

    @Test(arguments: [413, 403], [true, false])
    func anEarlyRefusalStopsTheUpload(status: Int, continues: Bool) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            if continues {
                connection.send("HTTP/1.1 100 Continue\r\n\r\n")
                connection.read(atLeast: 1)
            }
            connection.send("HTTP/1.1 \(status) No\r\nContent-Length: 2\r\n\r\nno")
            _ = connection.readToEnd()
        }
        let endless = HTTPBody.stream(length: 1 << 40) { EndlessChunks(chunk: [UInt8](repeating: 1, count: 1 << 16)) }
        let request = HTTPRequest(method: "PUT", url: server.url, body: endless)
        let client = HTTPClient(options())
        let reply = try await client.exchange(request)
        #expect(reply.status == status)
        #expect(reply.body == Array("no".utf8))
        let download = try await client.download(request)
        #expect(download.status == status)
        #expect(try await download.body.collect(upTo: 2) == Array("no".utf8))
    }

    @Test func anEarlyRefusalEndsAnUploadThatWaitsForItsStream() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.read(atLeast: 1)
            connection.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
            _ = connection.readToEnd()
        }
        let body = HTTPBody.stream(length: 1000) { StuckAfterOne() }
        let reply = try await HTTPClient(options()).exchange(HTTPRequest(method: "PUT", url: server.url, body: body))
        #expect(reply.status == 403)
    }

    @Test func anExpectationThatFailsIsDropped() async throws {
        let server = try ScriptedServer { connection in
            while let head = connection.nextHead() {
                if head.contains("Expect:") {
                    connection.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 3\r\n\r\nbad")
                } else {
                    _ = connection.read(atLeast: 2_000_000)
                    connection.send(Self.ok)
                }
            }
        }
        let body = HTTPBody.bytes([UInt8](repeating: 1, count: 2_000_000))
        let reply = try await HTTPClient(options()).exchange(HTTPRequest(method: "PUT", url: server.url, body: body))
        #expect(reply.status == 200)
        #expect(reply.body == Array("hi".utf8))
    }

    // MARK: Time

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1"])
    func aStallEndsTheTransfer(beginning: String) async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send(beginning)
            _ = connection.readToEnd()
        }
        let client = HTTPClient(options { $0.stallTimeout = .milliseconds(150) })
        #expect(await code { _ = try await client.exchange(HTTPRequest(url: server.url)) } == .timedOut)
    }

    @Test func aStalledUploadEndsToo() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.waitForHangUp()
        }
        let body = HTTPBody.stream(length: 1 << 40) { EndlessChunks(chunk: [UInt8](repeating: 1, count: 1 << 20)) }
        let client = HTTPClient(options { $0.stallTimeout = .milliseconds(150) })
        let request = HTTPRequest(
            method: "PUT",
            url: server.url,
            headers: [HTTPField(name: "Expect", value: "")],
            body: body
        )
        #expect(await code { _ = try await client.exchange(request) } == .timedOut)
    }

    @Test func aTrickleIsNotAStallButHasATotalTime() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
            for _ in 0..<8 {
                connection.pause(milliseconds: 60)
                connection.send("x")
            }
        }
        let request = HTTPRequest(url: server.url)
        let patient = HTTPClient(options { $0.stallTimeout = .milliseconds(250) })
        #expect(try await patient.download(request).body.collect(upTo: 8).count == 8)
        let hasty = HTTPClient(options { $0.totalTimeout = .milliseconds(150) })
        #expect(await code { _ = try await hasty.exchange(request) } == .timedOut)
    }

    // MARK: Cancelling and letting go

    @Test func cancellingTheTaskHangsUp() async throws {
        let (events, gate) = AsyncStream.makeStream(of: String.self)
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            gate.yield("asked")
            connection.waitForHangUp()
            gate.yield("hung up")
        }
        let client = HTTPClient(options { $0.stallTimeout = .seconds(60) })
        let stuck = HTTPBody.stream(length: 1000) { StuckAfterOne() }
        var seen = events.makeAsyncIterator()
        for body in [HTTPBody.none, stuck] {
            let request = HTTPRequest(method: "PUT", url: server.url, body: body)
            let task = Task { await code { _ = try await client.exchange(request) } }
            #expect(await seen.next() == "asked")
            task.cancel()
            #expect(await task.value == .cancelled)
            #expect(await seen.next() == "hung up")
        }
        let late = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return await code { _ = try await client.exchange(HTTPRequest(url: server.url)) }
        }
        #expect(await late.value == .cancelled)
    }

    @Test func droppingADownloadHangsUp() async throws {
        let (events, gate) = AsyncStream.makeStream(of: String.self)
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n1")
            connection.waitForHangUp()
            gate.yield("hung up")
        }
        var seen = events.makeAsyncIterator()
        let client = HTTPClient(options())
        do {
            let download = try await client.download(HTTPRequest(url: server.url))
            #expect(download.headers.contentLength == 100)
        }
        #expect(await seen.next() == "hung up")
        for try await chunk in try await client.download(HTTPRequest(url: server.url)).body {
            #expect(chunk.count == 1)
            break
        }
        #expect(await seen.next() == "hung up")
    }

    @Test func aDownloadKeepsItsClient() async throws {
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
            connection.send([UInt8](repeating: 1, count: 3_000_000))
        }
        let download = try await HTTPClient(options()).download(HTTPRequest(url: server.url))
        #expect(try await download.body.collect(upTo: 3_000_000).count == 3_000_000)
    }

    // MARK: Many bytes and many requests

    @Test func aSlowReaderHoldsTheServerBack() async throws {
        let total = 64 << 20
        let bytes = [UInt8](repeating: 1, count: total)
        let (blocked, gate) = AsyncStream.makeStream(of: Int.self)
        let server = try ScriptedServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            let sent = connection.sendUntilBlocked(bytes, milliseconds: 700)
            gate.yield(sent)
            connection.send(bytes, from: sent)
        }
        let client = HTTPClient(options { $0.stallTimeout = .milliseconds(500) })
        let body = try await client.download(HTTPRequest(url: server.url)).body
        var iterator = body.makeAsyncIterator()
        var received = try await iterator.next(isolation: nil)?.count ?? 0
        var reports = blocked.makeAsyncIterator()
        #expect(try #require(await reports.next()) < 24 << 20)
        #expect(client.counters.bytesReceived <= 3 << 20)
        var chunks = 1
        while let chunk = try await iterator.next(isolation: nil) {
            received += chunk.count
            chunks += 1
            #expect(chunk.count <= 1 << 20)
        }
        #expect(received == total)
        #expect(chunks < total / (48 << 10))
    }

    @Test func manyRequestsShareFewConnections() async throws {
        let server = try ScriptedServer { connection in
            while let request = connection.nextRequest() {
                #expect(request.body.count == 100)
                connection.send(Self.ok)
            }
        }
        let client = HTTPClient(options { $0.maxConnections = 4 })
        let replies = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    let body = HTTPBody.bytes([UInt8](repeating: 1, count: 100))
                    return try await client.exchange(HTTPRequest(method: "PUT", url: server.url, body: body)).status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(replies == [Int](repeating: 200, count: 200))
        #expect(server.connectionCount <= 4)
        #expect(client.counters.requests == 200)
        #expect(client.counters.connections == UInt64(server.connectionCount))
        #expect(client.counters.bytesSent == 20_000 && client.counters.bytesReceived == 400)
    }

    @Test func aDeadKeptConnectionIsReplacedUnlessThatCouldRepeatAPost() async throws {
        let posts = Mutex(0)
        let server = try ScriptedServer { connection in
            let first = connection.readRequest()
            posts.withLock { $0 += first.head.hasPrefix("POST") ? 1 : 0 }
            connection.send(Self.ok)
            // The second request on the same connection is taken, and its reply lost.
            guard let second = connection.nextRequest() else { return }
            posts.withLock { $0 += second.head.hasPrefix("POST") ? 1 : 0 }
        }
        for (method, expected) in [("PUT", nil), ("POST", HTTPError.Code.connectionLost)] {
            let client = HTTPClient(options())
            let request = HTTPRequest(method: method, url: server.url, body: .bytes([1, 2, 3]))
            #expect(await code { _ = try await client.exchange(request) } == nil)
            #expect(await code { _ = try await client.exchange(request) } == expected)
        }
        #expect(posts.withLock { $0 } == 2)
    }
}

// MARK: Bodies

private struct ListedChunks: AsyncSequence, Sendable {
    struct Broken: Error {}

    let chunks: [[UInt8]]
    let fails: Bool

    func makeAsyncIterator() -> Iterator { Iterator(chunks: chunks[...], fails: fails) }

    struct Iterator: AsyncIteratorProtocol {
        var chunks: ArraySlice<[UInt8]>
        let fails: Bool

        mutating func next() async throws -> [UInt8]? {
            if let chunk = chunks.popFirst() { return chunk }
            if fails { throw ListedChunks.Broken() }
            return nil
        }
    }
}

private struct EndlessChunks: AsyncSequence, Sendable {
    let chunk: [UInt8]

    func makeAsyncIterator() -> Iterator { Iterator(chunk: chunk) }

    struct Iterator: AsyncIteratorProtocol {
        let chunk: [UInt8]

        func next() async throws -> [UInt8]? { chunk }
    }
}

/// Gives one byte, then nothing until its task is cancelled.
private struct StuckAfterOne: AsyncSequence, Sendable {
    func makeAsyncIterator() -> Iterator { Iterator() }

    struct Iterator: AsyncIteratorProtocol {
        var hasGiven = false

        mutating func next() async throws -> [UInt8]? {
            defer { hasGiven = true }
            if hasGiven { try await Task.sleep(for: .seconds(3600)) }
            return [1, 1]
        }
    }
}
