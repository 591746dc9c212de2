internal import Catalog
internal import Multiformats
internal import Policies
package import Replication
package import Schema
internal import Storage

/// What came of one backend: a report, or why nothing could be begun.
package struct SyncResult: Answer {
    package let backend: String
    package var report: SyncReport?
    package var error: KitError?

    /// A backend that was not asked anything, for it is in step.
    static func clean(_ file: BackendFile) -> SyncResult {
        var report = SyncReport(backend: file.name)
        report.wasClean = true
        return SyncResult(backend: file.name, report: report)
    }

    /// The same with what came of a second run.
    func followed(by later: SyncResult) -> SyncResult {
        guard var sum = report else { return later }
        if let second = later.report { sum = sum.followed(by: second) }
        // What the first run did is told, also where the second could not even begin.
        if let error = later.error { sum.stopped = sum.stopped ?? .other(error) }
        return SyncResult(backend: backend, report: sum)
    }

    package static let outputFields: [OutputField<Self>] = [
        OutputField("name", "The backend.", as: .backend) { $0.backend },
        OutputField("status", "How it ended.", as: .choice(["clean", "synced", "partly", "failed"])) {
            $0.error == nil ? SyncOutput.status($0.done) : "failed"
        },
        OutputField("uploaded", "How many roots were brought there.") { $0.done.uploaded },
        OutputField("adopted", "How many were found there.") { $0.done.adopted },
        OutputField("claimed", "Of these, how many nobody can read there: the backend's word is no replica.") {
            $0.done.claimed
        },
        OutputField("removed", "How many copies were removed.") { $0.done.removed },
        OutputField("pending", "On how many the service works.") { $0.done.awaited.count },
        OutputField("bytes_uploaded", "The lengths of the CARs that were sent.", in: .bytes) { $0.done.bytesUploaded },
        OutputField("bytes_sent", "What the network took in all.", in: .bytes) { $0.done.calls.bytesStored },
        OutputField("not_tried", "How many were left for another time.") { $0.done.notTried },
        .list(
            "failures",
            "What could not be brought there.",
            of: [
                OutputField("cid", "The root.") { $0.root },
                OutputField("error", "Why.") { KitError($0.error).about($0.root) },
            ]
        ) { $0.done.failures },
        .error { result in
            let report = result.done
            let problem = (report.stopped ?? report.heldBack ?? report.unfinished).map { KitError($0) }
            return (result.error ?? problem)?.on(result.backend)
        },
        OutputField("snapshot", "The snapshot that was left there.") { $0.done.snapshot },
        OutputField("calls", "How many requests were sent.") { $0.done.calls.calls },
    ]

    /// One shape, whether something could be begun or not.
    private var done: SyncReport { report ?? SyncReport(backend: backend) }

    /// What went wrong first; nil where nothing did.
    package var failure: KitError? {
        error ?? report?.problem.map { KitError($0) }
    }
}

/// What a sync did, or would do.
package struct SyncOutput: OperationOutput {
    private let plan: Plan?
    private let names: [String]
    /// What came of each backend.
    package let results: [SyncResult]
    private let short: [CID]
    private let warnings: [String]

    /// What would be done; on `shared` backends other homes are at work, and `moved` ones lead elsewhere than before.
    init(
        isBound: Bool,
        plan: Plan,
        names: [String],
        broken: [SyncResult],
        shared: Set<String>,
        moved: [String],
        warnings: [String]
    ) {
        self.plan = plan
        self.names = names
        results = broken
        short = plan.short
        let kept = names.filter { shared.contains($0) && plan.steps[$0]?.contains(where: \.isRemoval) == true }
        self.warnings =
            plan.aliasWarnings + warnings
            + kept.map {
                "Another home is at work on \($0), and while it is, nothing is removed there: `ipfs-kit backend peers \($0)`."
            }
            + moved.map {
                "The settings of \($0) may lead elsewhere than at its last sync: a sync looks at everything there first."
            } + (isBound ? ["This is all that there is to do; a sync with bounds may do only the first of it."] : [])
    }

    /// What was done, and the plan that there is afterwards.
    init(results: [SyncResult], left: Plan, warnings: [String]) {
        plan = nil
        names = []
        self.results = results
        short = left.short
        self.warnings = left.aliasWarnings + warnings
    }

    package var whatFailed: String? {
        let failed = results.lazy.compactMap { result in result.failure.map { $0.told(of: result.backend) } }
        return failed.first ?? short.first.map { "\($0) has fewer replicas than it is to have." }
    }

    package var exitCode: ExitCode {
        let codes = results.compactMap(\.failure?.code)
        // What a pin wants and could not be made is a failure of the whole, though of no backend.
        if codes.isEmpty { return short.isEmpty || plan != nil ? .ok : .partlyFailed }
        // Whoever set a bound is told that it was reached, whatever was done before.
        if Set(codes) == [.limit], results.contains(where: { $0.report?.bound != nil }) { return .limit }
        let done = results.contains { result in
            result.report.map { $0.isComplete || $0.uploaded + $0.adopted + $0.removed > 0 } ?? false
        }
        return .ofParts(codes, isPartDone: done)
    }

    package static let outputFields: [OutputField<Self>] = [
        .dryRun { $0.plan != nil },
        OutputField("backends", "What came of each backend; in a plan, only those that could not be looked at.") {
            $0.results
        },
        .list(
            "work",
            "What would be done, of a dry run.",
            of: [
                .backend { $0.backend },
                .list(
                    "steps",
                    "What would be done there, in order.",
                    of: [
                        OutputField("action", "What it is.", as: .choice(["upload", "remove", "forget"])) { $0.action },
                        OutputField("cid", "The root.") { $0.root },
                    ]
                ) { $0.steps },
            ]
        ) { output in output.names.map { (backend: $0, steps: output.plan?.steps[$0] ?? []) } },
        OutputField("short_of_replicas", "Pins that want more copies than there are backends.") { $0.short },
        .warnings { $0.told + $0.warnings + $0.shortWarning },
    ]

    /// What the syncs of the backends said beside what they did.
    private var told: [String] { results.flatMap { $0.report?.warnings ?? [] } }

    fileprivate static func status(_ report: SyncReport) -> String {
        if report.wasClean { return "clean" }
        if report.isComplete { return "synced" }
        if report.uploaded + report.adopted + report.removed > 0 { return "partly" }
        return report.failures.isEmpty && report.stopped == nil ? "partly" : "failed"
    }

    package var report: Report {
        if let plan { return planReport(plan) }
        var lines: [Report.Part] = [
            .table(
                [
                    .init("BACKEND"), .init("RESULT"), .init("UPLOADED", number: true), .init("ADOPTED", number: true),
                    .init("REMOVED", number: true), .init("FAILED", number: true), .init("SENT", number: true),
                    .init("CALLS", number: true),
                ],
                rows: results.map(Self.row)
            )
        ]
        for result in results { lines += Self.problems(result) }
        return Report(lines, warnings: told + warnings + shortWarning)
    }

    private var shortWarning: [String] {
        short.isEmpty ? [] : ["\(short.count) pins want more replicas than there are backends; \(short[0]) is one."]
    }

    private func planReport(_ plan: Plan) -> Report {
        let rows = names.flatMap { name in
            (plan.steps[name] ?? []).map { step in
                [name, step.action, step.root.description]
            }
        }
        guard !rows.isEmpty else {
            return Report(
                (names.isEmpty
                    ? [] : [.line("Nothing has to be done, as far as the catalog knows; no backend was asked.")])
                    + results.flatMap(Self.problems),
                warnings: warnings + shortWarning
            )
        }
        return Report(
            [.table([.init("BACKEND"), .init("ACTION"), .init("CID", mayShrink: true)], rows: rows)]
                + results.flatMap(Self.problems),
            warnings: warnings + shortWarning
        )
    }

    private static func row(_ result: SyncResult) -> [String] {
        guard let report = result.report else { return [result.backend, "failed", "0", "0", "0", "-", "0 B", "0"] }
        return [
            result.backend, status(report), String(report.uploaded), String(report.adopted), String(report.removed),
            String(report.failures.count), ByteCount(report.calls.bytesStored).description,
            String(report.calls.calls),
        ]
    }

    private static func problems(_ result: SyncResult) -> [Report.Part] {
        let name = result.backend
        guard let report = result.report else {
            return result.error.map { [.line($0.told(of: name))] + hint($0) } ?? []
        }
        var parts = report.failures.prefix(10).map { failure in
            Report.Part.line("\(name): \(failure.root) failed: \(failure.error)")
        }
        if report.failures.count > 10 { parts.append(.line("\(name): and \(report.failures.count - 10) more.")) }
        if let stopped = report.stopped {
            // The errors of services begin with the name of the backend already.
            let message = stopped.description
            parts.append(.line(message.hasPrefix(name + ": ") ? message : "\(name): stopped: \(message)"))
        }
        if report.claimed > 0 {
            parts.append(
                .line(
                    "\(name): nothing can be read there, so its word on \(report.claimed) roots is all there is, and no replica."
                )
            )
        }
        if report.notTried > 0 { parts.append(.line("\(name): \(report.notTried) more were not tried.")) }
        if let held = report.heldBack { parts.append(.line(held.description)) }
        if let unfinished = report.unfinished { parts.append(.line(unfinished.description)) }
        if let error = result.failure { parts += hint(error) }
        return parts
    }

    private static func hint(_ error: KitError) -> [Report.Part] {
        error.hint.map { [.command($0)] } ?? []
    }
}

extension Plan {
    /// Says of those of some backends from which nothing can be removed how many roots stay there for that.
    func staying(on files: [BackendFile]) -> [String] {
        files.compactMap { file in
            staying[file.name].map { "\(file.name): \($0) roots stay, for nothing is to be removed there." }
        }
    }

    /// Says of each backend that is the same place as another one which that is.
    var aliasWarnings: [String] {
        aliases.sorted { $0.key < $1.key }.map {
            "\($0.key) is the same place as \($0.value); it counts once, and is synced as that."
        }
    }
}

extension Step {
    /// The word for it.
    var action: String {
        switch self {
        case .upload: "upload"
        case .remove: "remove"
        case .forget: "forget"
        }
    }
}
