internal import Multiformats
package import Schema

/// What was brought in, file by file, and what became of the roots.
package struct ImportOutput: OperationOutput {
    struct File: Sendable {
        let path: String
        var blocks: UInt64 = 0
        var roots: [CID] = []
        /// Why nothing of it was imported.
        var error: KitError?
    }

    struct Root: Sendable {
        let cid: CID
        /// The first file that names it.
        let path: String
        var isPinned = false
        /// Why it was not pinned.
        var flaw: KitError?
        /// The block that it lacks.
        var missing: CID?
    }

    let isDryRun: Bool
    let files: [File]
    let roots: [Root]
    let wantsPins: Bool

    /// The roots that files name, each once.
    static func roots(of files: [File]) -> [Root] {
        var known: Set<CID> = []
        return files.flatMap { file in
            file.roots.filter { known.insert($0).inserted }.map { Root(cid: $0, path: file.path) }
        }
    }

    private var blocks: UInt64 { files.reduce(0) { $0 + $1.blocks } }

    package var exitCode: ExitCode {
        let codes = files.compactMap(\.error?.code) + roots.compactMap(\.flaw?.code)
        let flawed = Set(roots.filter { $0.flaw != nil }.map(\.cid))
        let isPartDone = files.contains { file in
            file.error == nil && (file.roots.isEmpty || file.roots.contains { !flawed.contains($0) })
        }
        return .ofParts(codes, isPartDone: isPartDone)
    }

    package static let outputFields: [OutputField<Self>] = [
        .dryRun { $0.isDryRun },
        OutputField("roots", "The roots of all archives.") { $0.roots.map(\.cid) },
        OutputField("blocks", "How many blocks were read.") { $0.blocks },
        OutputField("pinned", "Whether every root is pinned.") { $0.wantsPins && $0.roots.allSatisfy(\.isPinned) },
        .list(
            "files",
            "What came of each archive.",
            of: [
                OutputField("file", "The archive.", as: .path) { $0.path },
                OutputField("imported", "Whether it was read to its end.") { $0.error == nil },
                OutputField("blocks", "How many blocks were read.") { $0.blocks },
                OutputField("roots", "The roots that it names.") { $0.roots },
                .error { $0.error },
            ]
        ) { $0.files },
        .list(
            "pins",
            "What came of each root.",
            of: [
                OutputField("cid", "The root.") { $0.cid },
                OutputField("file", "The archive that names it.", as: .path) { $0.path },
                OutputField("pinned", "Whether it is pinned.") { $0.isPinned },
                OutputField("missing_block", "A block that is nowhere; null where all are there.") { $0.missing },
                OutputField("error", "What is wrong with it; null where nothing is.") { $0.flaw },
            ]
        ) { $0.roots },
    ]

    package var report: Report {
        let imported = files.filter { $0.error == nil }
        let whole = roots.filter { $0.flaw == nil }
        return Report(
            [
                .line(
                    "\(isDryRun ? "Would import" : "Imported") \(blocks) blocks"
                        + (files.count == imported.count ? "." : " of \(imported.count) of \(files.count) files.")
                ),
                .facts(whole.map { .init(word(of: $0), $0.cid.description) }),
            ],
            failures: files.compactMap(\.error?.message) + roots.compactMap(Self.failure)
        )
    }

    private func word(of root: Root) -> String {
        if isDryRun, wantsPins { return "would be pinned, if it is whole" }
        return root.isPinned ? "pinned" : "root"
    }

    package var quietLines: [String]? { roots.filter { $0.flaw == nil }.map(\.cid.description) }

    private static func failure(_ root: Root) -> String? {
        guard let flaw = root.flaw else { return nil }
        return
            "The root \(root.cid) of \(root.path) was not pinned: \(flaw.message) Its blocks that are there are stored; "
            + "“ipfs-kit dag import --no-pin-roots \(root.path)” imports such a part without pinning it."
    }
}
