/// Header fields in the order they came; names are compared without regard to case.
package struct HTTPHeaders: Sendable, Equatable {
    /// All fields, repeated ones included.
    package let fields: [HTTPField]

    /// Headers made of fields.
    package init(_ fields: [HTTPField]) {
        self.fields = fields
    }

    /// The value of the first field with this name.
    package subscript(name: String) -> String? {
        fields.first { hasName($0, name) }?.value
    }

    /// The values of all fields with this name.
    package func all(_ name: String) -> [String] {
        fields.filter { hasName($0, name) }.map(\.value)
    }

    /// The value of `Content-Length` in bytes, when there is a well-formed one that counts.
    ///
    /// Beside a transfer encoding it does not (RFC 9112 §6.3).
    package var contentLength: UInt64? {
        guard self["Transfer-Encoding"] == nil, let text = self["Content-Length"] else { return nil }
        return httpNumber(text)
    }

    private func hasName(_ field: HTTPField, _ name: String) -> Bool {
        field.name.utf8.elementsEqual(name.utf8) { folded($0) == folded($1) }
    }

    private func folded(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}

/// A number as HTTP writes it, of digits alone; nil for another text, and for more than a file can be long.
package func httpNumber(_ text: some StringProtocol) -> UInt64? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text) else { return nil }
    return number <= UInt64(Int64.max) ? number : nil
}

/// The status and the headers of a final reply.
struct HTTPHead: Sendable {
    let status: Int
    let headers: HTTPHeaders
}

/// A whole reply in memory.
package struct HTTPReply: Sendable {
    /// The status code, such as 200.
    package let status: Int
    /// The header fields of the final reply; interim replies are left out.
    package let headers: HTTPHeaders
    /// The body.
    package let body: [UInt8]
    /// The fields that came after the body.
    package let trailers: HTTPHeaders

    /// A reply made of its parts.
    package init(status: Int, headers: HTTPHeaders, body: [UInt8], trailers: HTTPHeaders = HTTPHeaders([])) {
        self.status = status
        self.headers = headers
        self.body = body
        self.trailers = trailers
    }
}
