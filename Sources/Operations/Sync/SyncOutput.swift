internal import Catalog
internal import Multiformats
internal import Policies
internal import Replication
package import Schema
internal import Storage

/// What a sync did, or would do.
package struct SyncOutput: OperationOutput {
    private let plan: Plan?
    private let names: [String]
    private let results: [(String, Result<SyncReport, KitError>)]
    private let short: [CID]
    private let warnings: [String]

    init(plan: Plan, names: [String], broken: [(String, Result<SyncReport, KitError>)], short: [CID]) {
        self.plan = plan
        self.names = names
        results = broken
        self.short = short
        warnings = []
    }

    init(results: [(String, Result<SyncReport, KitError>)], short: [CID], warnings: [String]) {
        plan = nil
        names = []
        self.results = results
        self.short = short
        self.warnings = warnings
    }

    package var exitCode: ExitCode {
        let codes = results.compactMap { Self.code($0.1) }
        if codes.contains(.interrupted) { return .interrupted }
        if codes.isEmpty { return .ok }
        let done = results.contains { result in
            guard case .success(let report) = result.1 else { return false }
            return report.isComplete || report.uploaded + report.adopted > 0
        }
        return done || Set(codes).count > 1 ? .partlyFailed : codes[0]
    }

    private static func code(_ result: Result<SyncReport, KitError>) -> ExitCode? {
        switch result {
        case .failure(let error): error.code
        case .success(let report): (report.stopped ?? report.failures.first?.error).map { KitError($0).code }
        }
    }

    package var json: JSON {
        if let plan { return planJSON(plan) }
        return [
            "backends": .array(results.map { Self.json($0.0, $0.1) }),
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

    private static func json(_ name: String, _ result: Result<SyncReport, KitError>) -> JSON {
        switch result {
        case .failure(let error):
            return ["backend": .string(name), "status": "failed", "problem": .string(error.message)]
        case .success(let report):
            return [
                "backend": .string(name), "status": .string(status(report)), "uploaded": .count(report.uploaded),
                "adopted": .count(report.adopted), "removed": .count(report.removed),
                "bytes_uploaded": .count(report.bytesUploaded), "not_tried": .count(report.notTried),
                "failures": .array(
                    report.failures.map {
                        [
                            "cid": .text($0.root), "message": .string($0.error.description),
                            "code": .integer(Int64(KitError($0.error).code.rawValue)),
                        ]
                    }
                ),
                "problem": .text(report.stopped), "snapshot": .text(report.note),
                "calls": .count(report.calls.calls),
            ]
        }
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
                rows: results.map { Self.row($0.0, $0.1) }
            )
        ]
        for (name, result) in results { lines += Self.problems(name, result) }
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

    private static func row(_ name: String, _ result: Result<SyncReport, KitError>) -> [String] {
        guard case .success(let report) = result else { return [name, "failed", "0", "0", "0", "-", "0 B", "0"] }
        return [
            name, status(report), String(report.uploaded), String(report.adopted), String(report.removed),
            String(report.failures.count + report.notTried), ByteCount(report.bytesUploaded).description,
            String(report.calls.calls),
        ]
    }

    private static func problems(_ name: String, _ result: Result<SyncReport, KitError>) -> [Report.Part] {
        switch result {
        case .failure(let error): return [.line("\(name): \(error.message)")] + hint(error)
        case .success(let report):
            var parts = report.failures.prefix(10).map { failure in
                Report.Part.line("\(name): \(failure.root) failed: \(failure.error)")
            }
            if report.failures.count > 10 { parts.append(.line("\(name): and \(report.failures.count - 10) more.")) }
            if let stopped = report.stopped {
                parts.append(.line("\(name): stopped: \(stopped)"))
            }
            if let error = report.stopped ?? report.failures.first?.error { parts += hint(KitError(error)) }
            return parts
        }
    }

    private static func hint(_ error: KitError) -> [Report.Part] {
        error.hint.map { [.line("Run: \($0)")] } ?? []
    }
}
