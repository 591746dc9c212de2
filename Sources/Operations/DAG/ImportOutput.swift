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

    package var json: JSON {
        [
            "roots": .array(roots.map { .text($0.cid) }), "blocks": .count(blocks),
            "pinned": .bool(wantsPins && roots.allSatisfy(\.isPinned)),
            "files": .array(
                files.map {
                    [
                        "file": .string($0.path), "imported": .bool($0.error == nil), "blocks": .count($0.blocks),
                        "roots": .array($0.roots.map { .text($0) }), "error": $0.error?.json["error"] ?? .null,
                    ]
                }
            ),
            "pins": .array(
                roots.map {
                    [
                        "cid": .text($0.cid), "file": .string($0.path), "pinned": .bool($0.isPinned),
                        "missing": .text($0.missing), "error": $0.flaw?.json["error"] ?? .null,
                    ]
                }
            ),
        ]
    }

    package var report: Report {
        let imported = files.filter { $0.error == nil }
        let whole = roots.filter { $0.flaw == nil }
        return Report(
            [
                .line(
                    files.count == imported.count
                        ? "Imported \(blocks) blocks."
                        : "Imported \(blocks) blocks of \(imported.count) of \(files.count) files."
                ),
                .facts(whole.map { .init($0.isPinned ? "pinned" : "root", $0.cid.description) }),
            ],
            failures: files.compactMap(\.error?.message) + roots.compactMap(Self.failure)
        )
    }

    package var quietLines: [String]? { roots.filter { $0.flaw == nil }.map(\.cid.description) }

    private static func failure(_ root: Root) -> String? {
        guard let flaw = root.flaw else { return nil }
        return
            "The root \(root.cid) of \(root.path) was not pinned: \(flaw.message) Its blocks that are there are stored; "
            + "“ipfs-kit dag import --no-pin-roots \(root.path)” imports such a part without pinning it."
    }
}
