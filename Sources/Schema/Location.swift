/// Where the content of a root lies on a backend: the objects that hold its CAR, in their order.
package struct Location: Sendable, Hashable {
    /// A whole object, or the bytes of one that belong to this content.
    package struct Part: Sendable, Hashable {
        /// The name of the object, in the words of the service.
        package let name: String
        /// Where the bytes begin in it.
        package let offset: UInt64
        /// How many they are; nil is all to the end of the object.
        package let length: UInt64?
        /// Their SHA-256, where it is known.
        package let sha256: [UInt8]?

        package init(_ name: String, offset: UInt64 = 0, length: UInt64? = nil, sha256: [UInt8]? = nil) {
            self.name = name
            self.offset = offset
            self.length = length
            self.sha256 = sha256
        }
    }

    /// At least one.
    package let parts: [Part]

    /// A whole object.
    package init(_ name: String) { parts = [Part(name)] }

    /// Several objects, or parts of them; nil where there are none.
    package init?(_ parts: [Part]) {
        guard !parts.isEmpty else { return nil }
        self.parts = parts
    }

    /// The name of the first object: the `car_file_path` of a mapping.
    package var path: String { parts[0].name }
}
