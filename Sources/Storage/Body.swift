package import Digests

/// Bytes to be stored: their length is known, and they can be opened again and again, whole or in part.
///
/// That is what makes retrying and parallel uploads possible in one place, without spooling.
package struct Body: Sendable {
    /// The number of bytes.
    package let length: UInt64
    /// SHA-256 of all bytes, where whoever made the body knows it: it need not be computed again.
    package let sha256: [UInt8]?
    /// What the object is to have beside its bytes.
    package var metadata = ObjectMetadata.empty
    private let opener: @Sendable (Range<UInt64>) -> any ByteStream
    /// What readings for sending go through, the outermost last.
    private var layers: [@Sendable (any ByteStream) -> any ByteStream] = []

    /// A body whose bytes come from `open`, called for each reading with the range to read.
    package init(
        length: UInt64,
        sha256: [UInt8]? = nil,
        open: @escaping @Sendable (Range<UInt64>) -> any ByteStream
    ) {
        self.length = length
        self.sha256 = sha256
        opener = open
    }

    /// The same bytes, which go through `layer` when they are opened to be sent.
    package func through(_ layer: @escaping @Sendable (any ByteStream) -> any ByteStream) -> Body {
        var body = self
        body.layers.append(layer)
        return body
    }

    /// Some bytes and behind them those of `range`, as a body of its own.
    package func part(_ range: Range<UInt64>, behind beginning: [UInt8] = []) -> Body {
        let first = UInt64(beginning.count)
        var part = Body(length: first + range.length) { [opener] wanted in
            let head = beginning[Int(min(wanted.lowerBound, first))..<Int(min(wanted.upperBound, first))]
            func place(_ offset: UInt64) -> UInt64 { range.lowerBound + max(offset, first) - first }
            let rest = opener(place(wanted.lowerBound)..<place(wanted.upperBound))
            return head.isEmpty ? rest : Pulled(Array(head), before: rest)
        }
        part.layers = layers
        return part
    }

    /// A body in memory.
    package init(_ bytes: [UInt8], sha256: [UInt8]? = nil) {
        self.init(length: UInt64(bytes.count), sha256: sha256) { range in
            Pulled {
                let position = Locked(range.lowerBound)
                return { () async throws(StorageError) in
                    let part = position.change { start in
                        let end = min(start + Self.chunk, range.upperBound)
                        defer { start = end }
                        return start..<end
                    }
                    return part.isEmpty ? nil : Array(bytes[Int(part.lowerBound)..<Int(part.upperBound)])
                }
            }
        }
    }

    /// The length of the chunks of a body in memory.
    private static let chunk: UInt64 = 256 << 10

    /// The bytes of `range`, or all of them, to be sent.
    package func open(_ range: Range<UInt64>? = nil) -> any ByteStream {
        layers.reduce(look(range)) { stream, layer in layer(stream) }
    }

    /// The bytes of `range`, or all of them, for whoever looks at them and sends none: nothing slows or counts them.
    package func look(_ range: Range<UInt64>? = nil) -> any ByteStream {
        opener(range ?? 0..<length)
    }

    /// The bytes of `range` in memory; throws `corrupt` when the source gives another number of bytes.
    package func bytes(_ range: Range<UInt64>? = nil) async throws(StorageError) -> [UInt8] {
        let range = range ?? 0..<length
        let bytes = try await collect(open(range), limit: Int(clamping: range.length))
        guard bytes.count == range.length else {
            throw StorageError(.corrupt, "The source gave \(bytes.count) bytes where \(range.length) were expected.")
        }
        return bytes
    }

    /// The digest of the bytes of `range`, or of all of them, from one pass over them.
    package func digest(
        _ function: HashFunction,
        of range: Range<UInt64>? = nil
    ) async throws(StorageError) -> [UInt8] {
        var hash = RunningHash(function)
        for try await chunk in look(range) { hash.update(chunk) }
        return hash.digest()
    }
}
