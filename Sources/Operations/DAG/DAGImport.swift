internal import BlockStore
internal import Catalog
internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Brings the blocks of CARs into the store.
package struct DAGImport: ChangingOperation {
    package static let name = "dag import"
    package static let summary = "Bring the blocks of CARs into the store, each checked, and pin their roots."
    package static let details = """
        Nothing of a damaged CAR is pinned; the other files are imported all the same. Of several roots those are pinned \
        that are whole; the others are named with what they lack, and --no-pin-roots imports a part on purpose.
        Example: ipfs-kit dag import photos.car
        """

    package var files: [String] = []
    package var pinRoots = true
    package var form = ArchiveForm()
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            Field(
                "files",
                \.files,
                help: "CAR files; - is standard input.",
                as: .path,
                required: true,
                positional: true,
                whole: true
            ),
            Field(
                "pin_roots",
                \.pinRoots,
                help: "Pin the roots; one that is not whole is a failure, and keeps no other from its pin."
            ),
            .dryRun,
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> ImportOutput {
        let kit = call.kit
        try checkInputs(files)
        let store = try kit.store()
        // Where the catalog cannot be opened nothing is taken in.
        _ = try kit.catalog()
        return try await kitErrors {
            call.progress.began("import")
            defer { call.progress.ended() }
            guard !dryRun else {
                let files = try await take(nil, call).0
                return ImportOutput(
                    isDryRun: true,
                    files: files,
                    roots: ImportOutput.roots(of: files),
                    wantsPins: pinRoots
                )
            }
            return try await store.protecting {
                let epoch = try await store.epoch()
                let (files, seen) = try await take(store, call)
                let roots = pinRoots ? try await pin(files, seen, epoch, call) : ImportOutput.roots(of: files)
                return ImportOutput(isDryRun: false, files: files, roots: roots, wantsPins: pinRoots)
            }
        }
    }

    /// Brings all files in; one that cannot be read leaves nothing behind, and the others are read all the same.
    ///
    /// Without a store they are only read and checked.
    private func take(_ store: BlockStore?, _ call: Call) async throws -> ([ImportOutput.File], SeenBlocks) {
        var taken: [ImportOutput.File] = []
        var allSeen = SeenBlocks()
        for path in files {
            do {
                let input = try await Input(path, call, for: .content)
                guard let store else {
                    let (roots, count) = try await Self.take(form.scan(input), nil, call.progress)
                    taken.append(ImportOutput.File(path: path, blocks: count, roots: roots))
                    continue
                }
                let (roots, count, seen) = try await store.ingest {
                    let (roots, count) = try await Self.take(form.scan(input), $0, call.progress)
                    return (roots, count, $0.seen)
                }
                allSeen.formUnion(seen)
                taken.append(ImportOutput.File(path: path, blocks: count, roots: roots))
            } catch {
                let error = KitError(any: error)
                guard files.count > 1, error.code != .interrupted else { throw error }
                taken.append(ImportOutput.File(path: path, error: error))
            }
        }
        return (taken, allSeen)
    }

    /// Pins the roots that are whole.
    private func pin(
        _ files: [ImportOutput.File],
        _ seen: SeenBlocks,
        _ epoch: UInt64,
        _ call: Call
    ) async throws -> [ImportOutput.Root] {
        var roots = ImportOutput.roots(of: files)
        let flaws = try await RootCheck.flaws(of: roots.map(\.cid), in: call.kit.store(), seen: seen)
        for (index, flaw) in flaws.enumerated() {
            roots[index].isPinned = flaw == nil
            roots[index].flaw = flaw.map { KitError($0) }
            roots[index].missing = flaw?.code == .notFound ? flaw?.cid : nil
        }
        let pins = roots.filter(\.isPinned).map { Pin(cid: $0.cid, createdAt: call.kit.now) }
        do {
            if !pins.isEmpty {
                let state = try await call.kit.storeState(lookedAtIn: epoch)
                try await call.kit.catalog().addPins(pins, reason: "dag import", store: state)
            }
        } catch {
            let blocks = files.reduce(0) { $0 + $1.blocks }
            let error = KitError(any: error)
            throw KitError(
                error.code,
                "\(blocks) blocks were imported, and their roots were not pinned: \(error.message)"
            )
        }
        return roots
    }

    /// Reads, checks and writes one file.
    private static func take(
        _ scan: ArchiveScan,
        _ ingest: Ingest?,
        _ progress: Progress
    ) async throws -> (roots: [CID], blocks: UInt64) {
        var roots: [CID] = []
        var count: UInt64 = 0
        var length: UInt64 = 0
        var last: CID?
        func refusal(_ problem: DecodingProblem, after last: CID?) -> KitError {
            // The store commits what is written in large parts: of a long archive some may have become part of it.
            let isPartStored = ingest != nil && (count > 65_000 || length >= 1 << 30)
            return Self.refusal(of: scan.input.name, problem, after: last, isPartStored: isPartStored)
        }
        try await scan.read(verifies: true) { piece in
            // The empty identity CID stands where an archive, such as a shard, has no root.
            roots += piece.header?.roots.filter { $0.inlineContent != [] } ?? []
            if let (index, problem) = piece.firstProblem() {
                throw refusal(problem, after: index > 0 ? piece.sections[index - 1].cid : last)
            }
            if let damage = piece.damages.first {
                let before = piece.sections.last { $0.offset < damage.offset }
                throw refusal(damage.problem, after: before?.cid ?? last)
            }
            last = piece.sections.last?.cid ?? last
            try await ingest?.write(piece.sections)
            count += UInt64(piece.sections.count)
            length += piece.length
            progress.bytes(piece.length)
        }
        return (roots, count)
    }

    private static func refusal(
        of path: String,
        _ problem: DecodingProblem,
        after last: CID?,
        isPartStored: Bool
    ) -> KitError {
        let last = last.map { " The last good block is \($0)." } ?? ""
        let stored =
            isPartStored ? " Some of the blocks before it may be stored; “gc” removes what no pin leads to." : ""
        return KitError(
            ExitCode(problem.code),
            "\(path) was not imported: \(problem)\(last)\(stored)",
            cid: problem.cid
        )
    }
}
