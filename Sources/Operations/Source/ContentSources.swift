internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
internal import Schema
internal import Services
internal import Storage

/// The places from which content is read, as `config/main.yaml` names them.
struct ContentSources: Sendable {
    /// All of them together, in their order.
    let all: any BlockSource
    /// Those besides the store, where there are some.
    let others: (any BlockSource)?
    /// Whether the store is one of them: then content is brought into it.
    let hasStore: Bool
    /// Why those that cannot be opened cannot, by how the configuration names them.
    let closed: [(name: String, error: KitError)]
}

extension Call {
    /// The place to read from that somebody named, or else those of the configuration.
    func source(_ backend: String?) async throws(KitError) -> any BlockSource {
        if let backend { return try await source(on: try kit.backend(backend), backend, searches: true) }
        return try await sources().all
    }

    /// The places from which content is read; one that cannot be opened is there, and gives nothing.
    func sources() async throws(KitError) -> ContentSources {
        let configuration = try kit.configuration()
        var all: [any BlockSource] = []
        var others: [any BlockSource] = []
        var closed: [(name: String, error: KitError)] = []
        for (source, line) in configuration.sources {
            guard source != .store else {
                all.append(StoreSource(try kit.store()))
                continue
            }
            let other: any BlockSource
            do throws(KitError) {
                let file = try kit.file(of: source, line, configuration)
                other = try await self.source(on: file, "\(source)", searches: false)
            } catch {
                if error.code == .interrupted { throw error }
                other = ClosedSource(error)
                closed.append(("\(source)", error))
            }
            all.append(other)
            others.append(other)
        }
        func joined(_ sources: [any BlockSource]) -> any BlockSource {
            // Also one that comes from afar, for one that does not answer is left alone for a while.
            sources.count == 1 && !sources[0].isFar ? sources[0] : SeveralSources(sources, timing: kit.timing)
        }
        return ContentSources(
            all: joined(all),
            others: others.isEmpty ? nil : joined(others),
            hasStore: others.count < all.count,
            closed: closed
        )
    }

    /// A backend as a source of content that is called `name`; where it `searches`, also for what is no root there,
    /// which may cost a request for each of its CARs, up to some hundred.
    private func source(
        on file: BackendFile,
        _ name: String,
        searches: Bool
    ) async throws(KitError) -> BackendSource {
        let backend: OpenBackend
        do throws(KitError) {
            backend = try await kit.open(file, gate: ClosedGate(mayRecall: true))
        } catch {
            throw BackendFile.isName(file.name) ? error : KitError(error.code, error.message, retry: error.retry)
        }
        // What a node has is as near as the cache.
        let isNode = backend.content.capabilities.contains(.blocks)
        let cache = isNode ? nil : BlockCache(kit.home.blockCache(of: file.name))
        let search = RootSearch(call: self, backend: backend, cache: cache, looksIntoCARs: searches)
        return BackendSource(backend, name: name) { root in
            if isNode { return BackendSource.Place(root, search.blocks(root, nil), isRoot: true, at: nil) }
            return try await search.place(of: root)
        } tell: { root, location, problem in
            // That it could not be written down changes nothing of what is said here, and the next reading sees it too.
            try? await kit.note(root, at: location, on: file, problem)
        }
    }
}

extension Kit {
    /// How what comes from afar is packed for one purpose.
    var packing: FarPacking { FarPacking(scratch: home.scratch) }

    /// How the configuration names the places from which content is read; nobody is asked.
    func sourceNames() throws(KitError) -> [String] { try configuration().sources.map { "\($0.source)" } }

    /// The same for people.
    static func shown(_ sources: [String]) -> String {
        sources.joined(separator: ", then ") + (sources == ["store"] ? "" : "; only the store was looked at")
    }

    /// The node that content is read from, and the line that names it; nil where the configuration names none.
    func sourceNode() throws(KitError) -> (file: BackendFile, line: Int)? {
        let configuration = try configuration()
        var problem: KitError?
        for (source, line) in configuration.sources where source != .store {
            do throws(KitError) {
                let file = try file(of: source, line, configuration)
                if file.row.type == Kubo.type { return (file, line) }
            } catch {
                // It may be another one that is the node.
                problem = problem ?? error
            }
        }
        if let problem { throw problem }
        return nil
    }

    /// The settings of a source that is no store: those of a backend, or of a node that nothing more is known of.
    fileprivate func file(
        of source: MainConfiguration.Source,
        _ line: Int,
        _ configuration: MainConfiguration
    ) throws(KitError) -> BackendFile {
        let address: String?
        switch source {
        case .store: throw configuration.problem(line, "The store has no settings")
        case .node(let text): address = text
        case .backend(let name):
            if BackendFile.isName(name), try home.holds(home.backendFile(name)) { return try backend(name) }
            guard MainConfiguration.nodeWords.contains(name) else {
                let known = MainConfiguration.words + (try backendNames())
                let near = nearest(to: name, among: known).map { "did you mean “\($0)”?" }
                let help = near ?? "known: \(known.joined(separator: ", "))."
                throw configuration.problem(line, "source names “\(name)”, which is no place to read from; \(help)")
            }
            address = nil
        }
        guard let row = ServiceRow.named(Kubo.type) else {
            throw KitError(.other, "This program knows no Kubo nodes.")
        }
        var file = BackendFile(name: Self.nodeName, type: row.type, row: row, path: configuration.path, at: now)
        if let address { file.settings["api_url"] = BackendFile.Setting(address, line: line) }
        do throws(KitError) {
            try file.check()
        } catch {
            // What is wrong with all of it together has no line of its own.
            let prefix = configuration.path + ": "
            let phrase = error.message.hasPrefix(prefix) ? String(error.message.dropFirst(prefix.count)) : nil
            throw phrase.map { configuration.problem(line, $0) } ?? KitError(error.code, error.message)
        }
        return file
    }

    /// What a node is called in messages that is no backend.
    private static let nodeName = "the Kubo node"

    /// Writes down that the CAR of a root was read and found damaged, as everybody does who sees that.
    fileprivate func note(
        _ root: CID,
        at location: Location?,
        on file: BackendFile,
        _ problem: StorageError
    ) async throws {
        let catalog = try catalog()
        guard BackendFile.isName(file.name), try await arrive(at: file),
            let mapping = try await catalog.mappings(of: [root]).first(where: { $0.backend == file.name }),
            mapping.location == location, mapping.status != .corrupt
        else { return }
        var seen = Observation(
            root,
            .damaged,
            method: "read-back",
            place: location,
            at: catalog.time,
            by: observer,
            basis: mapping.revision
        )
        seen.detail = problem.message
        let observation = seen
        try await catalog.observing(file.name) { _ = try await catalog.record([observation], under: $0) }
        try await catalog.markDirty([file.name], reason: "a reading found damage")
    }
}

extension MainConfiguration.Source: CustomStringConvertible {
    var description: String {
        switch self {
        case .store: "store"
        // What is before an @ may be a secret.
        case .node(let address): address.flatMap { $0.contains("@") ? nil : "kubo (\($0))" } ?? "kubo"
        case .backend(let name): name
        }
    }
}

/// Finds out where a DAG is on a backend that keeps CARs: it is a root there, or a part of one.
private struct RootSearch: Sendable {
    let call: Call
    let backend: OpenBackend
    let cache: BlockCache?
    /// Whether blocks that are no roots are searched for in the CARs.
    let looksIntoCARs: Bool

    /// So many CARs are searched for a block that is no root.
    private static let maxSearched = 256

    func blocks(_ root: CID, _ location: Location?) -> RemoteBlocks {
        RemoteBlocks(of: root, at: location, on: backend, cache: cache, notice: call.notice)
    }

    /// The place of a CID: that of the root that it is there, or else of a root that has it.
    func place(of cid: CID) async throws -> BackendSource.Place {
        let catalog = try call.kit.catalog()
        // One content has two CIDs where the older form can express it.
        let forms = Set([cid, cid.v1] + (cid.v0.map { [$0] } ?? []))
        let known = try await catalog.mappings(of: Array(forms)).filter {
            $0.backend == backend.name && $0.status != .missing
        }
        if let mapping = known.first(where: { $0.cid == cid }) ?? known.first {
            let blocks = blocks(mapping.cid, mapping.location)
            return BackendSource.Place(mapping.cid, blocks, isRoot: mapping.cid == cid, at: mapping.location)
        }
        guard !backend.content.capabilities.contains(.blocks) else {
            return BackendSource.Place(cid, blocks(cid, nil), isRoot: true, at: nil)
        }
        switch await backend.content.presence(of: cid, at: nil) {
        case .present(let held):
            return BackendSource.Place(cid, blocks(cid, held.location), isRoot: true, at: held.location)
        case .unknown(let error): throw error
        case .absent, .pending: break
        }
        guard looksIntoCARs else {
            let help = "`ipfs-kit block get --from \(backend.name) \(cid)`"
            throw absence(of: cid, ". Whether it is in one of its CARs \(help) tells.")
        }
        let places = try await places(catalog)
        // One that is damaged, or has no index, says nothing of the others.
        var unread: [StorageError] = []
        for (root, location) in places.prefix(Self.maxSearched) {
            let blocks = blocks(root, location)
            do throws(StorageError) {
                guard try await blocks.have(cid) else { continue }
                return BackendSource.Place(root, blocks, isRoot: false, at: location)
            } catch {
                guard error.isOfContent else { throw error }
                unread.append(error)
            }
        }
        // A CAR that is gone has nothing; any other that was not searched may have it.
        let isAll = places.count <= Self.maxSearched
        let code = unread.map(\.code).first { $0 != .notFound } ?? (isAll ? .notFound : .unsupported)
        var reason =
            isAll
            ? ", and in none of the CARs there, by their indexes."
            : ", and in none of \(Self.maxSearched) CARs, by their indexes. A path that begins at a root leads to what is "
                + "in the others."
        if let first = unread.first(where: { $0.code == code }) ?? unread.first {
            reason += " \(unread.count) of them could not be searched: \(first.message)"
        }
        throw absence(of: cid, reason, code)
    }

    private func absence(of cid: CID, _ reason: String, _ code: StorageError.Code = .notFound) -> StorageError {
        let verb = code == .notFound ? "does not have" : "may not have"
        let message = "The backend \(backend.name) \(verb) \(cid): it is no root there\(reason)"
        let plain = KitError(StorageError(code, message, backend: backend.name))
        let name = backend.name
        let hint = code == .corrupt ? Hint(Verify.self, ["names": name]) : Hint(BackendPinList.self, ["backend": name])
        let cause = KitError(plain.code, message, hint: hint, backend: backend.name, cid: cid)
        return StorageError(code, message, backend: backend.name, cause: cause)
    }

    /// Where CARs are on a backend, as the catalog knows, or else as it says itself: one more than are searched at
    /// most.
    private func places(_ catalog: Catalog) async throws -> [(root: CID, location: Location?)] {
        let mappings = try await catalog.mappings(on: backend.name).filter { $0.status != .missing }
        guard mappings.isEmpty, backend.content.capabilities.contains(.listing) else {
            return mappings.map { ($0.cid, $0.location) }
        }
        var places: [(root: CID, location: Location?)] = []
        for try await page in backend.content.roots() {
            places += page.map { ($0.root, $0.location) }
            if places.count > Self.maxSearched { break }
        }
        return places
    }
}
