internal import Catalog
internal import Multiformats
internal import Policies
package import Replication
package import Schema
internal import Storage

/// What came of one backend: a report, or why nothing could be begun.
package struct SyncResult: Sendable {
    package let backend: String
    package var report: SyncReport?
    package var error: KitError?

    /// The code of the first failure; nil where there was none.
    var code: ExitCode? {
        if let error { return error.code }
        return (report?.stopped ?? report?.failures.first?.error).map { KitError($0).code }
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

    init(plan: Plan, names: [String], broken: [SyncResult], short: [CID]) {
        self.plan = plan
        self.names = names
        results = broken
        self.short = short
        warnings = []
    }

    init(results: [SyncResult], short: [CID], warnings: [String]) {
        plan = nil
        names = []
        self.results = results
        self.short = short
        self.warnings = warnings
    }

    package var exitCode: ExitCode {
        let codes = results.compactMap(\.code)
        if codes.contains(.interrupted) { return .interrupted }
        if codes.isEmpty { return .ok }
        let done = results.contains { result in
            result.report.map { $0.isComplete || $0.uploaded + $0.adopted > 0 } ?? false
        }
        return done || Set(codes).count > 1 ? .partlyFailed : codes[0]
    }

    package var json: JSON {
        if let plan { return planJSON(plan) }
        return [
            "backends": .array(results.map(Self.json)),
            "short_of_replicas": .array(short.map { .text($0) }), "warnings": .array(warnings.map { .string($0) }),
        ]
    }

    private func planJSON(_ plan: Plan) -> JSON {
        [
            "dry_run": true,
            "plan": .array(
                names.map { name in
                    [
                        "backend": .string(name),
                        "steps": .array(
                            (plan.steps[name] ?? []).map { step in
                                switch step {
                                case .upload(let root): ["action": "upload", "cid": .text(root)]
                                case .remove(let root): ["action": "remove", "cid": .text(root)]
                                }
                            }
                        ),
                    ]
                }
            ),
            "short_of_replicas": .array(short.map { .text($0) }),
        ]
    }

    private static func json(_ result: SyncResult) -> JSON {
        guard let report = result.report else {
            return ["backend": .string(result.backend), "status": "failed", "problem": .text(result.error)]
        }
        return [
            "backend": .string(result.backend), "status": .string(status(report)), "uploaded": .count(report.uploaded),
            "adopted": .count(report.adopted), "removed": .count(report.removed),
            "bytes_uploaded": .count(report.bytesUploaded), "not_tried": .count(report.notTried),
            "failures": .array(report.failures.map(failureJSON)), "problem": .text(report.stopped),
            "snapshot": .text(report.note), "calls": .count(report.calls.calls),
        ]
    }

    private static func failureJSON(_ failure: SyncReport.Failure) -> JSON {
        [
            "cid": .text(failure.root), "message": .string(failure.error.description),
            "code": .integer(Int64(KitError(failure.error).code.rawValue)),
        ]
    }

    private static func status(_ report: SyncReport) -> String {
        if report.wasClean { return "clean" }
        if report.isComplete { return "synced" }
        return report.uploaded + report.adopted > 0 ? "partly" : "failed"
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
        return Report(lines, warnings: warnings + shortWarning)
    }

    private var shortWarning: [String] {
        short.isEmpty ? [] : ["\(short.count) pins want more replicas than there are backends; \(short[0]) is one."]
    }

    private func planReport(_ plan: Plan) -> Report {
        let rows = names.flatMap { name in
            (plan.steps[name] ?? []).map { step in
                switch step {
                case .upload(let root): [name, "upload", root.description]
                case .remove(let root): [name, "remove", root.description]
                }
            }
        }
        guard !rows.isEmpty else {
            return Report(["Nothing has to be done."].map { .line($0) }, warnings: shortWarning)
        }
        return Report(
            [.table([.init("BACKEND"), .init("ACTION"), .init("CID", mayShrink: true)], rows: rows)],
            warnings: shortWarning
        )
    }

    private static func row(_ result: SyncResult) -> [String] {
        guard let report = result.report else { return [result.backend, "failed", "0", "0", "0", "-", "0 B", "0"] }
        return [
            result.backend, status(report), String(report.uploaded), String(report.adopted), String(report.removed),
            String(report.failures.count + report.notTried), ByteCount(report.bytesUploaded).description,
            String(report.calls.calls),
        ]
    }

    private static func problems(_ result: SyncResult) -> [Report.Part] {
        let name = result.backend
        guard let report = result.report else {
            return result.error.map { [.line("\(name): \($0.message)")] + hint($0) } ?? []
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
        if let error = report.stopped ?? report.failures.first?.error { parts += hint(KitError(error)) }
        return parts
    }

    private static func hint(_ error: KitError) -> [Report.Part] {
        error.hint.map { [.line("Run: \($0)")] } ?? []
    }
}
