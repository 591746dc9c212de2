/// Where the content of a root lies on a backend: the object that holds its CAR, or the objects that do together, by
/// the names that the service knows.
package struct Location: Sendable, Hashable {
    /// A part of a CAR that is too long for one object: a CAR of its own.
    package struct Shard: Sendable, Hashable {
        /// The name of the object.
        package let name: String
        /// The length of the object in bytes.
        package let length: UInt64

        package init(_ name: String, length: UInt64) { (self.name, self.length) = (name, length) }
    }

    /// CARs up to this length, in bytes, are read whole: no index is kept beside them.
    package static let longestReadWhole: UInt64 = 1 << 20
    /// The most shards of a CAR: a row that names them all stays one that everybody reads.
    package static let maxShards = 4096

    /// The name of the CAR, the `car_file_path` of a mapping: that of its object, or where there are shards, the one
    /// from which theirs are made.
    package let path: String
    /// The length of the CAR in bytes, where it is known.
    package let length: UInt64?
    /// The objects that hold it together, in order; empty where one object at `path` holds all of it.
    package let shards: [Shard]

    package init(_ path: String, length: UInt64? = nil, shards: [Shard] = []) {
        (self.path, self.length, self.shards) = (path, length, shards)
    }

    /// Whether the CAR is so short that it is read whole.
    package var isReadWhole: Bool { length.map { $0 <= Self.longestReadWhole } ?? false }
}
