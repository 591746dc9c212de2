internal import Digests
internal import HTTPClient
internal import Storage

/// A file in the body of a request, as a form sends it (RFC 7578), with a length that is known before.
struct MultipartBody: Sendable {
    private let boundary: String
    private let file: Body
    private let head: [UInt8]
    private let tail: [UInt8]

    /// A body with the bytes of one file, behind `fields`; `name` is what is said of it, and `type` its kind.
    init(
        _ file: Body,
        name: String,
        type: String = "application/octet-stream",
        behind fields: [(name: String, value: String)] = []
    ) {
        // By chance, so that nothing in the file ends it.
        boundary = "ipfs-kit-\(hex(randomBytes(16)))"
        self.file = file
        var head = ""
        for field in fields {
            let disposition = "Content-Disposition: form-data; name=\"\(field.name)\""
            head += "--\(boundary)\r\n\(disposition)\r\n\r\n\(field.value)\r\n"
        }
        let disposition = "Content-Disposition: form-data; name=\"file\"; filename=\"\(HTTPText.escaped(name))\""
        self.head = Array((head + "--\(boundary)\r\n\(disposition)\r\nContent-Type: \(type)\r\n\r\n").utf8)
        tail = Array("\r\n--\(boundary)--\r\n".utf8)
    }

    /// The field that says what the body is.
    var contentType: HTTPField {
        HTTPField(name: "Content-Type", value: "multipart/form-data; boundary=\(boundary)")
    }

    /// The body as a client sends it.
    var body: HTTPBody {
        .stream(length: UInt64(head.count + tail.count) + file.length) {
            Bytes(head: head, file: file, tail: tail)
        }
    }

    /// The pieces in their order; the end is sent only behind all bytes of the file.
    private struct Bytes: AsyncSequence, Sendable {
        typealias Element = [UInt8]
        typealias Failure = any Error

        let head: [UInt8]
        let file: Body
        let tail: [UInt8]

        func makeAsyncIterator() -> Iterator { Iterator(bytes: self, cursor: StreamCursor(file.open())) }

        struct Iterator: AsyncIteratorProtocol {
            private enum Place { case head, file, end }

            fileprivate let bytes: Bytes
            fileprivate let cursor: StreamCursor<[UInt8]>
            private var place = Place.head
            private var given: UInt64 = 0

            fileprivate init(bytes: Bytes, cursor: StreamCursor<[UInt8]>) {
                self.bytes = bytes
                self.cursor = cursor
            }

            mutating func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
                switch place {
                case .head:
                    place = .file
                    return bytes.head
                case .file:
                    if let chunk = try await cursor.next() {
                        given += UInt64(chunk.count)
                        guard given <= bytes.file.length else { throw wrongLength }
                        return chunk
                    }
                    guard given == bytes.file.length else { throw wrongLength }
                    place = .end
                    return bytes.tail
                case .end: return nil
                }
            }

            private var wrongLength: StorageError {
                StorageError(.corrupt, "The source did not give the \(bytes.file.length) bytes that were expected.")
            }
        }
    }
}
