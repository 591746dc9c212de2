internal import Digests
internal import Multiformats
internal import Storage

/// What became of a comparison with something that is on a backend.
struct Comparison: Sendable {
    /// Whether it is what it should be.
    let isSame: Bool
    /// The name of the method, for evidence.
    let method: String
    /// SHA-256 of the CAR, where it is known by then.
    var sha256: [UInt8]?
}

/// Compares what was found on a backend with the CAR that belongs there: by a digest that the service computed, or else
/// by reading it back.
///
/// Where `trustsParts` is false, the digest of an upload in parts proves nothing: some may have been known from a list
/// only when they were put together.
func compare(
    _ held: HeldRoot,
    with body: Body,
    on replica: any Replica,
    trustsParts: Bool
) async throws(StorageError) -> Comparison {
    guard held.length == body.length else { return Comparison(isSame: false, method: "looked-up") }
    switch held.digest {
    case .md5(let digest):
        return Comparison(isSame: try await body.digest(.md5) == digest, method: "listed-md5")
    case .sha256(let digest):
        let isSame = try await body.digest(.sha256) == digest
        return Comparison(isSame: isSame, method: "listed-sha256", sha256: digest)
    case .md5OfParts(let digest, let parts) where trustsParts:
        let ranges = replica.limits.parts(for: body.length)
        if ranges.count == parts, try await compositeMD5(body, ranges) == digest {
            return Comparison(isSame: true, method: "listed-md5-of-parts")
        }
    case .md5OfParts, nil: break
    }
    do throws(StorageError) {
        let back = try await readBack(held.root, from: replica, path: held.path, longest: body.length)
        return Comparison(isSame: true, method: "read-back", sha256: back.sha256)
    } catch  where error.code == .corrupt || error.code == .notFound {
        return Comparison(isSame: false, method: "read-back")
    }
}

private func compositeMD5(_ body: Body, _ ranges: [Range<UInt64>]) async throws(StorageError) -> [UInt8] {
    var joined: [UInt8] = []
    for range in ranges { joined += digest(.md5, of: try await body.bytes(range)) }
    return digest(.md5, of: joined)
}
