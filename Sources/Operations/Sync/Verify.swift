internal import Catalog
internal import Multiformats
internal import Policies
internal import Replication
package import Schema
internal import Storage

/// Reads content back from backends and checks every block.
package struct Verify: ChangingOperation {
    package static let name = "verify"
    package static let summary = "Read content back from backends and check every block by its CID."
    package static let details = """
        It may run beside a sync: what was stored anew or removed while it was read is passed over.
        """

    package static let answersInCounts = true

    package var names: [String] = []
    package var sample: Int?
    package var full = false
    package var cid: String?
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .enabledBackends(\.names),
        Field("sample", \.sample, help: "Only so many roots of each backend, chosen by chance.", least: 1),
        Field("full", \.full, help: "Every root; what is meant without --sample."),
        Field("cid", \.cid, help: "Only this root.", as: .cid),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        guard sample == nil || !full else { throw KitError(.usage, "--sample and --full are two different things.") }
        let only: CID?
        if let cid { only = try parseCID(cid) } else { only = nil }
        let catalog = try kit.catalog()
        let chosen = try await kit.chooseBackends(names, evenDisabled: !names.isEmpty)
        if chosen.files.isEmpty, chosen.broken.isEmpty, try !kit.backendNames().isEmpty {
            throw try kit.noEnabledBackend()
        }
        var (files, broken) = ([BackendFile](), chosen.broken)
        var astray: Set<String> = []
        for file in chosen.files {
            do throws(KitError) {
                if dryRun {
                    // What the settings refer to has to be there.
                    _ = try await kit.address(of: file)
                } else if try await !kit.arrive(at: file) {
                    astray.insert(file.name)
                }
                files.append(file)
            } catch {
                broken.append((file.name, error))
            }
        }
        return try await kitErrors { [files, broken, astray] in
            let work = try await choose(files, only, catalog)
            let all = work.flatMap(\.mappings)
            if let only, all.isEmpty { throw try await kit.nowhere(only) }
            guard !dryRun else {
                var rows = work.map { Row(backend: $0.file.name, chosen: $0.mappings, results: [], error: nil) }
                rows += broken.map { Row(backend: $0.name, results: [], error: $0.error) }
                rows.sort { $0.backend < $1.backend }
                return Output(isDryRun: true, isSample: sample != nil, rows: rows, hint: nil, warnings: [])
            }
            call.progress.began("verify", items: all.count, bytes: all.reduce(0) { $0.plus($1.size ?? 0) })
            defer { call.progress.ended() }
            let verifier = Verifier(
                catalog: catalog,
                identity: try await kit.identity(),
                observer: kit.observer,
                timing: kit.timing,
                progress: call.progress
            )
            var rows = await withManyAtOnce { await verify(work, astray, verifier, kit) }
            var warnings = try await kit.writeIndexes(files.map(\.name))
            warnings += astray.sorted().map {
                "The settings of \($0) lead elsewhere than at its last sync, so what was read there is not written down before "
                    + "`ipfs-kit sync \($0)`."
            }
            let seen = Set(work.filter { !$0.mappings.isEmpty }.map(\.file.name))
            warnings += try await kit.sayAtWork(on: files.filter { seen.contains($0.name) })
            for file in broken {
                let unread = try await choose(on: file.name, only, catalog)
                let unknown = unread.map { Verifier.Result(unknown: $0) }
                rows.append(Row(backend: file.name, chosen: unread, results: unknown, error: file.error))
            }
            rows.sort { $0.backend < $1.backend }
            let hint = try await advise(&rows, kit)
            if rows.allSatisfy(\.results.isEmpty) { warnings += files.filter(\.onlyGives).map(\.givesSentence) }
            return Output(isDryRun: false, isSample: sample != nil, rows: rows, hint: hint, warnings: warnings)
        }
    }

    /// What is to be read of each backend: all that it is known or said to have.
    private func choose(
        _ files: [BackendFile],
        _ only: CID?,
        _ catalog: Catalog
    ) async throws(CatalogError) -> [(file: BackendFile, mappings: [Mapping])] {
        var work: [(file: BackendFile, mappings: [Mapping])] = []
        for file in files { work.append((file, try await choose(on: file.name, only, catalog))) }
        return work
    }

    private func choose(
        on backend: String,
        _ only: CID?,
        _ catalog: Catalog
    ) async throws(CatalogError) -> [Mapping] {
        if let only {
            let found = try await catalog.mappings(of: [only]).filter { $0.backend == backend }
            return Array(found.prefix(sample ?? 1))
        }
        guard let sample else { return try await catalog.mappings(on: backend) }
        return try await catalog.chanceMappings(on: backend, Mapping.Status.allCases, sample)
    }

    /// Finds what helps: for each backend, and where nothing was read.
    ///
    /// What no pin wants is no loss when it is damaged; what is wanted elsewhere is stored there.
    private func advise(_ rows: inout [Row], _ kit: Kit) async throws -> Hint? {
        let isEmpty = rows.allSatisfy(\.results.isEmpty)
        guard isEmpty || rows.contains(where: { $0.damaged > 0 }) else { return nil }
        let catalog = try kit.catalog()
        let pinned = Set(try await catalog.pins().map(\.cid))
        guard !isEmpty else {
            if try kit.backendNames().isEmpty { return Hint(BackendCreate.self) }
            guard !pinned.isEmpty else { return Hint(Add.self) }
            let names = rows.map(\.backend)
            return try names.allSatisfy { try kit.backend($0).onlyGives } ? nil : Hint(Sync.self)
        }
        let plan = try await SyncPlanner(kit, prune: true, force: false).plan().plan
        let uploads = plan.steps.mapValues { Set($0.filter(\.isUpload).map(\.root)) }
        for index in rows.indices {
            let name = rows[index].backend
            let damaged = Set(rows[index].results.filter(\.verdict.isDamage).map(\.mapping.cid))
            rows[index].lost = damaged.intersection(pinned).count
            if !damaged.isDisjoint(with: uploads[name] ?? []) {
                rows[index].hint = Hint(Sync.self, ["names": name])
            } else if uploads.values.contains(where: { !$0.isDisjoint(with: damaged) }) {
                rows[index].hint = Hint(Sync.self)
            } else if let step = plan.steps[name]?.first(where: { damaged.contains($0.root) }) {
                rows[index].hint =
                    step.isRemoval
                    ? Hint(Sync.self, ["names": name, "prune": "true"]) : Hint(Sync.self, ["names": name])
            } else if let root = rows[index].results.first(where: \.verdict.isDamage)?.mapping.cid {
                // What is not the kit's own, such as what somebody claimed, is only forgotten.
                rows[index].hint = Hint(BackendPinRemove.self, ["backend": name, "cid": root])
            }
        }
        return nil
    }

    private func verify(
        _ work: [(file: BackendFile, mappings: [Mapping])],
        _ astray: Set<String>,
        _ verifier: Verifier,
        _ kit: Kit
    ) async -> [Row] {
        await withTaskGroup(of: Row.self) { group in
            for (file, mappings) in work {
                group.addTask {
                    // A backend of which nothing is known is asked nothing.
                    guard !mappings.isEmpty else { return Row(backend: file.name, results: [], error: nil) }
                    do {
                        let backend = try await withFiles { try await kit.open(file, gate: ClosedGate()) }
                        let isKnown = !astray.contains(file.name)
                        let results = try await verifier.verify(mappings, on: backend, isKnown: isKnown)
                        return Row(backend: file.name, chosen: mappings, results: results, error: nil)
                    } catch {
                        // Who cannot be asked, or is somebody else, says nothing of any root.
                        let unknown = mappings.map { Verifier.Result(unknown: $0) }
                        return Row(
                            backend: file.name,
                            chosen: mappings,
                            results: unknown,
                            error: KitError(any: error)
                        )
                    }
                }
            }
            return await group.reduce(into: [Row]()) { $0.append($1) }
        }
    }

    struct Row: Sendable {
        let backend: String
        /// What was to be read.
        var chosen: [Mapping] = []
        let results: [Verifier.Result]
        let error: KitError?
        /// How many of the damaged roots are pinned.
        var lost = 0
        /// The command that helps where something is damaged.
        var hint: Hint?

        func count(_ verdict: Verifier.Verdict) -> Int { results.count { $0.verdict == verdict } }
        var damaged: Int { results.count(where: \.verdict.isDamage) }
        var bytes: UInt64 { results.reduce(0) { $0.plus($1.bytes) } }
        /// Why something is not known, where that is so.
        var unanswered: KitError? { results.first { $0.verdict == .unknown }?.error.map { KitError($0) } }
    }

    /// What was seen on each backend.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        /// Whether chance chose what to read.
        let isSample: Bool
        let rows: [Row]
        /// What helps where nothing was read.
        let hint: Hint?
        let warnings: [String]

        package var exitCode: ExitCode {
            let codes = rows.compactMap(\.error?.code)
            if codes.contains(.interrupted) { return .interrupted }
            if rows.contains(where: { $0.damaged > 0 }) { return .verification }
            let isPartDone = rows.contains { row in row.results.contains { $0.verdict != .unknown } }
            guard codes.isEmpty else { return .ofParts(codes, isPartDone: isPartDone) }
            if isDryRun { return .ok }
            if let code = rows.lazy.compactMap(\.unanswered).first?.code { return code }
            // Who read nothing has verified nothing.
            return rows.allSatisfy { $0.results.isEmpty } ? .notFound : .ok
        }

        package var whatFailed: String? {
            let told = rows.lazy.compactMap { row -> String? in
                if let error = row.error ?? row.unanswered { return error.told(of: row.backend) }
                let damaged = row.results.first(where: \.verdict.isDamage)
                return damaged.map { "\(row.backend): \($0.mapping.cid): \($0.verdict): \($0.error?.message ?? "")" }
            }
            return told.first
        }

        private static let found: [OutputField<Verifier.Result>] = [
            OutputField("cid", "The root.") { $0.mapping.cid },
            OutputField("car_file_path", "The name of its CAR there.") { $0.mapping.path },
            OutputField("verdict", "What was found.") { $0.verdict.rawValue },
            OutputField("message", "The same as a sentence.") { $0.error?.message },
        ]

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            .list(
                "backends",
                "What was found on each backend, or would be looked for.",
                of: [
                    OutputField("name", "The backend.", as: .backend) { $0.backend },
                    OutputField("root_count", "How many copies were chosen to be read.") { $0.chosen.count },
                    OutputField("whole", "How many copies were read, and every block is right.") { $0.count(.whole) },
                    OutputField("missing", "How many are not there.") { $0.count(.missing) },
                    OutputField("corrupt", "How many are damaged.") { $0.count(.corrupt) },
                    OutputField("withheld", "How many the backend says it has, and does not give.") {
                        $0.count(.withheld)
                    },
                    OutputField("unknown", "How many could not be read.") { $0.count(.unknown) },
                    OutputField("superseded", "How many changed while they were read, or are being removed.") {
                        $0.count(.superseded)
                    },
                    OutputField("bytes_read", "How much was read.", in: .bytes) { $0.bytes },
                    .error { $0.error?.on($0.backend) },
                    OutputField("hint", "What helps.") { $0.hint },
                    .list("damaged", "What is not there as it should be.", of: Self.found) { row in
                        row.results.filter(\.verdict.isDamage)
                    },
                    .list("unanswered", "What nobody could say anything of, and why.", of: Self.found) { row in
                        row.results.filter { $0.verdict == .unknown && $0.error != nil }
                    },
                ]
            ) { $0.rows },
            OutputField("hint", "What helps where nothing was read.") { $0.hint },
            .warnings { $0.warnings },
        ]

        package var report: Report {
            guard !isDryRun else {
                let lines = rows.map { row -> Report.Part in
                    if let error = row.error { return .line("\(row.backend): \(error.message)") }
                    let bytes = row.chosen.reduce(UInt64(0)) { $0.plus($1.size ?? 0) }
                    let size = isSample ? ", chosen by chance" : " (\(ByteCount(bytes)))"
                    return .line("would read \(row.chosen.count) roots of \(row.backend)\(size)")
                }
                return Report(lines)
            }
            var parts: [Report.Part] = [
                .table(
                    [
                        .init("BACKEND"), .init("WHOLE", number: true), .init("MISSING", number: true),
                        .init("CORRUPT", number: true), .init("WITHHELD", number: true),
                        .init("UNKNOWN", number: true), .init("READ", number: true),
                    ],
                    rows: rows.map {
                        [
                            $0.backend, String($0.count(.whole)), String($0.count(.missing)),
                            String($0.count(.corrupt)), String($0.count(.withheld)), String($0.count(.unknown)),
                            ByteCount($0.bytes).description,
                        ]
                    }
                )
            ]
            for row in rows { parts += Self.problems(row) }
            for row in rows where row.results.isEmpty && row.error == nil && exitCode != .notFound {
                parts.append(.line("\(row.backend): nothing is known to be there that was to be read."))
            }
            if exitCode == .notFound {
                parts.append(.line("Nothing was read: no backend is known to have anything."))
                if let hint { parts.append(.command(hint)) }
            }
            return Report(parts, warnings: warnings)
        }

        private static func problems(_ row: Row) -> [Report.Part] {
            var parts: [Report.Part] = []
            if let error = row.error { parts.append(.line(error.told(of: row.backend))) }
            for result in row.results where result.verdict != .superseded {
                guard let error = result.error else { continue }
                parts.append(.line("\(row.backend): \(result.mapping.cid): \(result.verdict): \(error.message)"))
            }
            let passed = row.count(.superseded)
            if passed > 0 {
                parts.append(
                    .line(
                        "\(row.backend): of \(passed) roots nothing is written down: they were stored anew or removed meanwhile, or a "
                            + "removal of them did not come to its end, which the next sync settles."
                    )
                )
            }
            let unwanted = row.damaged - row.lost
            if unwanted > 0 {
                parts.append(.line("\(row.backend): no pin wants \(unwanted) of the damaged roots."))
            }
            if let hint = row.hint ?? (row.error ?? row.unanswered)?.hint { parts.append(.command(hint)) }
            return parts
        }
    }
}
