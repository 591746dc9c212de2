internal import IPLD
package import Multiformats
internal import Schema

/// A CAR in shards, each a CAR of its own: which bytes of the whole each of them has.
///
/// The first begins as the whole does; the others begin with a header of their own, which is no part of the whole.
struct ShardedCAR: Sendable {
    /// A shard.
    struct Part: Sendable {
        /// Its place among the shards, from 0.
        let number: Int
        let name: ObjectName
        /// The length of the object in bytes.
        let length: UInt64
        /// So many bytes at its beginning are no part of the whole.
        let skipped: UInt64
        /// What it has of the whole.
        let range: Range<UInt64>
    }

    let parts: [Part]

    /// The length of the whole in bytes.
    var length: UInt64 { parts.last?.range.upperBound ?? 0 }

    /// Throws `unsupported` where they cannot be shards.
    init(_ shards: [Location.Shard], of root: CID) throws(StorageError) {
        var parts: [Part] = []
        for shard in shards {
            let start = parts.last?.range.upperBound ?? 0
            let skipped = parts.isEmpty ? 0 : UInt64(CARSharding.laterBeginning.count)
            let name = try ObjectName(content: shard.name, of: root)
            guard shard.length >= skipped,
                case let end = start.addingReportingOverflow(shard.length - skipped), !end.overflow,
                parts.count < Location.maxShards
            else {
                throw StorageError(.unsupported, "“\(shard.name)” can be no shard of \(root).")
            }
            let range = start..<end.partialValue
            parts.append(
                Part(number: parts.count, name: name, length: shard.length, skipped: skipped, range: range)
            )
        }
        self.parts = parts
    }

    /// The parts that have something of `range`, with the range in the object.
    func pieces(in range: Range<UInt64>) -> [(part: Part, range: Range<UInt64>)] {
        parts.compactMap { part in
            let wanted = range.clamped(to: part.range)
            guard !wanted.isEmpty else { return nil }
            let start = wanted.lowerBound - part.range.lowerBound + part.skipped
            return (part, start..<start + wanted.length)
        }
    }

    /// Opens the whole, or a range of it, shard after shard: `open` is given each with the range that is wanted of the
    /// object, which is all of it where the whole is read.
    func joined(
        _ range: Range<UInt64>?,
        _ open: @escaping @Sendable (Part, Range<UInt64>) async throws(StorageError) -> OpenObject
    ) async throws(StorageError) -> OpenObject {
        let pieces = range.map(pieces) ?? parts.map { ($0, 0..<$0.length) }
        guard let first = pieces.first else { return OpenObject(Body([]).open(), length: length, version: nil) }
        // The first one is opened now: what is not there, or is not given, is said before anything is read.
        let opened = try await open(first.part, first.range)
        let rest = pieces.dropFirst()
        let stream = Pulled {
            let cursor = Locked((next: rest.startIndex, stream: StreamCursor(opened.stream)))
            return { () async throws(StorageError) in
                while true {
                    if let chunk = try await cursor.read({ $0.stream }).next() { return chunk }
                    let next = cursor.read { $0.next }
                    guard next < rest.endIndex else { return nil }
                    let (part, wanted) = rest[next]
                    let more = try await open(part, wanted)
                    cursor.change { $0 = (next + 1, StreamCursor(more.stream)) }
                }
            }
        }
        return OpenObject(stream, length: length, version: nil, ignoresRange: opened.ignoresRange)
    }
}

extension Location {
    /// Opens a CAR in shards, or a range of it, for whoever has the shards himself: `open` is given the number of each,
    /// from 0, and the range that is wanted of it.
    package func joined(
        of root: CID,
        _ range: Range<UInt64>?,
        _ open: @escaping @Sendable (Int, Range<UInt64>) async throws(StorageError) -> OpenObject
    ) async throws(StorageError) -> OpenObject {
        let car = try ShardedCAR(shards, of: root)
        return try await car.joined(range ?? 0..<car.length) { (part, range) async throws(StorageError) in
            try await open(part.number, range)
        }
    }
}

/// What a shard is made of.
struct ShardCut: Sendable {
    /// What goes before the sections.
    let beginning: [UInt8]
    /// The bytes of the CAR that it has.
    var range: Range<UInt64>
    /// The places of its sections in the whole.
    var places: [SectionPlace]

    /// The index of its blocks.
    var index: CARIndex {
        var index = CARIndex()
        for place in places {
            index.add(place.cid, offset: place.offset - range.lowerBound + UInt64(beginning.count))
        }
        return index
    }

    /// Cuts a CAR between its sections into shards of at most `limit` bytes, before anything is sent.
    ///
    /// Throws `tooLarge` where a block fits none, where they would be too many, or where nobody knows where the
    /// sections lie.
    static func cuts(of upload: Upload, length: UInt64, limit: UInt64) throws(StorageError) -> [ShardCut] {
        let places = upload.places
        guard let first = places.first else {
            throw StorageError(
                .tooLarge,
                "The CAR of \(upload.root) has \(length) bytes, and the largest object here may have \(limit); where it could "
                    + "be cut is not known."
            )
        }
        var cuts = [ShardCut(beginning: [], range: 0..<first.offset, places: [])]
        do throws(DecodingProblem) {
            var sharding = try CARSharding(CARHeader(roots: [upload.root]), limit: limit)
            for (index, place) in places.enumerated() {
                let end = index + 1 < places.count ? places[index + 1].offset : length
                guard place.offset < end, end <= length else {
                    throw DecodingProblem(.malformed, "Its blocks do not lie as they should.", cid: place.cid)
                }
                let shard = try sharding.shard(ofSection: end - place.offset, place.cid)
                if shard == cuts.count {
                    cuts.append(
                        ShardCut(beginning: CARSharding.laterBeginning, range: place.offset..<place.offset, places: [])
                    )
                }
                cuts[shard].range = cuts[shard].range.lowerBound..<end
                cuts[shard].places.append(place)
            }
        } catch {
            throw StorageError(
                .tooLarge,
                "\(upload.root) cannot be kept here, where the largest object has \(limit) bytes: \(error.message)",
                cause: error
            )
        }
        guard cuts.count <= Location.maxShards else {
            throw StorageError(
                .tooLarge,
                "The CAR of \(upload.root) has \(length) bytes: in objects of at most \(limit) these were \(cuts.count), and the "
                    + "most is \(Location.maxShards)."
            )
        }
        return cuts
    }
}
