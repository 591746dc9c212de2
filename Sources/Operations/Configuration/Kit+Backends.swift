internal import Catalog
internal import Digests
internal import Multiformats
internal import Policies
internal import POSIX
package import Replication
internal import Schema
internal import Services
package import Storage

extension Kit {
    /// The names of all backends that have a file, in order.
    package func backendNames() throws(KitError) -> [String] {
        do throws(FileError) {
            return try listDirectory(home.backendFiles).compactMap { name in
                let text = String(decoding: name, as: UTF8.self)
                guard text.hasSuffix(".yaml"), text.first != "." else { return nil }
                return String(text.dropLast(5))
            }
        } catch {
            guard try error.code == .notFound ? home.exists() : true else {
                throw KitError.noHome(home)
            }
            guard error.code == .notFound else { throw KitError(error) }
            throw KitError(
                .other,
                "\(home.backendFiles) is not there, with the settings of all backends. Put it back, or begin with none.",
                hint: Hint(Initialise.self)
            )
        }
    }

    /// The backend of a name; `noSuchBackend` names the nearest that exists.
    package func backend(_ name: String) throws(KitError) -> BackendFile {
        guard BackendFile.isName(name), try home.holds(home.backendFile(name)) else {
            let names = try backendNames()
            let known = names.isEmpty ? "there are none yet" : "known: \(names.joined(separator: ", "))"
            // A file that is there under another spelling of letters is of no backend.
            let near =
                nearest(to: name, among: names.filter(BackendFile.isName)).map { "did you mean “\($0)”?" } ?? known
            throw KitError(
                .noSuchBackend,
                "There is no backend “\(name)”; \(near)\(near.hasSuffix("?") ? "" : ".")",
                hint: names.isEmpty ? Hint(BackendCreate.self, ["name": name]) : Hint(BackendList.self),
                backend: name
            )
        }
        return try BackendFile.read(name, path: home.backendFile(name))
    }

    /// The backends that a command is about, and those of them whose files cannot be read: one slip stops no other
    /// backend.
    ///
    /// Without names all that are enabled are meant. A backend that is named must be there and enabled.
    func chooseBackends(
        _ names: [String],
        evenDisabled: Bool = false
    ) async throws(KitError) -> (files: [BackendFile], broken: [(name: String, error: KitError)]) {
        var files: [BackendFile] = []
        var broken: [(name: String, error: KitError)] = []
        var seen: Set<String> = []
        for name in names.isEmpty ? try backendNames() : names where seen.insert(name).inserted {
            do throws(KitError) {
                let file = try backend(name)
                if file.isEnabled || evenDisabled {
                    files.append(file)
                } else if !names.isEmpty {
                    throw KitError(
                        .refused,
                        "The backend \(name) is disabled.",
                        hint: Hint(BackendEnable.self, ["name": name]),
                        backend: name
                    )
                }
            } catch {
                guard names.isEmpty else { throw error }
                broken.append((name, error))
            }
        }
        try await meetBackends()
        return (files, broken)
    }

    /// What to say where every backend is disabled, or there is none.
    func noEnabledBackend() throws(KitError) -> KitError {
        let disabled = try backendNames().first
        return KitError(
            .noSuchBackend,
            "There is no enabled backend.",
            hint: disabled.map { Hint(BackendEnable.self, ["name": "\($0)"]) } ?? Hint(BackendCreate.self)
        )
    }

    /// How long a lease lasts without renewal, in milliseconds: a minute, or what `IPFS_KIT_LEASE` says in seconds.
    func leaseTime() throws(KitError) -> Int64 {
        guard let text = environment("IPFS_KIT_LEASE") else { return 60_000 }
        guard let seconds = Double(text), seconds >= 0.1, seconds <= 86_400 else {
            throw KitError(.usage, "IPFS_KIT_LEASE is a number of seconds, from 0.1 to 86400.")
        }
        return Int64(seconds * 1000)
    }

    /// The backends of the given names, or all; every one of them known to the catalog afterwards.
    package func backends(_ names: [String] = []) async throws(KitError) -> [BackendFile] {
        var files: [BackendFile] = []
        for name in names.isEmpty ? try backendNames() : names { files.append(try backend(name)) }
        try await meetBackends()
        return files
    }

    /// The error that no backend is known to have a root, with what helps: a pin, a backend, or a sync.
    func nowhere(_ root: CID) async throws -> KitError {
        let twin = root.version == .v0 ? root.v1 : root.v0
        var isPinned = try await catalog().pin(root) != nil
        if let twin, !isPinned { isPinned = try await catalog().pin(twin) != nil }
        let help = try backendNames().isEmpty ? Hint(BackendCreate.self) : Hint(Sync.self)
        return KitError(
            .notFound,
            "No backend is known to have \(root)\(isPinned ? "" : ", which is not pinned").",
            hint: isPinned ? help : Hint(PinAdd.self, ["cids": root]),
            cid: root
        )
    }

    /// Makes every backend that has a file known to the catalog; of one whose file is gone or unreadable, or whose
    /// settings lead elsewhere than at its last sync, nothing counts here that was seen on it.
    func meetBackends() async throws(KitError) {
        let catalog = try catalog()
        let names = try backendNames().filter(BackendFile.isName)
        try await kitErrors {
            try await catalog.register(names)
            var astray: Set<String> = []
            for state in try await catalog.backendStates() {
                let isThere = names.contains(state.name)
                let leads = isThere ? await self.leads(state.name, to: state.address?.place) : false
                if !leads { astray.insert(state.name) }
            }
            catalog.disregard(astray)
        }
    }

    /// Whether the settings of a backend lead to a place, as far as they are known here.
    ///
    /// A variable of a secret may not be set. Where no place is known yet, it is enough that they can be read.
    private func leads(_ name: String, to place: String?) async -> Bool {
        guard let file = try? backend(name), (try? file.check()) != nil else { return false }
        guard let place else { return true }
        return (try? await address(of: file.known(in: environment)))?.place == place
    }

    /// The backends that the catalog knows and that have no file.
    func backendsWithoutFile() async throws(KitError) -> [String] {
        let names = Set(try backendNames())
        let catalog = try catalog()
        return try await kitErrors { try await catalog.backendStates().map(\.name).filter { !names.contains($0) } }
    }

    /// Makes a new backend known; what the catalog may know of an earlier one of that name is not known of this one.
    func registerNew(_ name: String) async throws(KitError) {
        let catalog = try catalog()
        do throws(CatalogError) {
            if try await catalog.backendState(name) != nil {
                try await catalog.reincarnate(name)
            } else {
                try await catalog.register([name])
            }
        } catch {
            throw KitError(error)
        }
    }

    /// Opens a backend for one whose changes pass `gate`, or gives him what is open of it; nothing is sent before it is
    /// used.
    package func open(_ file: BackendFile, gate: any ChangeGate) async throws(KitError) -> OpenBackend {
        let (values, context, policies, place) = try await limited(file)
        let meter = Meter()
        do throws(StorageError) {
            let settings = Openings.Settings(
                type: file.type,
                values: values,
                operational: context.operational,
                place: place
            )
            let use = try await openings.use(file.name, settings) { () async throws(StorageError) in
                try await file.row.open(values, in: context)
            }
            return OpenBackend(
                name: file.name,
                content: use.opening.content(for: Asker(backend: file.name, gate: gate, meter: meter, use: use)),
                meter: meter,
                quota: policies.storageQuotaBytes,
                lanes: context.operational.maxConnections
            )
        } catch {
            throw KitError(error.on(file.name))
        }
    }

    /// The settings of a backend, whose requests keep within the limits that all have who ask it.
    private func limited(
        _ file: BackendFile
    ) async throws(KitError) -> (
        type: [String: FieldValue], context: ServiceContext, policies: BackendPolicies, place: ServicePlace
    ) {
        var (values, context, policies) = try settings(of: file)
        do throws(StorageError) {
            let place = try await file.row.place(of: values, in: context)
            let limits = callLimits.limits(
                of: file.name,
                credential: place.credential,
                context.operational,
                timing: timing
            )
            context.policy = context.policy.within(limits)
            if let catalog = try? catalog() { context.kit = { try? await catalog.identity().kit } }
            return (values, context, policies, place)
        } catch {
            throw KitError(error.on(file.name))
        }
    }

    /// Why a backend could not be opened as things are now, such as a variable that is not set yet, as a sentence;
    /// nothing is sent.
    func whatKeepsFromOpening(_ file: BackendFile) async -> [String] {
        do throws(KitError) {
            _ = try await open(file, gate: ClosedGate())
            return []
        } catch {
            return ["It cannot be used yet. \(error.message)"]
        }
    }

    /// The Kubo node of a backend, to be asked for its pins; nothing is sent.
    func node(of file: BackendFile) async throws(KitError) -> KuboNode {
        let (values, context, _, _) = try await limited(file)
        do {
            return try await KuboNode(try KuboSettings(values: values), in: context)
        } catch let error as StorageError {
            throw KitError(error.on(file.name))
        } catch {
            throw KitError(any: error)
        }
    }

    /// Where a backend leads now.
    func address(of file: BackendFile) async throws(KitError) -> BackendState.Address {
        let (values, context, _) = try settings(of: file)
        func digested(_ text: String) -> String {
            text.isEmpty ? "" : Multibase.base32.encode(digest(.sha256, of: Array(text.utf8)))
        }
        do throws(StorageError) {
            let place = try await file.row.place(of: values, in: context)
            return BackendState.Address(
                place: digested(place.words.joined(separator: "\n")),
                account: digested(place.account)
            )
        } catch {
            throw KitError(error.on(file.name))
        }
    }

    /// The settings of the home and of all its backends, and the places to which they lead, without secrets: another
    /// text where something of that is another.
    func whereBackendsLead() async -> String {
        var lines = [(try? readFile(home.mainConfiguration)).map { String(decoding: $0, as: UTF8.self) } ?? ""]
        for name in ((try? backendNames()) ?? []).sorted() {
            lines.append(name)
            do throws(KitError) {
                let file = try backend(name)
                lines.append(file.textWithoutSecrets())
                let address = try await address(of: file)
                lines += [address.place, address.account]
            } catch {
                lines.append(error.message)
            }
        }
        return lines.joined(separator: "\n")
    }

    /// Opens a backend to look at what is known of it; throws where it leads elsewhere than at its last sync, or is
    /// another place by now.
    func openAsKnown(_ file: BackendFile) async throws(KitError) -> OpenBackend {
        let backend = try await openAtKnownAddress(file)
        try await expectPlace(backend)
        return backend
    }

    /// The same for whoever sees to it that it is the place that is known.
    func openAtKnownAddress(_ file: BackendFile) async throws(KitError) -> OpenBackend {
        guard try await arrive(at: file) else {
            throw KitError(
                .refused,
                "The settings of \(file.name) lead elsewhere than at its last sync.",
                hint: Hint(Sync.self, ["names": file.name]),
                backend: file.name
            )
        }
        return try await open(file, gate: ClosedGate())
    }

    /// Mounts a backend, also for when nobody uses it; gives the folder.
    func mount(_ file: BackendFile) async throws(KitError) -> String {
        let (values, context, _) = try settings(of: file)
        do throws(StorageError) {
            guard let folder = try await file.row.mount(values, in: context) else {
                throw StorageError(.unsupported, "There is nothing to mount.")
            }
            return folder
        } catch {
            throw KitError(error.on(file.name))
        }
    }

    /// Ends that; false where it was not mounted.
    func unmount(_ file: BackendFile) async throws(KitError) -> Bool {
        let (values, context, _) = try settings(of: file)
        do throws(StorageError) {
            return try await file.row.unmount(values, in: context) ?? false
        } catch {
            throw KitError(error.on(file.name))
        }
    }

    /// Notes where a backend leads of which nothing was seen before, for whoever is about to look; whether it leads
    /// where it did at its last sync.
    func arrive(at file: BackendFile) async throws(KitError) -> Bool {
        let catalog = try catalog()
        let address = try await address(of: file)
        let state = try await kitErrors {
            let state = try await catalog.backendState(file.name)
            if let state, state.address == nil, state.syncedAt == nil {
                try await catalog.observing(file.name) { try await catalog.noteFirst(address, under: $0) }
            }
            return state
        }
        return state?.address.map { $0.isSame(as: address) } ?? true
    }

    /// The settings of a backend with references replaced, and what it may know of the world around it.
    private func settings(
        of file: BackendFile
    ) throws(KitError) -> (type: [String: FieldValue], context: ServiceContext, policies: BackendPolicies) {
        guard !file.isFromSnapshot else {
            throw KitError(
                .refused,
                "The settings of \(file.name) came from a snapshot, which whoever writes to that backend can change: they are "
                    + "used when you have looked at them and enabled it.",
                hint: Hint(BackendShow.self, ["name": file.name]),
                backend: file.name
            )
        }
        let values = try file.values(environment: environment)
        do throws(SchemaError) {
            var operational = try OperationalSettings(values: values.operational)
            if values.operational["max_connections"] == nil { operational.maxConnections = file.row.connections }
            let context = ServiceContext(
                backend: file.name,
                type: file.type,
                operational: operational,
                policy: CallPolicy(backend: file.name, operational, timing: timing, gate: ClosedGate()),
                environment: environment,
                home: home.path,
                state: home.state(of: file.name)
            ) { [weak self, name = file.name] (root, backends) async throws(StorageError) in
                try await self?.offers(of: root, to: name, backends) ?? Offers()
            }
            return (values.type, context, try BackendPolicies(values: values.policies))
        } catch {
            throw file.problem(0, error.message)
        }
    }

    /// What the settings of a backend say about what is to be kept there.
    func policies(of file: BackendFile) throws(KitError) -> BackendPolicies {
        let values = try file.values(environment: environment).policies
        do throws(SchemaError) {
            return try BackendPolicies(values: values)
        } catch {
            throw file.problem(0, error.message)
        }
    }

    /// The index files of a backend.
    func indexFiles(_ name: String) -> IndexFiles { IndexFiles(backends: home.backends, backend: name) }

    /// Writes the index files of backends anew where they are further behind than they may be; a failure is a warning,
    /// for the catalog has everything.
    func writeIndexes(_ names: [String]) async throws(KitError) -> [String] {
        let catalog = try catalog()
        var warnings: [String] = []
        for name in names {
            do throws(ReplicationError) {
                try await indexFiles(name).bringUpToDate(from: catalog)
            } catch {
                warnings.append("The index files of \(name) could not be written; the catalog is right. \(error)")
            }
        }
        return warnings
    }
}
