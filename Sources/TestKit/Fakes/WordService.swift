package import Multiformats
package import Schema
package import Storage

/// A content service in memory that takes no bytes: it is told a CID, works on it, and gives its word later.
///
/// Where it gives anything back, it is what it was told to give.
package final class WordService: ContentService {
    private enum State: Sendable {
        /// It is asked so often before it is done.
        case open(Int)
        case held
        case failed(String)
        /// Nobody can be asked about it.
        case silent
    }

    package let capabilities: Capabilities
    package let limits = Limits()
    package var objects: (any StorageService)? { nil }
    private let questions: Int
    private let account = Locked<String?>(nil)
    private let wait: Duration?
    private let entries = Locked<[CID: State]>([:])
    private let calls = Locked<[String]>([])

    /// What it gives back of roots.
    package let gifts = Locked<[CID: Result<[UInt8], StorageError>]>([:])

    /// A service that is asked `questions` times before it is done, each time not before `wait`.
    package init(questions: Int, wait: Duration? = nil, gives: Bool = false) {
        (self.questions, self.wait) = (questions, wait)
        capabilities = gives ? [.write, .delete, .listing, .reads] : [.write, .delete, .listing]
    }

    /// The calls that were made, by their names, in their order.
    package var log: [String] { calls.read { $0 } }
    /// What it was asked to store.
    package let uploads = Locked<[Upload]>([])

    /// Lets the work for a root fail, or forgets it.
    package func spoil(_ root: CID, _ reason: String?) {
        entries.change { $0[root] = reason.map { .failed($0) } }
    }

    /// Answers no question about a root any more.
    package func silence(_ root: CID) { entries.change { $0[root] = .silent } }

    package func location(for root: CID) throws(StorageError) -> Location? { Location("\(root)") }

    package func presence(of root: CID, at location: Location?) async -> Presence {
        note("presence")
        switch entries.read({ $0[root] }) {
        case .held: return .present(held(root))
        case .open: return .pending(ticket(root))
        case .silent: return .unknown(Self.silence)
        case .failed, nil: return .absent
        }
    }

    package func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        note("store")
        uploads.change { $0.append(upload) }
        entries.change { $0[upload.root] = questions > 0 ? .open(questions) : .held }
        return questions > 0 ? .accepted(ticket(upload.root)) : .stored(held(upload.root).location, proof: nil)
    }

    package func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState {
        note("check")
        if case .silent? = entries.read({ $0[root] }) { throw Self.silence }
        return entries.change { entries in
            switch entries[root] {
            case .open(let left):
                entries[root] = left > 1 ? .open(left - 1) : .held
                return left > 1 ? .open(wait: wait) : .done(held(root))
            case .held: return .done(held(root))
            case .failed(let reason): return .failed(reason)
            case .silent, nil: return .unknown
            }
        }
    }

    package func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        note("read")
        guard let gift = gifts.read({ $0[root] }) else {
            throw StorageError(.unsupported, "This service gives nothing back.")
        }
        return OpenObject(Body(try gift.get()).open(), length: nil, version: nil)
    }

    package func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        try await before()
        note("remove")
        entries.change { $0[root] = nil }
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {}

    package func roots() -> any RootStream {
        note("roots")
        let held = entries.read { $0.keys.sorted() }.map(held)
        return Pulled {
            let rest = Locked(held.isEmpty ? nil : held)
            return { () async throws(StorageError) in
                rest.change { rest in
                    defer { rest = nil }
                    return rest
                }
            }
        }
    }

    package func identity() async throws(StorageError) -> String? { account.read { $0 } }

    /// Lets the service be asked as somebody else.
    package func change(account name: String) { account.change { $0 = name } }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage { Usage() }

    private static let silence = StorageError(.unavailable, "The service answers 502.", retry: .later)

    private func note(_ call: String) { calls.change { $0.append(call) } }

    private func ticket(_ root: CID) -> Ticket { Ticket("request of \(root)", wait: wait) }

    private func held(_ root: CID) -> HeldRoot {
        HeldRoot(root: root, at: Location("pin of \(root)"), length: nil, digest: nil)
    }
}
