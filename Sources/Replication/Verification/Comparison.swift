package import Catalog
internal import Digests
internal import Multiformats
package import Storage

/// What became of a comparison with something that is on a backend.
struct Comparison: Sendable {
    /// What was found in place of what should be there; nil where it is that.
    let loss: Observation.Finding?
    /// The name of the method, for evidence.
    let method: String
    /// SHA-256 of the CAR, where it is known by then.
    var sha256: [UInt8]?
    /// What was read, where it was read.
    var back: ReadBack?
}

extension Observation.Finding {
    /// What the failure of a reading says of what was to be read; nil where it says nothing of that.
    package init?(ofReading error: StorageError) {
        switch error.code {
        case .corrupt: self = .damaged
        case .notFound: self = .missing
        default:
            guard error.isBrokenPromise else { return nil }
            self = .withheld
        }
    }
}

extension Presence {
    /// What a look at a copy that counts as stored, with so many bytes, says against it; nil where that is nothing.
    ///
    /// Throws where nobody could tell.
    func finding(against size: UInt64?) throws(StorageError) -> Observation.Finding? {
        switch self {
        case .absent: return .missing
        // What it works on it has not lost.
        case .pending: return nil
        case .present(let held):
            guard let size, let length = held.length else { return nil }
            return length == size ? nil : .damaged
        // Something else stands in its place.
        case .unknown(let error) where error.code == .corrupt: return .damaged
        case .unknown(let error): throw error
        }
    }
}

/// Compares what was found on a backend with the CAR that belongs there: by a digest that the service computed, or else
/// by reading it back.
///
/// Where `mayProve` is false, a digest in a list does not, for a reading did not find what it says. Where `trustsParts`
/// is false, the digest of an upload in parts proves nothing: some may have been known from a list
/// only when they were put together. A copy that counts as stored with `counted` bytes may be another CAR of the root,
/// so only a reading tells that it is not right.
func compare(
    _ held: HeldRoot,
    with body: Body,
    on content: any ContentService,
    trustsParts: Bool,
    mayProve: Bool = true,
    counted: UInt64? = nil
) async throws(StorageError) -> Comparison {
    let isCounted = counted != nil && (held.length ?? counted) == counted
    if (held.length ?? body.length) == body.length {
        let found = try await compareDigests(held, with: body, on: content, trustsParts: trustsParts)
        if let found, found.loss == nil ? mayProve : !isCounted { return found }
    } else if !isCounted {
        return Comparison(loss: .damaged, method: Mapping.Evidence.look)
    }
    do throws(StorageError) {
        let longest = max(body.length, isCounted ? counted ?? 0 : 0)
        let back = try await readBack(held.root, from: content, at: held.location, longest: longest)
        return Comparison(loss: nil, method: "read-back", sha256: back.sha256, back: back)
    } catch {
        guard let loss = Observation.Finding(ofReading: error), loss != .withheld else { throw error }
        return Comparison(loss: loss, method: "read-back")
    }
}

/// Compares by digest; nil where there is none that says anything.
private func compareDigests(
    _ held: HeldRoot,
    with body: Body,
    on content: any ContentService,
    trustsParts: Bool
) async throws(StorageError) -> Comparison? {
    switch held.digest {
    case .md5(let digest):
        let isSame = try await body.digest(.md5) == digest
        return Comparison(loss: isSame ? nil : .damaged, method: "listed-md5")
    case .sha256(let digest):
        let isSame = try await body.digest(.sha256) == digest
        return Comparison(loss: isSame ? nil : .damaged, method: "listed-sha256", sha256: digest)
    case .md5OfParts(let digest, let parts) where trustsParts:
        let ranges = content.limits.parts(for: body.length)
        guard ranges.count == parts, try await compositeMD5(body, ranges) == digest else { return nil }
        return Comparison(loss: nil, method: "listed-md5-of-parts")
    case .md5OfParts, nil: return nil
    }
}

private func compositeMD5(_ body: Body, _ ranges: [Range<UInt64>]) async throws(StorageError) -> [UInt8] {
    var joined: [UInt8] = []
    for range in ranges { joined += try await body.digest(.md5, of: range) }
    return digest(.md5, of: joined)
}
