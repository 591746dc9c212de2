internal import Catalog
internal import Digests
internal import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Writes down where CIDs are, on somebody's word.
package struct BackendPinAdd: ChangingOperation {
    package static let name = "backend pin add"
    package static let summary = "Write down that CIDs are on a backend. It is a claim until `verify` has read them."
    package static let details = """
        With `-` for the CID, or with --from, there are many, one on a line: CID and path, with a space or a tab between \
        them, or an object of JSON with `cid`, `car_path`, and `name` and `size` where they are known. Rows of \
        `backend pin list --json` are read too. A line that cannot be read is told with its number, and keeps no other \
        from being written down.
        Example: ipfs-kit backend pin list old --json | jq -c '.mappings[]' | ipfs-kit backend pin add new -
        """

    package var backend = ""
    package var cid = ""
    package var path = ""
    package var list: String?
    package var pinName = ""
    package var size: Int?
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        Field("cid", \.cid, help: "The root, or - to read many from standard input.", as: .cid, positional: true),
        Field("car_path", \.path, help: "Where its CAR is on the backend.", positional: true),
        Field("from", \.list, help: "A file with many of them, or - for standard input.", as: .path),
        Field("name", \.pinName, help: "A name for it."),
        Field("size", \.size, help: "The length of the CAR in bytes."),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> ClaimsOutput {
        let kit = call.kit
        guard let list = try self.source() else { return try await addOne(in: kit) }
        try await expectKeeper(in: kit)
        let catalog = try kit.catalog()
        var lines = InputLines(try await Input(list, call, for: .archive))
        var output = ClaimsOutput.List()
        var (claims, isOver): ([ClaimLine], Bool) = ([], false)
        var bytes = 0
        var roots = NamedRoots()
        var digest = RunningHash(.sha256)
        while !isOver {
            if let line = try await lines.next() {
                do throws(KitError) {
                    if let claim = try line.isBlank ? nil : ClaimLine(line) {
                        try roots.name(claim.cid, at: line.number)
                        claims.append(claim)
                    }
                    bytes += line.bytes?.count ?? 0
                } catch {
                    output.note(error, at: line.number)
                }
            } else {
                isOver = true
            }
            if claims.count == Self.atOnce || bytes >= Self.bytesAtOnce || isOver, !claims.isEmpty {
                let made = claims.map { claim in (claim: observation(of: claim, in: kit), name: claim.name) }
                let mappings = try await kitErrors { [backend, dryRun] in
                    try await dryRun ? catalog.mappings(after: made, on: backend) : catalog.claim(made, on: backend)
                }
                output.note(mappings, of: claims)
                for claim in made {
                    digest.update(Array("\(claim.claim.cid) \(claim.claim.path) \(claim.name)\n".utf8))
                }
                (claims, bytes) = ([], 0)
            }
        }
        output.digest = hex(digest.digest())
        let warnings = dryRun ? [] : try await kit.writeIndexes([backend])
        return ClaimsOutput(isDryRun: dryRun, list: output, warnings: warnings)
    }

    /// How many are written down in one transaction, and of how many bytes of lines.
    private static let (atOnce, bytesAtOnce) = (4096, 4 << 20)

    /// The list that is to be read; nil where one CID is named.
    private func source() throws(KitError) -> String? {
        let list = list ?? (cid == "-" ? "-" : nil)
        guard list != nil else {
            guard !cid.isEmpty, !path.isEmpty else {
                throw KitError(.usage, "Name a CID and the path of its CAR, or a list of them with --from.")
            }
            return nil
        }
        guard cid.isEmpty || cid == "-" && self.list == nil, path.isEmpty, pinName.isEmpty, size == nil else {
            throw KitError(.usage, "A list has its CIDs, paths, names and sizes on its lines: name none beside it.")
        }
        return list
    }

    /// Throws where nothing can be on the backend.
    private func expectKeeper(in kit: Kit) async throws(KitError) {
        let files = try await kit.backends([backend])
        guard files.contains(where: { $0.row.capabilities.contains(.relays) }) else { return }
        throw KitError(
            .refused,
            "\(backend) keeps nothing: it fetches what other backends have. Name the one that has it.",
            hint: Hint(BackendList.self),
            backend: backend
        )
    }

    private func addOne(in kit: Kit) async throws(KitError) -> ClaimsOutput {
        if let size, size < 0 { throw KitError(.usage, "--size is a number of bytes, and none is less than 0.") }
        let claim = ClaimLine(
            cid: try parseCID(cid),
            path: path,
            name: pinName,
            size: size.flatMap { UInt64(exactly: $0) }
        )
        try claim.check()
        try await expectKeeper(in: kit)
        let catalog = try kit.catalog()
        let made = observation(of: claim, in: kit)
        let claims = [(claim: made, name: pinName)]
        let mapping = try await kitErrors {
            try await dryRun ? catalog.mappings(after: claims, on: backend) : catalog.claim(claims, on: backend)
        }[0]
        var output = ClaimsOutput(
            isDryRun: dryRun,
            mappings: mapping.map { [$0] } ?? [],
            warnings: dryRun ? [] : try await kit.writeIndexes([backend])
        )
        if let mapping, claim.isOutvoted(by: mapping) {
            output.warnings.append(
                "What was observed stays: \(claim.cid) is \(mapping.status.rawValue) at \(mapping.path). `restore` looks at \(path) too."
            )
        }
        return output
    }

    private func observation(of claim: ClaimLine, in kit: Kit) -> Observation {
        Observation(
            claim.cid,
            .claimed,
            method: "claim",
            place: Location(claim.path, shards: claim.shards),
            size: claim.size,
            at: kit.now,
            by: kit.observer
        )
    }
}

/// The roots that a list has named, and where: a backend has one mapping of each.
private struct NamedRoots {
    /// Two numbers that are those of one root only, for all that is likely; the CIDs of a million lines would take much
    /// more memory.
    private struct Key: Hashable {
        let (one, other): (Int, Int)

        init(_ cid: CID) {
            one = cid.hashValue
            var hasher = Hasher()
            hasher.combine(0)
            hasher.combine(cid)
            other = hasher.finalize()
        }
    }

    private var lines: [Key: Int] = [:]

    /// Throws `usage` where a root was named before.
    mutating func name(_ cid: CID, at line: Int) throws(KitError) {
        if let first = lines[Key(cid)] {
            let message = "\(cid) stands on line \(first) already, and a backend has one mapping of it."
            throw KitError(.usage, message, cid: cid)
        }
        lines[Key(cid)] = line
    }
}

/// What was written down of where CIDs are: of one its mapping, of a list how many.
package struct ClaimsOutput: OperationOutput {
    /// What became of the lines of a list.
    struct List: Sendable {
        var added = 0
        var failed = 0
        /// Those of which something else was observed.
        var outvoted = 0
        /// What tells these claims from others.
        var digest = ""
        /// The first of those that failed.
        var problems: [(line: Int, error: KitError)] = []

        /// So many problems are told one by one.
        private static let maxProblems = 1000

        mutating func note(_ error: KitError, at line: Int) {
            failed += 1
            if problems.count < Self.maxProblems { problems.append((line, error)) }
        }

        mutating func note(_ mappings: [Mapping?], of claims: [ClaimLine]) {
            added += claims.count
            outvoted += zip(mappings, claims).count { mapping, claim in mapping.map(claim.isOutvoted) ?? false }
        }
    }

    let isDryRun: Bool
    var mappings: [Mapping] = []
    var list: List?
    var warnings: [String] = []

    package var exitCode: ExitCode {
        .ofParts(list?.problems.map(\.error.code) ?? [], isPartDone: list?.added ?? 0 > 0)
    }
    package static let outputFields: [OutputField<Self>] = [
        .dryRun { $0.isDryRun },
        OutputField("added", "How many were written down, or would be.") { $0.list?.added ?? $0.mappings.count },
        OutputField("failed", "How many lines of a list could not be read.") { $0.list?.failed ?? 0 },
        .list(
            "errors",
            "The first of these lines.",
            of: [
                OutputField("line", "The number of the line.") { $0.line },
                .error { $0.error },
            ]
        ) { $0.list?.problems ?? [] },
        OutputField("digest", "What tells the claims of a list from others, in hexadecimal; null of a single one.") {
            $0.list?.digest
        },
        OutputField("mappings", "The mapping of a single one; of a list none.") { $0.mappings },
        .warnings { $0.allWarnings },
    ]
    package var report: Report {
        guard let list else { return MappingsOutput(mappings: mappings, warnings: warnings).report }
        var failures = list.problems.prefix(Self.maxShown).map { "Line \($0.line): \($0.error.message)" }
        if list.failed > failures.count {
            failures.append("And \(list.failed - failures.count) more lines could not be read.")
        }
        let words = isDryRun ? "Would be written down" : "Written down"
        return Report([.line("\(words): \(list.added).")], warnings: allWarnings, failures: failures)
    }

    /// So many lines that cannot be read are shown to people.
    private static let maxShown = 20

    private var allWarnings: [String] {
        guard let list, list.outvoted > 0 else { return warnings }
        return warnings + [
            "What was observed stays: of \(list.outvoted) of them something else is known than the list says."
        ]
    }
}
