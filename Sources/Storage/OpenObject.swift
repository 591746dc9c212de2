/// An object that was opened for reading.
package struct OpenObject: Sendable {
    /// The bytes that were asked for.
    package let stream: any ByteStream
    /// The length of the whole object in bytes, as far as the service announced it.
    package let length: UInt64?
    /// The version that the bytes belong to; nil where the service has none, and then a read that broke cannot go on.
    package let version: ObjectVersion?
    /// Whether the service sends all that comes before the range, too.
    package let ignoresRange: Bool

    package init(_ stream: any ByteStream, length: UInt64?, version: ObjectVersion?, ignoresRange: Bool = false) {
        self.stream = stream
        self.length = length
        self.version = version
        self.ignoresRange = ignoresRange
    }

    /// The same object, the reading of which goes through `layer`.
    package func through(_ layer: (any ByteStream) -> any ByteStream) -> OpenObject {
        OpenObject(layer(stream), length: length, version: version, ignoresRange: ignoresRange)
    }
}

/// What becomes another one when the content of an object does, in the words of the service: an ETag, or what the
/// file system says of a file.
package struct ObjectVersion: Sendable, Hashable {
    package let text: String

    package init(_ text: String) { self.text = text }
}

extension StorageError {
    /// The error of a read whose object was replaced.
    package static func changed(_ name: some CustomStringConvertible) -> StorageError {
        StorageError(.changed, "\(name) was replaced while it was read.")
    }
}

extension Range<UInt64> {
    /// How many numbers it holds, which may be more than an `Int` can count.
    package var length: UInt64 { upperBound - lowerBound }
}
