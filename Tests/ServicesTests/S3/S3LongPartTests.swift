import Digests
import HTTPClient
import Schema
import Storage
import Synchronization
import Testing

@testable import Services

/// Parts that are sent from their source and not held.
struct S3LongPartTests {
    private static let part = 17 << 20
    private static let length = part + (2 << 20)
    private static let chunk = [UInt8](repeating: 7, count: 1 << 20)

    /// A body whose readings are counted: those for sending, and all of them.
    private final class Source: Sendable {
        private let readings = Locked<[Range<UInt64>]>([])
        private let sent = Locked(0)
        private let failing: Int

        /// The reading with the number `failing` breaks off.
        init(failing: Int = .max) { self.failing = failing }

        var ranges: [Range<UInt64>] { readings.read { $0 } }
        var sendings: Int { sent.read { $0 } }

        var body: Body {
            Body(length: UInt64(S3LongPartTests.length)) { range in
                let number = self.readings.change { readings in
                    readings.append(range)
                    return readings.count
                }
                let left = Locked(range.count >> 20)
                return Pulled {
                    { () async throws(StorageError) in
                        if number == self.failing { throw StorageError(.corrupt, "The source broke off.") }
                        return left.change { left in
                            left -= 1
                            return left >= 0 ? S3LongPartTests.chunk : nil
                        }
                    }
                }
            }.through { stream in
                self.sent.change { $0 += 1 }
                return stream
            }
        }
    }

    private static func md5(_ mebibytes: Int) -> [UInt8] {
        digest(.md5, of: [UInt8](repeating: 7, count: mebibytes << 20))
    }

    /// A service that says the MD5 of what came; `refused` requests with a body are answered with 503 first.
    private func server(refused: Int = 0, etag: String? = nil, listed: String = "") -> ScriptedServer {
        let left = Locked(refused)
        let joined = digest(.md5, of: Self.md5(17) + Self.md5(2))
        return ScriptedServer { (request, _) in
            switch request.method {
            case "PUT":
                guard
                    left.change({ left in
                        left -= 1; return left < 0
                    })
                else { return reply(503) }
                guard case .bytes(let bytes) = request.body else { return reply(400) }
                return reply(200, ["ETag": "\"\(etag ?? hex(digest(.md5, of: bytes)))\""])
            case "GET" where request.url.contains("uploads="):
                let upload = listed.isEmpty ? "" : "<Upload><Key>x</Key><UploadId>U</UploadId></Upload>"
                return reply(200, [:], "<ListMultipartUploadsResult>\(upload)</ListMultipartUploadsResult>")
            case "GET": return reply(200, [:], "<ListPartsResult>\(listed)</ListPartsResult>")
            case "POST" where request.url.contains("uploads="):
                return reply(200, [:], "<I><UploadId>U</UploadId></I>")
            case "POST":
                return reply(
                    200,
                    [:],
                    "<CompleteMultipartUploadResult><ETag>\(hex(joined))-2</ETag></CompleteMultipartUploadResult>"
                )
            case "HEAD" where !request.url.hasSuffix("/bkt"):
                return reply(200, ["ETag": "\"\(hex(joined))-2\"", "Content-Length": String(Self.length)])
            default: return reply(204)
            }
        }
    }

    private func put(_ source: Source, _ server: ScriptedServer, tls: Bool, retries: Int = 0) async throws -> PutReceipt
    {
        let endpoint = tls ? "https://s3.test" : "http://s3.test"
        let service = try server.service(endpoint: endpoint, part: Self.part, retries: retries)
        return try await service.put(name("x"), source.body)
    }

    @Test(arguments: [(true, 2), (false, 4)])
    func aLongPartIsReadAgainWhereItsDigestGoesBeforeIt(_ tls: Bool, _ readings: Int) async throws {
        let source = Source()
        #expect(try await put(source, server(), tls: tls).proof != nil)
        #expect(source.ranges.count == readings)
        // What is only looked at is neither slowed nor counted.
        #expect(source.sendings == 2)
    }

    @Test func aLongPartIsReadAnewForEachTry() async throws {
        let source = Source()
        let server = server(refused: 2)
        #expect(try await put(source, server, tls: true, retries: 3).proof != nil)
        #expect(source.ranges.count == 4)
        #expect(server.lines.count { $0.hasPrefix("PUT") } == 4)
    }

    @Test func otherBytesThanWereSentAreSeen() async throws {
        let other = hex(Self.md5(1))
        let error = await failure { try await put(Source(), server(etag: other), tls: true) }
        #expect(error?.code == .corrupt)
    }

    @Test func aLongPartThatIsThereIsNotSent() async throws {
        let listed = "<Part><PartNumber>1</PartNumber><Size>\(Self.part)</Size><ETag>\(hex(Self.md5(17)))</ETag></Part>"
        let source = Source()
        let server = server(listed: listed)
        _ = try await put(source, server, tls: true)
        #expect(server.lines.filter { $0.hasPrefix("PUT") }.map { $0.contains("partNumber=2&") } == [true])
        #expect(source.sendings == 1)
    }

    @Test(arguments: [1, 2]) func aSourceThatBreaksOffEndsTheUpload(_ reading: Int) async throws {
        let server = server()
        let error = await failure { try await put(Source(failing: reading), server, tls: true, retries: 3) }
        #expect(error?.code == .corrupt && error?.message.contains("broke off") == true)
        #expect(server.lines.last?.hasPrefix("DELETE") == true)
    }
}
