internal import BlockStore
internal import Catalog
internal import IPLD
package import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Adds files and directories to the store and pins them.
package struct Add: ChangingOperation {
    package static let name = "add"
    package static let summary = "Add files and directories to the store and pin them."
    package static let details = """
        Content becomes UnixFS, with the same CIDs as Kubo's. `-` adds standard input. Directories are added with all \
        that is in them, but for the kit home. What is not said follows from the profile; --profile unixfs-v0-2015 is \
        Kubo's default.
        Example: ipfs-kit add photos --name photos-2026
        """
    package static var items: [any OperationOutput.Type] { [Added.self] }

    package var paths: [String] = []
    package var form = ImportForm()
    package var pinName = ""
    package var pin = true
    package var onlyHash = false
    package var wrap = false
    package var noCopy = false
    package var replicas: Int?
    package var recursive = true
    package var inputName = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            Field(
                "paths",
                \.paths,
                help: "Files and directories; - is standard input.",
                as: .path,
                required: true,
                positional: true,
                whole: true
            ),
            Field("name", \.pinName, help: "The name of the pin; that of the file by default.", aliases: ["pin_name"]),
            Field("pin", \.pin, help: "Pin what is added."),
            Field(
                "only_hash",
                \.onlyHash,
                help: "Say what the CIDs would be, and store nothing (-n).",
                aliases: ["n"]
            ),
            Field(
                "wrap_with_directory",
                \.wrap,
                help: "Put what is added into a directory, which keeps its name (-w).",
                aliases: ["w", "wrap"]
            ),
            Field(
                "no_copy",
                \.noCopy,
                help: "Leave the content in the files, which must not change, and store only where it is.",
                aliases: ["nocopy"]
            ),
            Field("replicas", \.replicas, help: "On how many backends the pin is wanted; all by default."),
            Field(
                "recursive",
                \.recursive,
                help: "Take directories; without it they are refused (-r).",
                aliases: ["r"]
            ),
            Field("stdin_name", \.inputName, help: "The name of standard input, for --wrap-with-directory."),
            .dryRun,
        ] + ImportForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        try checkReplicas(replicas)
        try checkInputs(paths)
        let (profile, rules) = (try form.profile(), try form.rules())
        let kinds = paths.map { (try? fileInfo($0, follow: rules.followsNamedLinks))?.kind }
        if let index = kinds.firstIndex(of: .directory), !recursive {
            throw KitError(.usage, "\(paths[index]) is a directory, and --no-recursive says to take none.")
        }
        let links = zip(paths, kinds).filter { $1 == .symbolicLink }.map { $0.0 }
        guard !noCopy || profile.rawLeaves && !paths.contains("-") else {
            throw KitError(.usage, "--no-copy needs files, and raw leaves, which the other options do not give.")
        }
        let names = try paths.map { (path) throws(KitError) in try name(of: path) }
        if wrap { try checkEntries(names) }
        let leftOut = Locked(LeftOutList())
        // What is made is told when it is in the store, and not before.
        let made = Locked<[Imported]>([])
        @Sendable func tell() async {
            let items = made.change { items in
                defer { items.removeAll() }
                return items
            }
            for item in items { await call.emit(Added(item: item, isStored: !storesNothing)) }
        }
        let importer = Importer(
            profile: profile,
            rules: rules,
            progress: call.progress,
            boundary: kit.boundary,
            made: { item in made.change { $0.append(item) } },
            leave: { item in leftOut.change { $0.add(item) } }
        )
        let isRead = storesNothing ? true : try kit.sourceNames().contains("\(MainConfiguration.Source.store)")
        func output(_ results: Results, pinned: Bool, _ counts: Ingest.Counts?) async -> Output {
            await tell()
            var output = Output(results, links, leftOut.read { $0 }, pinned, counts)
            output.isDryRun = dryRun
            if !isRead { output.unread = kit.home.mainConfiguration }
            return output
        }
        guard !storesNothing else {
            if !onlyHash { _ = (try kit.store(), try kit.catalog()) }
            return try await kitErrors {
                let results = try await withManyAtOnce { try await add(names, importer, made, call) }
                return await output(results, pinned: pin && !onlyHash, nil)
            }
        }
        let store = try kit.store()
        let catalog = try kit.catalog()
        return try await kitErrors {
            try await store.protecting {
                let epoch = try await store.epoch()
                let (results, counts) = try await store.ingest { ingest in
                    var writing = importer.writing(to: ingest, refers: noCopy)
                    let write = writing.write
                    writing.write = { blocks in
                        try await write(blocks)
                        guard made.read({ $0.count }) >= Self.maxUntold else { return }
                        try await ingest.commit()
                        await tell()
                    }
                    let importer = writing
                    let results = try await withManyAtOnce { try await add(names, importer, made, call) }
                    // The counts are those of this moment; the commit follows before anything is acknowledged.
                    return (results, ingest.counts)
                }
                if pin { try await pinRoots(results.roots, catalog, kit.now, kit.storeState(lookedAtIn: epoch)) }
                return await output(results, pinned: pin, counts)
            }
        }
    }

    private var storesNothing: Bool { onlyHash || dryRun }

    /// So many files and folders wait until they are in the store.
    private static let maxUntold = 8192

    fileprivate typealias Root = (name: [UInt8], entry: DAGEntry)

    /// What came of what was named.
    fileprivate struct Results: Sendable {
        var roots: [Root] = []
        var failures: [(name: [UInt8], error: KitError)] = []
    }

    /// The name that an argument has in a directory.
    private func name(of path: String) throws(KitError) -> [UInt8] {
        guard path == "-" else { return try givenName(path) }
        return Array((inputName.isEmpty ? "-" : inputName).utf8)
    }

    /// Makes blocks of everything that was named; of several, one that cannot be had does not keep the others.
    ///
    /// What was `made` of one that failed is taken back: nothing leads to it.
    private func add(
        _ names: [[UInt8]],
        _ importer: Importer,
        _ made: Locked<[Imported]>,
        _ call: Call
    ) async throws -> Results {
        let progress = call.progress
        progress.began(storesNothing ? "hash" : "add", bytes: try await size(progress))
        defer { progress.ended() }
        var results = Results()
        for (path, name) in zip(paths, names) {
            let before = made.read { $0.count }
            do {
                results.roots.append((name, try await add(path, name, importer, call)))
            } catch {
                guard paths.count > 1, !wrap, let problem = Self.problem(error) else { throw error }
                results.failures.append((name, problem))
                made.change { $0.removeLast(max(0, $0.count - before)) }
            }
        }
        if wrap { results.roots = [(results.roots.first?.name ?? [], try await importer.wrapped(results.roots))] }
        return results
    }

    /// The error of one of the things that were named; nil where it is the store's, or somebody stopped the work.
    private static func problem(_ error: any Error) -> KitError? {
        let problem: KitError
        switch error {
        case let error as KitError: problem = error
        case let error as FileError: problem = KitError(error)
        default: return nil
        }
        return problem.code == .interrupted || Task.isCancelled ? nil : problem
    }

    /// The sum of the lengths of all files, where somebody watches and it can be known.
    private func size(_ progress: Progress) async throws(FileError) -> UInt64? {
        guard progress.isWatched, !paths.contains("-") else { return nil }
        return try await BlockingThreads.shared.run { () throws(FileError) in
            var sum: UInt64 = 0
            for path in paths { sum += try treeLength(path, form) }
            return sum
        }
    }

    private func add(_ path: String, _ name: [UInt8], _ importer: Importer, _ call: Call) async throws -> DAGEntry {
        guard path == "-" else { return try await importer.add(path, name: name) }
        let entry = try await importer.addStream(importer.rules.metadata) { (_, count) in
            try await readAll(count, call)
        }
        importer.made(Imported(path: name, entry: entry))
        return entry
    }

    private func pinRoots(_ roots: [Root], _ catalog: Catalog, _ now: Timestamp, _ store: StoreState) async throws {
        let pins = roots.map { root in
            let name = shownName(root.name)
            return Pin(
                cid: root.entry.cid,
                name: pinName.isEmpty ? (name == "-" ? "" : name) : pinName,
                replicas: replicas,
                createdAt: now
            )
        }
        try await catalog.addPins(pins, reason: "add", store: store, areNamesDefaults: pinName.isEmpty)
    }

    /// The roots that are in the store now.
    package struct Output: OperationOutput {
        /// The names that were given, and the roots.
        package let roots: [(name: String, cid: CID)]
        private let names: [[UInt8]]
        private let failures: [(name: [UInt8], error: KitError)]
        /// Arguments that are symbolic links, of which nothing but the link was added.
        private let links: [String]
        private let leftOut: LeftOutList
        private let pinned: Bool
        /// What came into the store; nil where nothing did.
        private let counts: Ingest.Counts?
        /// The configuration, where the store is not among the places from which it has content read.
        fileprivate var unread: String?
        fileprivate var isDryRun = false

        fileprivate init(
            _ results: Results,
            _ links: [String],
            _ leftOut: LeftOutList,
            _ pinned: Bool,
            _ counts: Ingest.Counts?
        ) {
            roots = results.roots.map { (shownName($0.name), $0.entry.cid) }
            (names, failures) = (results.roots.map(\.name), results.failures)
            (self.links, self.leftOut) = (links, leftOut)
            (self.pinned, self.counts) = (pinned, counts)
        }

        package var exitCode: ExitCode { .ofParts(failures.map(\.error.code), isPartDone: !roots.isEmpty) }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("type", "What this line is.", as: .choice(["summary"])) { _ in "summary" },
            .dryRun { $0.isDryRun },
            .list(
                "roots",
                "The roots, in the order of what was named.",
                of: [
                    OutputField("name", "The name that it has in a directory.") { NameShown($0.name) },
                    OutputField("cid", "The root.") { $0.cid },
                ]
            ) { output in zip(output.names, output.roots).map { (name: $0, cid: $1.cid) } },
            OutputField("pinned", "Whether they are pinned, or would be.") { $0.pinned },
            OutputField("new_blocks", "How many blocks the store did not have; null where nothing was stored.") {
                $0.counts?.newBlocks
            },
            OutputField("new_bytes", "How long these are.", in: .bytes) { $0.counts?.newBytes },
            OutputField("known_blocks", "How many the store had.") { $0.counts?.knownBlocks },
            OutputField("left_out", "What was not taken, and why.") { $0.leftOut.items },
            .list(
                "failures",
                "What could not be added.",
                of: [OutputField("name", "Its name.") { NameShown($0.name) }, .error { $0.error }]
            ) { $0.failures },
        ]
        package var report: Report {
            let linkWarnings = links.map {
                "\($0) is a symbolic link, and only the link was added; --dereference-args adds what it leads to."
            }
            let unreadWarning = unread.map {
                "\($0) leaves the store out of `source`: what was added is in the store, and is neither read nor synced from "
                    + "there until `store` is named, too."
            }
            let warnings = linkWarnings + leftOut.warnings + [unreadWarning].compactMap(\.self)
            let lines =
                isDryRun && counts == nil
                ? roots.map { Report.Part.line("would \(pinned ? "pin" : "store") \($0.cid)") } : []
            return Report(lines, warnings: warnings, failures: failures.map(\.error.message))
        }
        package var quietLines: [String]? { roots.map(\.cid.description) }
    }
}

/// Something that is in the store, or would be, as it is told while the work goes on.
private struct Added: OperationOutput {
    let item: Imported
    let isStored: Bool

    private var word: String { isStored ? "added" : "hashed" }

    static let outputFields: [OutputField<Self>] = [
        OutputField("type", "Whether it is in the store, or was only looked at.", as: .choice(["added", "hashed"])) {
            $0.word
        },
        OutputField("name", "The path of the file or directory.") { NameShown($0.item.path) },
        OutputField("cid", "What it became.") { $0.item.entry.cid },
        OutputField("size_bytes", "How much it is with all below it.", in: .bytes) { $0.item.entry.tsize },
    ]
    var report: Report { Report("\(word) \(item.entry.cid) \(shownName(item.path))") }
    var quietLines: [String]? { [] }
}

/// Reads standard input until `count` bytes are there or it is at its end.
private func readAll(_ count: Int, _ call: Call) async throws(KitError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
        let more = try await call.read(count - bytes.count)
        if more.isEmpty { break }
        bytes += more
    }
    return bytes
}

/// The sum of the lengths of the files in a tree; what cannot be looked at counts nothing here and fails later.
private func treeLength(_ path: String, _ form: ImportForm) throws(FileError) -> UInt64 {
    let info = try fileInfo(path, follow: form.followsLinks || form.followsNamedLinks)
    guard info.kind == .directory else { return info.length }
    var sum: UInt64 = 0
    var pending = [Array(path.utf8)]
    while let folder = pending.popLast() {
        for name in (try? listDirectory(folder)) ?? [] where form.hidden || name.first != 0x2E {
            let path = folder + [0x2F] + name
            guard let info = try? fileInfo(path) else { continue }
            switch info.kind {
            case .directory: pending.append(path)
            // Files with holes may be as long as numbers go.
            case .file: sum = sum.plus(info.length)
            default: continue
            }
        }
    }
    return sum
}
