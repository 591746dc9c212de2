internal import Multiformats
internal import Schema
internal import Storage

/// Fetches CARs, each as a file that is there as long as it is read.
///
/// The last one is kept: a CAR of which parts are read comes once.
final class Aria2Fetcher: Sendable {
    /// An object of a copy of a root's CAR.
    private struct Key: Hashable, Sendable {
        let root: CID
        let givers: String
        let number: Int
    }

    let daemon: Aria2Daemon
    private let settings: Aria2Settings
    private let operational: OperationalSettings
    private let offered: Offers.Source
    private let files = LastMade<Key, FetchedFile>()

    init(_ daemon: Aria2Daemon, _ settings: Aria2Settings, _ context: ServiceContext) {
        (self.daemon, self.settings, operational, offered) = (daemon, settings, context.operational, context.offers)
    }

    /// What is offered of a root.
    func offers(of root: CID) async throws(StorageError) -> Offers { try await offered(root, settings.backends) }

    /// Opens a CAR, or a range of it: the first copy that can be had.
    func open(_ root: CID, _ range: Range<UInt64>?) async throws(StorageError) -> OpenObject {
        let offers = try await offers(of: root)
        var copies = OfferedCopy.all(of: offers)[...]
        var failures: [StorageError] = []
        while let copy = copies.popFirst() {
            do throws(StorageError) {
                return try await open(root, copy, range)
            } catch {
                guard let problem = (error.cause as? CopyProblem)?.error else { throw error }
                failures.append(problem)
                // One that is damaged spoils what came of the others.
                if problem.code == .corrupt { copies = copy.alone + copies }
            }
        }
        throw Self.failure(failures + offers.problems, of: root)
    }

    /// The first copy that could be fetched; nobody is asked whether it is there.
    func copy(of root: CID) async throws(StorageError) -> OfferedCopy {
        let offers = try await offers(of: root)
        guard let copy = OfferedCopy.all(of: offers).first else { throw Self.failure(offers.problems, of: root) }
        return copy
    }

    /// What to say where no copy can be had.
    private static func failure(_ failures: [StorageError], of root: CID) -> StorageError {
        guard let first = failures.first else {
            let help = "`ipfs-kit whereis \(root)` says who has it"
            let message = "\(root) cannot be fetched: no backend that gives URLs is known to have it; \(help)."
            return StorageError(.unavailable, message).ofObject
        }
        guard failures.count > 1 else { return first }
        let main = failures.first { $0.retry != .never } ?? failures.first { $0.code == .corrupt } ?? first
        let rest = failures.count > shown ? " And \(failures.count - shown) more could not be had." : ""
        let sentences = failures.prefix(shown).map(\.description).joined(separator: " ")
        let message = "No copy of \(root) could be fetched. \(sentences)\(rest)"
        return StorageError(main.code, message, retry: main.retry, cause: main)
    }

    private static let shown = 4

    private func open(
        _ root: CID,
        _ copy: OfferedCopy,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        guard let location = copy.location, !copy.shards.isEmpty else {
            let file = try await file(root, copy, 0)
            return OpenObject(file.bytes(range ?? 0..<file.length), length: file.length, version: nil)
        }
        return try await location.joined(of: root, range) { [self] (number, wanted) async throws(StorageError) in
            let file = try await file(root, copy, number)
            return OpenObject(file.bytes(wanted), length: file.length, version: nil)
        }
    }

    /// Forgets what was fetched, and ends the daemon.
    func close() async {
        files.forget()
        await daemon.close()
    }

    // MARK: Files

    private func file(_ root: CID, _ copy: OfferedCopy, _ number: Int) async throws(StorageError) -> FetchedFile {
        try await files.value(of: Key(root: root, givers: copy.names, number: number)) {
            () async throws(StorageError) in
            try await fetch(root, copy, number)
        }
    }

    private func fetch(_ root: CID, _ copy: OfferedCopy, _ number: Int) async throws(StorageError) -> FetchedFile {
        let (policy, hadTry, mayRepeat) = (daemon.policy, Locked(false), Locked(true))
        let download = Aria2Download(daemon: daemon, settings: settings, operational: operational)
        do throws(StorageError) {
            return try await policy.repeating(mayRepeat: { mayRepeat.read { $0 } }) { () async throws(StorageError) in
                let current = hadTry.read { $0 } ? try await renewed(copy, of: root) : copy
                let order = try Self.order(root, current, number)
                // What nobody knows the digest of may be another one by now.
                if hadTry.read({ $0 }), order.sha256 == nil { await download.clear() }
                hadTry.change { $0 = true }
                mayRepeat.change { $0 = true }
                let before = download.progress.read { $0 }
                let outcome = try await policy.once { () async throws(StorageError) in
                    policy.count(.get)
                    return try await download.run(order)
                }
                switch outcome {
                case .fetched(let file): return file
                case .failed(let error):
                    // Aria2 had its tries: others make sense where something came.
                    mayRepeat.change { $0 = download.progress.read { $0 } > before }
                    throw error.asOfCopy(copy.backend)
                }
            }
        } catch {
            await download.clear()
            throw error
        }
    }

    /// The same copy by new URLs, for the old ones may have ended.
    private func renewed(_ copy: OfferedCopy, of root: CID) async throws(StorageError) -> OfferedCopy {
        let copies = OfferedCopy.all(of: try await offers(of: root))
        return (copies + copies.flatMap(\.alone)).first { $0.names == copy.names && $0.sha256 == copy.sha256 } ?? copy
    }

    private static func order(_ root: CID, _ copy: OfferedCopy, _ number: Int) throws(StorageError) -> Aria2Order {
        let isWhole = copy.shards.isEmpty
        let name = isWhole ? "\(root)" : copy.shards[number].name
        let what = "Fetching \(name) \(copy.backend == nil ? "from \(copy.names)" : "with aria2")"
        var urls: [String] = []
        // Of what else aria2 knows, such as magnets and files, nothing is asked for.
        for giver in copy.givers {
            guard giver.urls.count == max(1, copy.shards.count), HTTPAddress.isURL(giver.urls[number].text) else {
                let message = "\(what) failed: what \(giver.backend) gives is no URL that aria2 is asked for."
                throw StorageError(.unsupported, message).asOfCopy(giver.backend)
            }
            urls.append(giver.urls[number].text)
        }
        let length = isWhole ? copy.length : copy.shards[number].length
        return Aria2Order(what: what, urls: urls, length: length, most: copy.most, sha256: copy.sha256)
    }
}

/// The mark of an error that is one of a copy: another copy may be had.
private struct CopyProblem: Error {
    let error: StorageError
}

extension StorageError {
    /// The same error of the copy on a backend.
    fileprivate func asOfCopy(_ backend: String?) -> StorageError {
        let error = backend.map(on) ?? self
        return StorageError(code, message, retry: retry, backend: error.backend, cause: CopyProblem(error: error))
    }
}
