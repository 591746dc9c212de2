package import Schema

/// A copy of a CAR that can be fetched, from one backend or from several that have the same bytes.
package struct OfferedCopy: Sendable {
    /// Who gives it, one or more.
    package private(set) var givers: [Offers.Copy]

    /// Those that are offered: where the same digest was compared of several, they are one.
    package static func all(of offers: Offers) -> [OfferedCopy] {
        var copies: [OfferedCopy] = []
        for offer in offers.copies {
            let copy = OfferedCopy(givers: [offer])
            if let number = copies.firstIndex(where: { $0.isSame(as: copy) }) {
                copies[number].givers.append(offer)
            } else {
                copies.append(copy)
            }
        }
        return copies
    }

    private func isSame(as other: OfferedCopy) -> Bool {
        sha256 != nil && sha256 == other.sha256 && length == other.length
    }

    /// How it lies: in one object, or in shards.
    package var location: Location? { givers.first?.location }
    package var shards: [Location.Shard] { location?.shards ?? [] }
    package var length: UInt64? { location?.length }
    /// How long it can be, where something is known of that.
    package var most: UInt64? { givers.compactMap(\.most).min() }
    /// That of a CAR in shards is that of no object.
    package var sha256: [UInt8]? { shards.isEmpty ? givers.first?.sha256 : nil }

    /// The same from each of those who give it.
    package var alone: [OfferedCopy] { givers.count > 1 ? givers.map { OfferedCopy(givers: [$0]) } : [] }

    /// Its givers, for people; those of no other copy of a root.
    package var names: String { givers.map(\.backend).joined(separator: " and ") }

    /// The backend that has it; nil where several do.
    package var backend: String? { givers.count == 1 ? givers.first?.backend : nil }
}
