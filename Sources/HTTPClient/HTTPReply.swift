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

    /// The value of `Content-Length` in bytes, when there is a well-formed one.
    package var contentLength: UInt64? {
        self["Content-Length"].flatMap { UInt64($0) }
    }

    private func hasName(_ field: HTTPField, _ name: String) -> Bool {
        field.name.utf8.elementsEqual(name.utf8) { folded($0) == folded($1) }
    }

    private func folded(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
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
    /// The header fields of the final reply; interim replies and trailers are left out.
    package let headers: HTTPHeaders
    /// The body.
    package let body: [UInt8]

    /// A reply made of its parts.
    package init(status: Int, headers: HTTPHeaders, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
