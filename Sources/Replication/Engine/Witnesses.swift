package import Catalog
internal import Multiformats
internal import Storage

/// Looks at copies on other backends in the moment in which one is removed because of them.
///
/// What the catalog has verified may be gone, cut or out of reach since: no cache decides a removal.
package final class Witnesses: Sendable {
    private let catalog: Catalog
    private let open: @Sendable (String) async throws -> OpenBackend
    private let opened = Locked<[String: OpenBackend]>([:])

    /// Witnesses on the backends that `open` opens by their names, to look at them only.
    package init(_ catalog: Catalog, open: @escaping @Sendable (String) async throws -> OpenBackend) {
        self.catalog = catalog
        self.open = open
    }

    /// Throws `changed` unless at least `minimum` of some backends have a root now, as long as it was when it was
    /// verified there.
    func expect(_ minimum: Int, of names: [String], toHave root: CID) async throws(StorageError) {
        let known: [Mapping]
        do throws(CatalogError) {
            known = try await catalog.mappings(of: [root])
        } catch {
            throw StorageError(.unavailable, error.message, cause: error)
        }
        var reasons: [String] = []
        for name in names {
            let mapping = known.first { $0.backend == name }
            guard let reason = await absence(of: root, mapping, on: name) else { continue }
            reasons.append(reason.hasPrefix(name + ": ") ? reason : "\(name): \(reason)")
        }
        guard names.count - reasons.count < minimum else { return }
        throw StorageError(
            .changed,
            "\(root) stays, for not all replicas that are to be enough were seen just now. \(reasons.joined(separator: " "))",
            retry: .never
        )
    }

    /// Why a root is not seen on a backend, as a sentence; nil where it is.
    private func absence(of root: CID, _ mapping: Mapping?, on name: String) async -> String? {
        let backend: OpenBackend
        do { backend = try await self.backend(name) } catch { return "\(error)" }
        switch await backend.replica.holds(root, path: mapping?.path) {
        case .absent: return "It is not there."
        case .unknown(let error): return error.message
        case .present(let held):
            guard let length = mapping?.size else { return nil }
            return held.length == length ? nil : "It has another length than when it was verified."
        }
    }

    private func backend(_ name: String) async throws -> OpenBackend {
        if let backend = opened.read({ $0[name] }) { return backend }
        let backend = try await open(name)
        opened.change { $0[name] = backend }
        return backend
    }
}
