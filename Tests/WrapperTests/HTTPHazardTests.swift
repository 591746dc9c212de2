import HTTPClient
import Synchronization
import TestKit
import Testing

/// What the library underneath lets through, and the client does not.
struct HTTPHazardTests: HTTPTests {
    private static let length = 2_000_000

    private func body(_ kind: String) -> HTTPBody {
        let bytes = [UInt8](repeating: 7, count: Self.length)
        return kind == "stream" ? stream(UInt64(Self.length), [bytes]) : .bytes(bytes)
    }

    // MARK: Bodies that did not go out

    /// A server that praises an upload after so many bytes of it, and closes or reads on.
    private func praising(after taken: Int, _ status: String, closes: Bool) throws -> SocketServer {
        try SocketServer { connection in
            let head = connection.readHead()
            if taken > 0 {
                if head.contains("100-continue") { connection.send("HTTP/1.1 100 Continue\r\n\r\n") }
                connection.read(atLeast: taken)
            }
            let close = closes ? "Connection: close\r\n" : ""
            connection.send("HTTP/1.1 \(status)\r\n\(close)ETag: \"x\"\r\nContent-Length: 0\r\n\r\n")
            if !closes { connection.read(atLeast: Self.length - taken) }
        }
    }

    @Test(arguments: ["bytes", "stream"], [("200 OK", true), ("204 No Content", true), ("200 OK", false)])
    func praiseBeforeTheBodyIsNoSuccess(_ kind: String, _ reply: (status: String, closes: Bool)) async throws {
        let server = try praising(after: 0, reply.status, closes: reply.closes)
        let request = HTTPRequest(method: "PUT", url: server.url, body: body(kind))
        let error = await #expect(throws: HTTPError.self) { try await HTTPClient(options()).exchange(request) }
        #expect(error?.code == .bodyNotSent)
        #expect(error?.mayHaveActed == true)
        await #expect(throws: HTTPError.self) {
            for try await _ in try await HTTPClient(options()).download(request).body {}
        }
    }

    @Test func praiseInTheMiddleOfTheBodyIsNoSuccess() async throws {
        // More than the buffers between the two can hold.
        let bytes = [UInt8](repeating: 7, count: 64 << 20)
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            connection.read(atLeast: 100_000)
            connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            connection.waitForHangUp()
        }
        let request = HTTPRequest(method: "PUT", url: server.url, body: .bytes(bytes))
        #expect(await code { _ = try await HTTPClient(options()).exchange(request) } == .bodyNotSent)
    }

    @Test(arguments: ["bytes", "stream"])
    func praiseBeforeTheBodyCountsWhereTheBodyIsTaken(_ kind: String) async throws {
        let server = try praising(after: 0, "200 OK", closes: false)
        let client = HTTPClient(options { $0.expectContinueAbove = .max })
        let request = HTTPRequest(method: "PUT", url: server.url, body: body(kind))
        #expect(try await client.exchange(request).status == 200)
    }

    @Test(arguments: ["403 Forbidden", "503 Slow Down"])
    func aRefusalBeforeTheBodyIsAReply(_ status: String) async throws {
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 \(status)\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
        }
        let request = HTTPRequest(method: "PUT", url: server.url, body: body("bytes"))
        let reply = try await HTTPClient(options()).exchange(request)
        #expect(status.hasPrefix("\(reply.status) ") && reply.body == Array("no".utf8))
    }

    // MARK: Requests that come twice

    /// How often the server got the second request, over whose connection it hung up after it had read it.
    private func arrivals(_ request: (String) -> HTTPRequest) async throws -> (count: Int, code: HTTPError.Code?) {
        let count = Mutex(0)
        let server = try SocketServer { connection in
            while let request = connection.nextRequest() {
                guard request.head.hasPrefix("GET /first") else {
                    count.withLock { $0 += 1 }
                    return
                }
                connection.send(Self.ok)
            }
        }
        let client = HTTPClient(options())
        _ = try await client.exchange(HTTPRequest(url: server.url + "/first"))
        let code = await code { _ = try await client.exchange(request(server.url)) }
        return (count.withLock { $0 }, code)
    }

    @Test(arguments: ["POST", "PATCH", "MOVE", "MKCOL", "LOCK"], [0, 3])
    func whatMustNotComeTwiceIsSentOnce(_ method: String, _ length: Int) async throws {
        let body = length == 0 ? HTTPBody.none : .bytes([UInt8](repeating: 1, count: length))
        let (count, code) = try await arrivals { HTTPRequest(method: method, url: $0 + "/second", body: body) }
        #expect(count == 1)
        #expect(code == .connectionLost)
    }

    @Test func whoMakesTheRequestDecides() async throws {
        let (once, _) = try await arrivals {
            HTTPRequest(method: "PUT", url: $0, body: .bytes([1]), isRepeatable: false)
        }
        #expect(once == 1)
        let (twice, code) = try await arrivals { HTTPRequest(method: "PUT", url: $0, body: .bytes([1])) }
        #expect(twice == 2 && code == .connectionLost)
    }

    @Test(arguments: [(HTTPError.Code.cannotConnect, false), (.tls, false), (.connectionLost, true), (.timedOut, true)])
    func errorsSayWhetherTheServerMayHaveActed(_ code: HTTPError.Code, _ mayHaveActed: Bool) {
        #expect(HTTPError(code: code, message: "").mayHaveActed == mayHaveActed)
    }

    @Test func aConnectionThatWasNeverOpenedChangedNothing() async throws {
        let error = await #expect(throws: HTTPError.self) {
            try await HTTPClient(options()).exchange(HTTPRequest(method: "PUT", url: "http://127.0.0.1:1/"))
        }
        #expect(error?.mayHaveActed == false)
    }

    // MARK: Lengths

    @Test func twoLengthsAreNone() async throws {
        let server = try SocketServer { connection in
            _ = connection.readHead()
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhello")
        }
        #expect(
            await code { _ = try await HTTPClient(options()).exchange(HTTPRequest(url: server.url)) }
                == .protocolViolation
        )
    }

    @Test(
        arguments: [
            ("5", UInt64(5)), ("+5", nil), ("-5", nil), ("5 ", nil), ("", nil), ("0x5", nil), ("5,5", nil),
            ("9223372036854775807", UInt64(Int64.max)), ("9223372036854775808", nil), ("18446744073709551616", nil),
            ("٥", nil),
        ] as [(String, UInt64?)]
    )
    func lengthsAreNumbersAndBounded(_ text: String, _ length: UInt64?) {
        let field = HTTPField(name: "content-length", value: text)
        #expect(HTTPHeaders([field]).contentLength == length)
        let chunked = HTTPField(name: "Transfer-Encoding", value: "chunked")
        #expect(HTTPHeaders([field, chunked]).contentLength == nil)
    }
}
