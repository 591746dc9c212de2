internal import Catalog
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

/// What backends say of some roots when they are asked anew; nothing, where nobody was.
struct FreshLook: Sendable {
    /// What `--fresh` does, for the help of those that take it.
    static let details = """
        The answer is what the catalog knows, with when and how it was learnt. With --fresh every enabled backend is asked \
        first, side by side, and what each says is written down: that something is not there counts, and that it is there \
        proves nothing before `verify` has read it. Of a backend that does not answer what was known stays, with its time.
        """

    /// What one backend said of one root.
    struct Row: Answer {
        let backend: String
        let root: CID
        let verdict: Verifier.Verdict
        /// When it had answered for all of them; nil where it did not.
        let at: Timestamp?
        let error: KitError?

        /// The words for verdicts, for machines.
        private static let words: [Verifier.Verdict: String] = [
            .present: "present", .awaited: "awaited", .missing: "absent", .corrupt: "other", .superseded: "changed",
        ]

        static let outputFields: [OutputField<Self>] = [
            .backend { $0.backend },
            OutputField("cid", "The root.") { $0.root },
            OutputField("asked_at", "When the backend had answered; null where it did not.") { $0.at },
            OutputField(
                "answer",
                "What it says: that it is there, that it works on it, that it is not there, that something else is; or that it "
                    + "was stored anew or removed meanwhile, or that nobody could tell.",
                as: .choice(words.values.sorted() + ["unknown"])
            ) { words[$0.verdict] ?? "unknown" },
            .error { $0.error?.on($0.backend) },
        ]

        fileprivate var line: String {
            switch verdict {
            case .present, .whole: "\(backend) says that it has \(root)."
            case .awaited: "\(backend) works on \(root), and has not got it yet."
            case .missing: "\(backend) says that it does not have \(root)."
            case .corrupt: error?.told(of: backend) ?? "\(backend) has something else in the place of \(root)."
            case .superseded: "\(backend): \(root) was stored anew or removed while it was asked for."
            // Whoever is only asked withholds nothing.
            case .unknown, .withheld:
                "What \(backend) has of \(root) is not known now. \(error?.message.asSentence ?? "It did not answer.")"
            }
        }
    }

    fileprivate(set) var rows: [Row] = []
    fileprivate(set) var warnings: [String] = []

    private var unanswered: [Row] { rows.filter { $0.verdict == .unknown } }

    /// How the look ended: what is not there is an answer; something else in its place, and no answer, are failures.
    var exitCode: ExitCode {
        if rows.contains(where: { $0.verdict == .corrupt }) { return .verification }
        return .ofParts(unanswered.map { $0.error?.code ?? .other }, isPartDone: unanswered.count < rows.count)
    }

    /// What was answered, in sentences.
    var lines: [Report.Part] { rows.filter { $0.verdict != .unknown }.map { .line($0.line) } }

    /// Who did not answer, in sentences.
    var failures: [String] { unanswered.map(\.line) }

    /// The error that nobody is known to have a root, where somebody did not answer; nil where all did.
    func problem(with root: CID) -> KitError? {
        guard let first = unanswered.first else { return nil }
        return KitError(
            exitCode,
            "No backend is known to have \(root), and not every backend could be asked. "
                + failures.joined(separator: " "),
            hint: first.error?.hint,
            backend: first.backend,
            cid: root
        )
    }
}

extension Kit {
    /// So many backends are asked at once.
    private static let mostAtOnce = 16

    /// Asks every enabled backend for the same content under some names, and writes down what was seen.
    ///
    /// One that is known to have it is asked for that; one of which nothing is known, and that takes content, for what
    /// it may have. Nobody's silence is absence: of who does not answer what was known stays, with its time.
    func lookAnew(for roots: [CID]) async throws(KitError) -> FreshLook {
        try await lookAnew(for: roots) { (file) async throws(KitError) in try await self.openAtKnownAddress(file) }
    }

    /// The same with the backends that `open` gives.
    func lookAnew(
        for roots: [CID],
        open: @escaping @Sendable (BackendFile) async throws(KitError) -> OpenBackend
    ) async throws(KitError) -> FreshLook {
        let (files, broken) = try await chooseBackends([])
        let catalog = try catalog()
        let known = try await kitErrors { try await catalog.mappings(of: roots) }
        let byBackend = Dictionary(grouping: known, by: \.backend)
        let verifier = Verifier(
            catalog: catalog,
            identity: try await identity(),
            observer: observer,
            timing: timing,
            progress: .silent
        )
        var look = FreshLook()
        for (name, error) in broken { look.rows += rows(of: byBackend[name] ?? [], roots, on: name, error) }
        await withTaskGroup(of: [FreshLook.Row].self) { group in
            var rest = files[...]
            func start() {
                guard let file = rest.popFirst() else { return }
                group.addTask { await self.ask(file, for: roots, known: byBackend[file.name] ?? [], verifier, open) }
            }
            for _ in 0..<Self.mostAtOnce { start() }
            for await rows in group {
                look.rows += rows
                start()
            }
        }
        look.rows.sort { ($0.backend, $0.root) < ($1.backend, $1.root) }
        let asked = Set(files.map(\.name) + broken.map(\.name))
        look.warnings = byBackend.keys.filter { !asked.contains($0) }.sorted().map {
            "\($0) is disabled, or has no file, and was not asked: what is told of it was known before."
        }
        look.warnings += try await writeIndexes(files.map(\.name))
        return look
    }

    private func ask(
        _ file: BackendFile,
        for roots: [CID],
        known: [Mapping],
        _ verifier: Verifier,
        _ open: (BackendFile) async throws(KitError) -> OpenBackend
    ) async -> [FreshLook.Row] {
        do {
            let backend = try await open(file)
            let sought = known.isEmpty ? try guesses(roots, on: backend) : known
            guard !sought.isEmpty else { return [] }
            let results = try await verifier.verify(sought, on: backend, by: .asking)
            return results.compactMap { result in
                // Of what was only guessed, one name of the content is enough where it is under none.
                let isGuess = known.isEmpty
                if isGuess, result.error?.code == .unsupported { return nil }
                if isGuess, result.mapping.cid != roots[0], result.verdict != .present { return nil }
                return FreshLook.Row(
                    backend: file.name,
                    root: result.mapping.cid,
                    verdict: result.verdict,
                    at: result.verdict == .unknown ? nil : now,
                    error: result.error.map { KitError($0) }
                )
            }
        } catch {
            return rows(of: known, roots, on: file.name, KitError(any: error))
        }
    }

    /// What a backend may have of which nothing is known there; nothing, where nobody stores anything.
    private func guesses(_ roots: [CID], on backend: OpenBackend) throws -> [Mapping] {
        guard backend.content.capabilities.contains(.write) else { return [] }
        return try roots.map { root in
            Mapping(
                cid: root,
                backend: backend.name,
                path: try backend.content.location(for: root)?.path ?? "",
                status: .unknown,
                createdAt: now,
                revision: 0
            )
        }
    }

    /// What is said of a backend that could not be asked.
    private func rows(
        of known: [Mapping],
        _ roots: [CID],
        on backend: String,
        _ error: KitError
    ) -> [FreshLook.Row] {
        (known.isEmpty ? Array(roots.prefix(1)) : known.map(\.cid)).map { root in
            FreshLook.Row(backend: backend, root: root, verdict: .unknown, at: nil, error: error)
        }
    }
}

extension Field {
    /// Whether backends are asked, and not only the catalog.
    static func fresh(_ path: any WritableKeyPath<Root, Bool> & Sendable) -> Field {
        Field("fresh", path, help: "Ask the backends now, and write down what they say; nothing is read.")
    }
}

extension OutputField {
    /// What backends said just now.
    static func asked(_ read: @escaping @Sendable (Root) -> FreshLook) -> OutputField {
        OutputField("asked", "What each backend said that was asked with --fresh; none without.") { read($0).rows }
    }
}
