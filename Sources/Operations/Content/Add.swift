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
        Content becomes UnixFS, with the same CIDs as Kubo's. `-` adds standard input.
        Example: ipfs-kit add photos --name photos-2026
        """
    package static let changes = true

    package var paths: [String] = []
    package var profile = ImportProfile.unixfsV1_2025.name
    package var pinName = ""
    package var pin = true
    package var hidden = false
    package var wrap = false
    package var replicas: Int?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("paths", \.paths, help: "Files and directories; - is standard input.", required: true, positional: true),
        Field(
            "profile",
            \.profile,
            help: "How content is cut into blocks: unixfs-v1-2025, or unixfs-v0-2015 for Kubo's old defaults."
        ),
        Field("name", \.pinName, help: "The name of the pin; the name of the file where it is not given."),
        Field("pin", \.pin, help: "Pin what is added."),
        Field("hidden", \.hidden, help: "Add entries whose names begin with a dot too."),
        Field("wrap_with_directory", \.wrap, help: "Put what is added into a directory, which keeps its name."),
        Field("replicas", \.replicas, help: "On how many backends the pin is wanted; all where it is not given."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        guard let profile = ImportProfile(named: profile) else {
            throw KitError(
                .usage,
                SchemaError.unknown(profile, among: ImportProfile.all.map(\.name)).message
            )
        }
        let store = try kit.store()
        let catalog = try kit.catalog()
        return try await kitErrors {
            let size = try await self.size(kit.session.progress)
            kit.session.progress.began("add", bytes: size)
            defer { kit.session.progress.ended() }
            let (roots, counts) = try await store.ingest { ingest in
                let importer = Importer(
                    profile: profile,
                    ingest: ingest,
                    progress: kit.session.progress,
                    takesHidden: hidden
                ) { kit.session.emit(Added(item: $0)) }
                var roots: [(name: String, entry: DAGEntry)] = []
                for path in paths { roots.append(try await add(path, importer, kit, profile, ingest)) }
                // The counts are those of this moment; the commit follows before anything is acknowledged.
                return (roots, ingest.counts)
            }
            if pin { try await pinRoots(roots, catalog, kit.now) }
            return Output(roots: roots.map { ($0.name, $0.entry.cid) }, pinned: pin, counts: counts)
        }
    }

    /// The sum of the lengths of all files, where somebody watches and it can be known.
    private func size(_ progress: Progress) async throws(FileError) -> UInt64? {
        guard progress.isWatched, !paths.contains("-") else { return nil }
        return try await BlockingThreads.shared.run { () throws(FileError) in
            var sum: UInt64 = 0
            for path in paths { sum += try treeLength(path, withHidden: hidden) }
            return sum
        }
    }

    private func add(
        _ path: String,
        _ importer: Importer,
        _ kit: Kit,
        _ profile: ImportProfile,
        _ ingest: Ingest
    ) async throws -> (name: String, entry: DAGEntry) {
        let name = path == "-" ? "-" : baseName(absolutePath(path))
        let entry: DAGEntry
        if path == "-" {
            entry = try await importer.addStream { (_, count) throws(FileError) in
                try readAll(count, kit.session)
            }
            importer.made(Imported(path: name, entry: entry))
        } else {
            entry = try await importer.add(path, name: name)
        }
        guard wrap else { return (name, entry) }
        var builder = DirectoryBuilder(profile: profile)
        try builder.add(name: Array(name.utf8), cid: entry.cid, tsize: entry.tsize)
        let built = try builder.build()
        try await ingest.write([built.block])
        importer.made(Imported(path: "", entry: built.entry))
        return (name, built.entry)
    }

    private func pinRoots(_ roots: [(name: String, entry: DAGEntry)], _ catalog: Catalog, _ now: Timestamp) async throws
    {
        let pins = roots.map { root in
            Pin(
                cid: root.entry.cid,
                name: pinName.isEmpty ? (root.name == "-" ? "" : root.name) : pinName,
                replicas: replicas,
                createdAt: now
            )
        }
        try await catalog.addPins(pins, reason: "add")
    }

    /// The roots that are in the store now.
    package struct Output: OperationOutput {
        /// The names that were given, and the roots.
        package let roots: [(name: String, cid: CID)]
        let pinned: Bool
        let counts: Ingest.Counts

        package var json: JSON {
            [
                "type": "summary",
                "roots": .array(roots.map { ["name": .string($0.name), "cid": .text($0.cid)] }),
                "pinned": .bool(pinned), "new_blocks": .count(counts.newBlocks), "new_bytes": .count(counts.newBytes),
                "known_blocks": .count(counts.knownBlocks),
            ]
        }
        package var report: Report { Report() }
        package var quietLines: [String]? { roots.map(\.cid.description) }
    }
}

/// Something that was added, as it is told while the work goes on.
private struct Added: OperationOutput {
    let item: Imported

    var json: JSON {
        [
            "type": "added", "name": .string(item.path), "cid": .text(item.entry.cid),
            "size": .count(item.entry.tsize),
        ]
    }
    var report: Report { Report("added \(item.entry.cid) \(item.path)") }
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
private func treeLength(_ path: String, withHidden: Bool) throws(FileError) -> UInt64 {
    let info = try fileInfo(path, follow: true)
    guard info.kind == .directory else { return info.length }
    var sum: UInt64 = 0
    var pending = [path]
    while let folder = pending.popLast() {
        for name in (try? listDirectory(folder)) ?? [] where withHidden || name.first != 0x2E {
            let path = folder + "/" + String(decoding: name, as: UTF8.self)
            guard let info = try? fileInfo(path) else { continue }
            if info.kind == .directory { pending.append(path) } else if info.kind == .file { sum += info.length }
        }
    }
    return sum
}
