internal import Digests
internal import Multiformats
internal import Storage

/// How something that is on a backend turned out to be what it should be.
struct Match: Sendable {
    /// The name of the method, for evidence.
    let method: String
    /// SHA-256 of the CAR, where it is known by then.
    let sha256: [UInt8]?
}

/// Compares what was found on a backend with the CAR that belongs there: by a digest that the service computed, or else
/// by reading it back; nil where it is something else.
///
/// Where `trustsParts` is false, the digest of an upload in parts proves nothing: some may have been known from a list
/// only when they were put together.
func compare(
    _ held: HeldRoot,
    with body: Body,
    on replica: any Replica,
    trustsParts: Bool
) async throws(StorageError) -> Match? {
    guard held.length == body.length else { return nil }
    switch held.digest {
    case .md5(let digest):
        return try await body.digest(.md5) == digest ? Match(method: "listed-md5", sha256: nil) : nil
    case .sha256(let digest):
        return try await body.digest(.sha256) == digest ? Match(method: "listed-sha256", sha256: digest) : nil
    case .md5OfParts(let digest, let parts) where trustsParts:
        let ranges = replica.limits.parts(for: body.length)
        if ranges.count == parts, try await compositeMD5(body, ranges) == digest {
            return Match(method: "listed-md5-of-parts", sha256: nil)
        }
    case .md5OfParts, nil: break
    }
    do throws(StorageError) {
        let back = try await readBack(held.root, from: replica, path: held.path, longest: body.length)
        return Match(method: "read-back", sha256: back.sha256)
    } catch  where error.code == .corrupt || error.code == .notFound {
        return nil
    }
}

private func compositeMD5(_ body: Body, _ ranges: [Range<UInt64>]) async throws(StorageError) -> [UInt8] {
    var joined: [UInt8] = []
    for range in ranges { joined += digest(.md5, of: try await body.bytes(range)) }
    return digest(.md5, of: joined)
}
