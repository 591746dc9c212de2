internal import Multiformats
internal import Schema
internal import Storage

/// CARs that other backends have, fetched by a daemon.
///
/// It keeps nothing: what it has is what others are known to have, and only reading shows it.
struct Aria2Service: ContentService {
    let capabilities = Aria2.capabilities
    let limits = Limits()
    private let fetcher: Aria2Fetcher

    init(_ fetcher: Aria2Fetcher) { self.fetcher = fetcher }

    var objects: (any StorageService)? { nil }

    func location(for root: CID) throws(StorageError) -> Location? { Location("\(root)") }

    /// The daemon is asked whether it is there, and nobody whether the root is: that is what others are known to have.
    func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            _ = try await probe()
            let length = try await fetcher.copy(of: root).length
            let location = Location("\(root)", length: length)
            return .present(HeldRoot(root: root, at: location, length: length, digest: nil))
        } catch {
            return .unknown(error)
        }
    }

    /// Asks the daemon what it is, and how much it does.
    func probe() async throws(StorageError) -> String {
        let (daemon, what) = (fetcher.daemon, "Asking aria2 what it does")
        return try await daemon.policy.run { () async throws(StorageError) in
            daemon.policy.count(.stat)
            let use = try await daemon.use()
            let answers = try await daemon.asking(use) { () async throws(StorageError) in
                try await use.connection.calls([("getVersion", []), ("getGlobalStat", [])], what)
            }
            guard case .value(let told) = answers[0], case .value(let work) = answers[1],
                let version = told["version"]?.string, let count = work["numActive"]?.string.flatMap({ UInt64($0) })
            else { throw use.connection.foreign(what) }
            return "It answers as aria2 \(Redactor.shared.clean(echo: version).prefix(40)), with \(count) downloads."
        }
    }

    func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        try await fetcher.open(root, range)
    }

    func close() async { await fetcher.close() }

    private static let refusal = StorageError(.unsupported, "What aria2 fetches is kept by other backends.")

    func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer { throw Self.refusal }
    func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState { .unknown }
    func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {}
    func roots() -> any RootStream { Pulled { { () async throws(StorageError) in throw Self.refusal } } }
    func usage(mayWalk: Bool) async throws(StorageError) -> Usage { throw Self.refusal }
    func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        throw Self.refusal
    }
}
