/// Where the content of a root lies on a backend: the object that holds its CAR, by the name that the service knows.
package struct Location: Sendable, Hashable {
    /// CARs up to this length, in bytes, are read whole: no index is kept beside them.
    package static let longestReadWhole: UInt64 = 1 << 20

    /// The name: the `car_file_path` of a mapping.
    package let path: String
    /// The length of the CAR in bytes, where it is known.
    package let length: UInt64?

    package init(_ path: String, length: UInt64? = nil) { (self.path, self.length) = (path, length) }

    /// Whether the CAR is so short that it is read whole.
    package var isReadWhole: Bool { length.map { $0 <= Self.longestReadWhole } ?? false }
}
