package import Multiformats

/// A change of what a backend holds.
package enum Change: Sendable, Hashable {
    case put(ObjectName)
    case delete(ObjectName)
    /// Of what stopped uploads of a name left, and of nothing else.
    case clear(ObjectName)
    /// Of content, on a service that keeps it by CID.
    case store(CID)
    case remove(CID)
}

/// Who decides, immediately before each try of a change, whether it may still be sent.
///
/// A try that was admitted is sent at once; one more may be on its way when the right to change things is lost, and no
/// further one.
package protocol ChangeGate: Sendable {
    /// Throws where the change must not be sent.
    func admit(_ change: Change) async throws(StorageError)
}

/// Admits every change: for tests, and for whoever is alone with a backend.
package struct OpenGate: ChangeGate {
    package init() {}

    package func admit(_ change: Change) async throws(StorageError) {}
}

/// Refuses every change: for whoever only reads.
package struct ClosedGate: ChangeGate {
    package init() {}

    package func admit(_ change: Change) async throws(StorageError) {
        let what =
            switch change {
            case .put(let name): "store \(name)"
            case .delete(let name): "remove \(name)"
            case .clear(let name): "remove what stopped uploads of \(name) left"
            case .store(let root): "store \(root)"
            case .remove(let root): "remove \(root)"
            }
        throw StorageError(.unsupported, "This command only reads from backends, and was about to \(what).")
    }
}
