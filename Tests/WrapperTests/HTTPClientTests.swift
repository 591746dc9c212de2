import HTTPClient
import Synchronization
import TestKit
import Testing

/// What the client sends, and what it makes of bodies and servers that are not what they should be.
struct HTTPClientTests: HTTPTests {
    // MARK: What is sent

    @Test func sendsTheURLAndHeadersByteForByte() async throws {
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send(fault.reply)
        }
        let request = HTTPRequest(url: server.url)
        #expect(await code { _ = try await HTTPClient(options()).exchange(request) } == fault.code)
        let streamed = await code { for try await _ in try await HTTPClient(options()).download(request).body {} }
        #expect(streamed == fault.code)
    }

    @Test func aReplyThatIsTooLargeIsRefused() async throws {
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        #expect(reply.trailers == HTTPHeaders([HTTPField(name: "X-Trailer", value: "1")]))
    }

    /// Where a server learns too late that it fails, it says so after the body.
    @Test func trailersOfADownloadAreThereWhenAllOfItWasRead() async throws {
        let server = try SocketServer { connection in
            while connection.nextHead() != nil {
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Error\r\n\r\n2\r\nhi\r\n")
                connection.send("0\r\nX-Error: it broke\r\n off\r\n\r\n")
            }
        }
        let client = HTTPClient(options())
        for _ in 0..<2 {
            let download = try await client.download(HTTPRequest(url: server.url))
            #expect(download.headers["X-Error"] == nil)
            #expect(try await download.body.collect(upTo: 10) == Array("hi".utf8))
            #expect(download.body.trailers["x-error"] == "it broke off")
        }
    }

    @Test func aServerWithoutTLSIsNotTrusted() async throws {
        let server = try SocketServer { connection in
            connection.read(atLeast: 1)
            connection.send(Self.ok)
        }
        let request = HTTPRequest(url: "https://127.0.0.1:\(server.port)/")
        #expect(await code { _ = try await HTTPClient(options()).exchange(request) } == .tls)
    }

    @Test func redirectsAreReportedNotFollowed() async throws {
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        }
        #expect(try await HTTPClient(options()).exchange(HTTPRequest(url: server.url)).status == 302)
    }
}
