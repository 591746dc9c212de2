import HTTPClient
import Synchronization
import TestKit
import Testing

/// How transfers end before their time, how long they may take, and how many there may be at once.
struct HTTPTransferTests: HTTPTests {
    // MARK: Early replies

    @Test(arguments: [413, 403], [true, false])
    func anEarlyRefusalStopsTheUpload(status: Int, continues: Bool) async throws {
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send(beginning)
            _ = connection.readToEnd()
        }
        let client = HTTPClient(options { $0.stallTimeout = .milliseconds(150) })
        #expect(await code { _ = try await client.exchange(HTTPRequest(url: server.url)) } == .timedOut)
    }

    @Test func aStalledUploadEndsToo() async throws {
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
            for _ in 0..<8 {
                connection.waitForHangUp(atMost: 60)
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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
        let server = try SocketServer { connection in
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

    @Test func aDeadKeptConnectionIsReplacedAndNoPostIsRepeated() async throws {
        let posts = Mutex(0)
        let server = try SocketServer { connection in
            let first = connection.readRequest()
            posts.withLock { $0 += first.head.hasPrefix("POST") ? 1 : 0 }
            connection.send(Self.ok)
            // The second request on the same connection is taken, and its reply lost.
            guard let second = connection.nextRequest() else { return }
            posts.withLock { $0 += second.head.hasPrefix("POST") ? 1 : 0 }
        }
        for method in ["PUT", "POST"] {
            let client = HTTPClient(options())
            let request = HTTPRequest(method: method, url: server.url, body: .bytes([1, 2, 3]))
            #expect(await code { _ = try await client.exchange(request) } == nil)
            #expect(await code { _ = try await client.exchange(request) } == nil)
        }
        // Each went over a connection of its own.
        #expect(posts.withLock { $0 } == 2)
    }
}
