package import BlockStore
package import Catalog
internal import Multiformats
internal import Storage

/// Looks at copies on other backends in the moment in which one is removed because of them.
///
/// What the catalog has verified may be gone, cut, rotten or out of reach since: no cache decides a removal. Each copy
/// is compared with what the store has before the first removal because of it, and looked up before each further one.
package final class Witnesses: Sendable {
    private let store: BlockStore
    private let catalog: Catalog
    private let open: @Sendable (String) async throws -> OpenBackend
    private let opened = Locked<[String: OpenBackend]>([:])
    private let compared = Locked<Set<Copy>>([])

    private struct Copy: Hashable {
        let root: CID
        let backend: String
    }

    /// Witnesses on the backends that `open` opens by their names, to look at them only.
    package init(
        _ store: BlockStore,
        _ catalog: Catalog,
        open: @escaping @Sendable (String) async throws -> OpenBackend
    ) {
        self.store = store
        self.catalog = catalog
        self.open = open
    }

    /// Throws `changed` unless at least `minimum` of some backends have a root now, as the store has it.
    func expect(_ minimum: Int, of names: [String], toHave root: CID) async throws(StorageError) {
        let known: [Mapping]
        do throws(CatalogError) {
            known = try await catalog.mappings(of: [root])
        } catch {
            throw StorageError(.unavailable, error.message, cause: error)
        }
        var reasons: [String] = []
        var seen = 0
        for name in names where seen < minimum {
            guard let reason = await absence(of: root, known.first { $0.backend == name }, on: name) else {
                seen += 1
                continue
            }
            reasons.append(reason.hasPrefix(name + ": ") ? reason : "\(name): \(reason)")
        }
        guard seen < minimum else { return }
        throw StorageError(
            .changed,
            "\(root) stays, for not all replicas that are to be enough were seen just now. \(reasons.joined(separator: " "))",
            retry: .never
        )
    }

    /// Why a root is not seen on a backend, as a sentence; nil where it is.
    private func absence(of root: CID, _ mapping: Mapping?, on name: String) async -> String? {
        do {
            let backend = try await backend(name)
            switch await backend.replica.holds(root, path: mapping?.path) {
            case .absent: return "It is not there."
            case .unknown(let error): return error.message
            case .present(let held):
                guard held.length == mapping?.size ?? held.length else {
                    return "It has another length than when it was verified."
                }
                let copy = Copy(root: root, backend: name)
                guard !compared.read({ $0.contains(copy) }) else { return nil }
                let body = try await DAGLayout(of: root, in: store).body(from: store)
                guard try await compare(held, with: body, on: backend.replica, trustsParts: true) != nil else {
                    return "What is there is not its CAR, or damaged: run `ipfs-kit verify \(name)`."
                }
                compared.change { _ = $0.insert(copy) }
                return nil
            }
        } catch {
            return "\(error)"
        }
    }

    private func backend(_ name: String) async throws -> OpenBackend {
        if let backend = opened.read({ $0[name] }) { return backend }
        let backend = try await open(name)
        opened.change { $0[name] = backend }
        return backend
    }
}
