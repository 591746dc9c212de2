internal import Catalog
internal import Multiformats
internal import Schema

extension KitSnapshot {
    /// What a home knows that a snapshot may tell it.
    struct Knowledge: Sendable {
        /// The backends that have settings.
        var backends: Set<String> = []
        var pins: [CID: Pin] = [:]
        /// When each root was seen whole, by the names of backends.
        var stored: [String: [CID: Timestamp]] = [:]
    }

    /// Whether a home knows all that is here: what each pin says, and no copy that was gone when this was made.
    func isContained(in known: Knowledge) throws(ReplicationError) -> Bool {
        guard backends.allSatisfy({ known.backends.contains($0.name) }) else { return false }
        for pin in try pins() {
            guard let own = known.pins[pin.cid], pin.news(for: own) == nil else { return false }
        }
        var stored: [String: Set<CID>] = [:]
        for mapping in try mappings() where mapping.status == .stored {
            stored[mapping.backend, default: []].insert(mapping.cid)
        }
        for (backend, roots) in known.stored {
            for (root, seenAt) in roots where seenAt <= createdAt {
                guard stored[backend]?.contains(root) == true else { return false }
            }
        }
        return true
    }
}
