import HTTPClient
import Storage
import Testing

@testable import Services

/// A form with a file in it: what is sent has the length that was announced, or no end.
@Suite struct MultipartBodyTests {
    private func sent(_ body: Body) async throws -> [UInt8] {
        guard case .stream(_, let open) = MultipartBody(body, name: "a b.car").body else { return [] }
        var bytes: [UInt8] = []
        for try await chunk in open() { bytes += chunk }
        return bytes
    }

    @Test func aFileStandsBetweenItsBoundaries() async throws {
        let body = MultipartBody(Body(Array("content".utf8)), name: "a b.car")
        guard case .stream(let length, let open) = body.body else { return }
        var bytes: [UInt8] = []
        for try await chunk in open() { bytes += chunk }
        let boundary = try #require(body.contentType.value.split(separator: "=").last)
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                --\(boundary)\r
                Content-Disposition: form-data; name="file"; filename="a%20b.car"\r
                Content-Type: application/octet-stream\r
                \r
                content\r
                --\(boundary)--\r\n
                """
        )
        #expect(length == UInt64(bytes.count))
        #expect(MultipartBody(Body([]), name: "x").contentType != body.contentType)
    }

    @Test func fieldsStandBeforeTheFile() async throws {
        let fields = [(name: "car", value: "true"), (name: "name", value: "ünï")]
        let body = MultipartBody(Body(Array("content".utf8)), name: "a.car", type: "text/plain", behind: fields)
        guard case .stream(let length, let open) = body.body else { return }
        var bytes: [UInt8] = []
        for try await chunk in open() { bytes += chunk }
        let boundary = try #require(body.contentType.value.split(separator: "=").last)
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                --\(boundary)\r
                Content-Disposition: form-data; name="car"\r
                \r
                true\r
                --\(boundary)\r
                Content-Disposition: form-data; name="name"\r
                \r
                ünï\r
                --\(boundary)\r
                Content-Disposition: form-data; name="file"; filename="a.car"\r
                Content-Type: text/plain\r
                \r
                content\r
                --\(boundary)--\r\n
                """
        )
        #expect(length == UInt64(bytes.count))
    }

    /// Where a source gives fewer bytes, the end that would make a whole file of them is not sent.
    @Test(arguments: [6, 8]) func aSourceOfAnotherLengthHasNoEnd(_ count: Int) async throws {
        let body = Body(length: 7) { _ in Body([UInt8](repeating: 1, count: count)).open() }
        do {
            _ = try await sent(body)
            Issue.record("What was sent looks whole.")
        } catch {
            #expect((error as? StorageError)?.code == .corrupt)
        }
    }
}
