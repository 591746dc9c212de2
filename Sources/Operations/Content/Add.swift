internal import BlockStore
internal import Catalog
internal import IPLD
package import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Adds files and directories to the store and pins them.
package struct Add: Operation {
    package static let name = "add"
    package static let summary = "Add files and directories to the store and pin them."
    package static let details = """
        Content becomes UnixFS, with the same CIDs as Kubo's. `-` adds standard input. Directories are added with all \
        that is in them, but for the kit home. What is not said follows from the profile; --profile unixfs-v0-2015 is \
        Kubo's default.
        Example: ipfs-kit add photos --name photos-2026
        """
    package static let changes = true

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

    package init() {}

    package static let fields: [Field<Self>] =
        [
            Field(
                "paths",
                \.paths,
                help: "Files and directories; - is standard input.",
                required: true,
                positional: true
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
        ] + ImportForm.fields.map { $0.of(\Self.form) }

    package func run(in kit: Kit) async throws(KitError) -> Output {
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
        let importer = Importer(
            profile: profile,
            rules: rules,
            progress: kit.session.progress,
            boundary: kit.boundary,
            made: { kit.session.emit(Added(item: $0)) },
            leave: { item in leftOut.change { $0.items.append(item) } }
        )
        func output(_ roots: [Root], pinned: Bool, _ counts: Ingest.Counts) -> Output {
            Output(names: roots.map(\.name), cids: roots.map(\.entry.cid), links, leftOut.read { $0 }, pinned, counts)
        }
        guard !onlyHash else {
            return try await kitErrors {
                output(try await add(names, importer, kit), pinned: false, Ingest.Counts())
            }
        }
        let store = try kit.store()
        let catalog = try kit.catalog()
        return try await kitErrors {
            try await store.protecting {
                let epoch = try await store.epoch()
                let (roots, counts) = try await store.ingest { ingest in
                    let roots = try await add(names, importer.writing(to: ingest, refers: noCopy), kit)
                    // The counts are those of this moment; the commit follows before anything is acknowledged.
                    return (roots, ingest.counts)
                }
                if pin { try await pinRoots(roots, catalog, kit.now, kit.storeState(lookedAtIn: epoch)) }
                return output(roots, pinned: pin, counts)
            }
        }
    }

    private typealias Root = (name: [UInt8], entry: DAGEntry)

    /// The name that an argument has in a directory.
    private func name(of path: String) throws(KitError) -> [UInt8] {
        guard path == "-" else { return try givenName(path) }
        return Array((inputName.isEmpty ? "-" : inputName).utf8)
    }

    /// Makes blocks of everything that was named.
    private func add(_ names: [[UInt8]], _ importer: Importer, _ kit: Kit) async throws -> [Root] {
        let progress = kit.session.progress
        progress.began(onlyHash ? "hash" : "add", bytes: try await size(progress))
        defer { progress.ended() }
        var roots: [Root] = []
        for (path, name) in zip(paths, names) { roots.append((name, try await add(path, name, importer, kit))) }
        return wrap ? [(roots.first?.name ?? [], try await importer.wrapped(roots))] : roots
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

    private func add(_ path: String, _ name: [UInt8], _ importer: Importer, _ kit: Kit) async throws -> DAGEntry {
        guard path == "-" else { return try await importer.add(path, name: name) }
        let entry = try await importer.addStream(importer.rules.metadata) { (_, count) throws(FileError) in
            try readAll(count, kit.session)
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
        /// Arguments that are symbolic links, of which nothing but the link was added.
        private let links: [String]
        private let leftOut: LeftOutList
        private let pinned: Bool
        private let counts: Ingest.Counts

        fileprivate init(
            names: [[UInt8]],
            cids: [CID],
            _ links: [String],
            _ leftOut: LeftOutList,
            _ pinned: Bool,
            _ counts: Ingest.Counts
        ) {
            roots = zip(names, cids).map { (shownName($0), $1) }
            (self.names, self.links, self.leftOut) = (names, links, leftOut)
            (self.pinned, self.counts) = (pinned, counts)
        }

        package var json: JSON {
            [
                "type": "summary",
                "roots": .array(zip(names, roots).map { ["name": .name($0), "cid": .text($1.cid)] }),
                "pinned": .bool(pinned), "new_blocks": .count(counts.newBlocks), "new_bytes": .count(counts.newBytes),
                "known_blocks": .count(counts.knownBlocks), "left_out": leftOut.json,
            ]
        }
        package var report: Report {
            let linkWarnings = links.map {
                "\($0) is a symbolic link, and only the link was added; --dereference-args adds what it leads to."
            }
            return Report([], warnings: linkWarnings + leftOut.warnings)
        }
        package var quietLines: [String]? { roots.map(\.cid.description) }
    }
}

/// Something that was added, as it is told while the work goes on.
private struct Added: OperationOutput {
    let item: Imported

    var json: JSON {
        [
            "type": "added", "name": .name(item.path), "cid": .text(item.entry.cid),
            "size": .count(item.entry.tsize),
        ]
    }
    var report: Report { Report("added \(item.entry.cid) \(shownName(item.path))") }
    var quietLines: [String]? { [] }
}

/// Reads standard input until `count` bytes are there or it is at its end.
private func readAll(_ count: Int, _ session: Session) throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
        let more: [UInt8]
        do throws(KitError) {
            more = try session.read(count - bytes.count)
        } catch {
            throw FileError("read", "standard input", 5)
        }
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
            if info.kind == .directory { pending.append(path) } else if info.kind == .file { sum += info.length }
        }
    }
    return sum
}
