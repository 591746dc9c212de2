internal import Catalog
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

extension Kit {
    /// So long the URLs serve that a relay is given, in milliseconds: what takes longer asks for new ones.
    private static let lifetime: Int64 = 6 * 3_600_000

    /// What backends beside `relay` give of a root to anybody who has the URLs.
    ///
    /// They are those that are known to have it, and those that only give, of which nobody knows what they have. No
    /// backend is asked.
    func offers(of root: CID, to relay: String, _ chosen: [String]) async throws(StorageError) -> Offers {
        let mappings: [Mapping]
        let names: [String]
        do {
            for name in chosen { _ = try backend(name) }
            mappings = try await catalog().mappings(of: [root]).filter { $0.backend != relay }
            names = try backendNames().filter { $0 != relay && (chosen.isEmpty || chosen.contains($0)) }
        } catch {
            let problem = KitError(any: error)
            let code: StorageError.Code = problem.code == .noSuchBackend ? .badSettings : .unexpected
            throw StorageError(code, problem.message, backend: relay, cause: problem)
        }
        // Others write a CAR otherwise; none has twice as many bytes.
        let most = mappings.compactMap(\.size).max().map { min($0, .max / 4) * 2 + (1 << 20) }
        var offers = Offers()
        func add(_ name: String, _ mapping: Mapping?) async throws(StorageError) {
            do throws(KitError) {
                guard let copy = try await copy(of: root, on: name, mapping, most) else { return }
                offers.copies.append(copy)
            } catch {
                if error.code == .interrupted { throw .cancelled }
                // One of which nobody knows whether it has the root hides nothing.
                guard mapping != nil else { return }
                offers.problems.append(StorageError(.unavailable, error.message, backend: name, cause: error))
            }
        }
        let known = mappings.filter { names.contains($0.backend) }
        for isStored in [true, false] {
            for mapping in known where (mapping.status == .stored) == isStored {
                if mapping.status != .missing, mapping.status != .corrupt { try await add(mapping.backend, mapping) }
            }
        }
        for name in names where !known.contains(where: { $0.backend == name }) { try await add(name, nil) }
        return offers
    }

    /// What a backend gives of a root; nil where it gives no URLs, or where it would have to be known to have it.
    private func copy(
        of root: CID,
        on name: String,
        _ mapping: Mapping?,
        _ most: UInt64?
    ) async throws(KitError) -> Offers.Copy? {
        let file = try backend(name)
        let powers = file.row.capabilities
        guard powers.contains(.urls), mapping != nil || !powers.contains(.write), try await arrive(at: file) else {
            return nil
        }
        let content = try await open(file, gate: ClosedGate()).content
        guard content.capabilities.contains(.urls) else { return nil }
        let end = Timestamp(milliseconds: now.milliseconds + Self.lifetime)
        return try await kitErrors {
            let location = try mapping?.location ?? content.location(for: root)
            let urls = try await content.urls(of: root, at: location, until: end)
            // What somebody says of a copy is not what was compared there.
            let sha256 = mapping?.status == .stored ? mapping?.carSHA256 : nil
            return Offers.Copy(backend: name, at: location, urls: urls, sha256: sha256, most: most)
        }
    }
}
