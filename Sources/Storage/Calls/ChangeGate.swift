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
    /// Of nothing that is kept: an object is taken out of an archive, which the service charges for.
    case recall(ObjectName)
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
    /// Whether what is read may be taken out of an archive before: nobody pays for a look.
    private let mayRecall: Bool

    /// A gate for whoever only looks, or who wants content whatever it costs.
    package init(mayRecall: Bool = false) { self.mayRecall = mayRecall }

    package func admit(_ change: Change) async throws(StorageError) {
        let what: String
        switch change {
        case .put(let name): what = "store \(name)"
        case .delete(let name): what = "remove \(name)"
        case .clear(let name): what = "remove what stopped uploads of \(name) left"
        case .store(let root): what = "store \(root)"
        case .remove(let root): what = "remove \(root)"
        case .recall(let name):
            guard !mayRecall else { return }
            throw StorageError(
                .unsupported,
                "What costs money to be read, as \(name) does, is asked for by `ipfs-kit restore` and what gives content."
            )
        }
        throw StorageError(.unsupported, "This command only reads from backends, and was about to \(what).")
    }
}
