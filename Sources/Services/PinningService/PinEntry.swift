internal import HTTPClient
internal import Multiformats
internal import Schema
internal import Storage

/// One thing by which a service keeps a root: a request to pin it, or a file that was uploaded.
///
/// A root may have several, also of others who use the same account: each is known by its number.
struct PinEntry: TimedItem {
    enum State: String, Sendable { case queued, pinning, pinned, failed }

    let id: String
    /// Nil where it is none that anybody here can read.
    let root: CID?
    let state: State
    /// When it was made, by the clock of the service.
    let created: Timestamp?
    let keeper: Keeper
    /// Multiaddrs of the nodes that fetch it.
    var delegates: [String] = []
    /// What the service says beside its state.
    var details = ""
    /// Why it came to nothing.
    var reason: String { details.isEmpty ? "it does not say why" : details }

    var isWorkedOn: Bool { state == .queued || state == .pinning }

    /// Which one tells most: what is there before what is coming, and those of kits before those of others.
    private var rank: Int { (state == .pinned ? 0 : isWorkedOn ? 2 : 4) + (keeper == .somebodyElse ? 1 : 0) }

    /// The one that tells most of a root; nil where all came to nothing.
    static func best(_ entries: [PinEntry]) -> PinEntry? {
        entries.filter { $0.state != .failed }.min { $0.rank < $1.rank }
    }

    /// Numbers of services are bounded, and shown.
    static func isNumber(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}

/// How a service keeps entries, and how one is made.
protocol PinLedger: Sendable {
    var connection: PinningConnection { get }
    /// What this kit has the service keep with its entries.
    var mark: String { get }
    /// What stands before the number of an entry in the place of a root.
    var folder: String { get }

    /// Entries in pages: those of a root, whatever became of them, or all of what the service holds.
    func pages(of root: CID?, _ what: String) -> Pulled<[PinEntry]>
    /// The entry of a number; nil where the service says that there is none.
    func entry(_ id: String, of root: CID, _ what: String) async throws(StorageError) -> PinEntry?
    /// Has the service keep a root, unless it does.
    func store(_ upload: Upload, _ what: String) async throws(StorageError) -> PinEntry
    /// Removes an entry of a root; one that is not there is no error.
    func remove(_ id: String, of root: CID, _ what: String, _ admission: Admission) async throws(StorageError)
    /// Removes what stopped uploads of a root left.
    func clear(_ root: CID) async throws(StorageError)
    /// How much the account holds.
    func usage() async throws(StorageError) -> Usage
}

extension PinLedger {
    var policy: CallPolicy { connection.policy }

    /// All entries of a root; throws where they cannot be listed to the end.
    func entries(of root: CID, _ what: String) async throws(StorageError) -> [PinEntry] {
        var found: [PinEntry] = []
        for try await page in pages(of: root, what) {
            // Who does not heed the filter gives others, too.
            found += page.filter { $0.root?.v1 == root.v1 }
            guard found.count <= 10_000 else {
                throw connection.failures.error(.tooLarge, "the service lists it more than 10000 times", what)
            }
        }
        return found
    }

    /// Removes what a request is about; what is not there is gone.
    func perform(deleting request: PinningRequest, _ admission: Admission) async throws(StorageError) {
        var request = request
        (request.method, request.kind, request.isOfOne, request.admission) = ("DELETE", .delete, true, admission)
        do throws(StorageError) {
            try await policy.run { [request] () async throws(StorageError) in
                let reply = try await connection.exchange(request)
                guard [200, 202, 204].contains(reply.status), !HTTPFailures.isPage(reply.headers, reply.body) else {
                    throw connection.failure(request, reply)
                }
            }
        } catch  where error.code == .notFound {}
    }

    /// Where an entry leads to its root.
    func location(of entry: PinEntry) -> Location { Location("\(folder)/\(entry.id)") }

    /// The number of the entry at a place; nil where that names none.
    func id(in location: Location?) -> String? {
        guard let path = location?.path, path.hasPrefix("\(folder)/") else { return nil }
        let id = String(path.dropFirst(folder.utf8.count + 1))
        return PinEntry.isNumber(id) ? id : nil
    }
}
