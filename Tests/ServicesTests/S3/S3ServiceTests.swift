import Digests
import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

struct S3ServiceTests {
    private let bytes = Array("hello".utf8)

    @Test func putComparesTheDigest() async throws {
        let md5 = digest(.md5, of: bytes)
        let server = ScriptedServer { (_, number) in
            switch number {
            case 1: reply(200, ["ETag": "\"\(hex(md5))\""])
            case 2: reply(200, ["ETag": "\"\(hex(md5.reversed()))\""])
            case 3: reply(200, ["ETag": hex(md5.reversed()), "x-amz-server-side-encryption": "aws:kms"])
            default: reply(200, ["ETag": "\"no-digest\""])
            }
        }
        let service = try server.service(prefix: "p")
        let x = try name("x")
        #expect(try await service.put(x, Body(bytes)).proof == .md5(md5))
        #expect(await failure { try await service.put(x, Body(bytes)) }?.code == .corrupt)
        #expect(try await service.put(x, Body(bytes)).proof == nil)
        #expect(try await service.put(x, Body(bytes)).proof == nil)
        let headers = HTTPHeaders(server.requests[0].headers)
        // What is sent along proves nothing when it comes back.
        #expect(headers["Content-MD5"] == nil)
        #expect(headers["x-amz-content-sha256"] == hex(digest(.sha256, of: bytes)))
        #expect(server.lines[0] == "PUT http://s3.test/bkt/p/x")
    }

    @Test(arguments: [1, 9]) func aBodyOfAnotherLengthIsNotSent(_ length: UInt64) async throws {
        let server = ScriptedServer { (_, _) in reply(200) }
        let service = try server.service()
        let body = Body(length: length) { _ in Body([1, 2, 3]).open() }
        #expect(await failure { try await service.put(name("x"), body) }?.code == .corrupt)
        #expect(server.requests.isEmpty)
    }

    @Test(arguments: [
        (200, "bytes 2-4/5", 2..<5, UInt64(0), UInt64(3)), (206, "bytes 2-4/5", 2..<100, 0, 3),
        (206, "bytes 0-4/5", 2..<4, 2, 2), (200, "", 2..<4, 2, 2),
    ])
    func ranges(_ status: Int, _ text: String, _ asked: Range<UInt64>, _ skipped: UInt64, _ count: UInt64) throws {
        let headers = HTTPHeaders(text.isEmpty ? [] : [HTTPField(name: "Content-Range", value: text)])
        let window = try RangeWindow(
            status: status,
            headers: headers,
            asked: asked,
            "x",
            HTTPFailures(host: "h", kind: "a service")
        )
        #expect(window.skipped == skipped)
        #expect(window.count == count)
    }

    @Test(arguments: [
        (206, "bytes 3-4/5"), (206, "bytes 0-2/5"), (206, ""), (206, "bytes 4-2/5"), (206, "bytes */5"),
        (206, "bytes 2-99999999999999999999/5"), (206, "2-4/5"), (206, "bytes 2-4/3"),
    ])
    func wrongRanges(_ status: Int, _ text: String) {
        let headers = HTTPHeaders(text.isEmpty ? [] : [HTTPField(name: "Content-Range", value: text)])
        #expect(throws: StorageError.self) {
            let failures = HTTPFailures(host: "h", kind: "a service")
            return try RangeWindow(status: status, headers: headers, asked: 2..<5, "x", failures)
        }
    }
}
