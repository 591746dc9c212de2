internal import IPLD
internal import Multiformats
internal import Schema

/// A CAR in shards, each a CAR of its own: which bytes of the whole each of them has.
///
/// The first begins as the whole does; the others begin with a header of their own, which is no part of the whole.
struct ShardedCAR: Sendable {
    /// A shard.
    struct Part: Sendable {
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
            parts.append(Part(name: name, length: shard.length, skipped: skipped, range: start..<end.partialValue))
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
