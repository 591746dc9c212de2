/// Why a document was not parsed.
package struct XMLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Equatable {
        /// Not well-formed XML in UTF-8, or XML with a document type or entities of its own; the line counts from 1.
        case malformed(line: Int)
        /// More levels of elements than the limit.
        case tooDeep
        /// More bytes, elements or attributes than the limits.
        case tooLarge
    }

    /// What kind of failure it is.
    package let code: Code
    /// The failure as a whole sentence.
    package let message: String

    package var description: String { message }
}

/// Bounds on a document from outside.
package struct XMLLimits: Sendable {
    /// The most levels of elements, the root included.
    package var depth: Int
    /// The most elements in all.
    package var elements: Int
    /// The most bytes of the document.
    package var bytes: Int
    /// The most attributes of one element, declarations of namespaces included.
    package var attributes: Int

    /// Limits that fit the replies of storage services.
    package init(depth: Int = 64, elements: Int = 200_000, bytes: Int = 64 << 20, attributes: Int = 64) {
        self.depth = depth
        self.elements = elements
        self.bytes = bytes
        self.attributes = attributes
    }
}
