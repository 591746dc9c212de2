internal import Digests

/// Whether both are the same bytes; large ones are compared by their digests, which is quicker.
func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    guard one.count == other.count else { return false }
    guard one.count > 4096 else { return one == other }
    return digest(.sha256, of: one) == digest(.sha256, of: other)
}
