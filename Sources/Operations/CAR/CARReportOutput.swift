internal import IPLD
internal import Multiformats
package import Schema

/// What was found in archives.
package struct CARReportOutput: OperationOutput {
    struct Row: Sendable {
        let file: String
        let report: CARReport
        let container: CARContainer?
        /// Why the archive could not be read at all.
        let error: KitError?

        init(file: String, report: CARReport, container: CARContainer?) {
            (self.file, self.report, self.container, error) = (file, report, container, nil)
        }

        /// An archive that could not be read.
        init(file: String, error: KitError) {
            (self.file, report, container, self.error) = (file, CARVerifier().report, nil, error)
        }

        /// What was found as the end of a command.
        var code: ExitCode {
            if let error { return error.code }
            if report.isWhole { return .ok }
            var harm = report.harm
            // Behind what is too long nothing was read, so that nobody knows whether a block is missing.
            if harm.contains(.tooLarge) { harm.remove(.missing) }
            // What is missing, or cut off, makes an archive no less damaged than a wrong hash.
            var codes = Set(harm.map { $0 == .missing ? .verification : ExitCode($0) })
            if report.unverifiable > 0 { codes.insert(ExitCode(.unsupported)) }
            return codes.contains(.verification) ? .verification : codes.min { $0.rawValue < $1.rawValue } ?? .ok
        }
    }

    let rows: [Row]
    /// Whether blocks were hashed.
    let isVerified: Bool

    /// The most problems that people are shown.
    private static let maxShown = 20

    package var exitCode: ExitCode {
        let codes = rows.map(\.code).filter { $0 != .ok }
        return codes.contains(.verification) ? .verification : codes.first ?? .ok
    }

    package var json: JSON { ["archives": .array(rows.map(json))] }

    private func json(_ row: Row) -> JSON {
        let report = row.report
        return [
            "file": .string(row.file), "version": .count(report.version), "whole": .bool(row.code == .ok),
            "blocks_hashed": .bool(isVerified), "roots": .array(report.roots.map { .text($0) }),
            "blocks": .count(report.blocks), "block_bytes": .count(report.bytes),
            "unverifiable": .count(report.unverifiable),
            "codecs": counts(report.codecs.map { ($0.key.name, $0.value) }),
            "hashes": counts(report.hashes.map { ($0.key.name, $0.value) }),
            "has_index": .bool(row.container.map { $0.indexOffset > 0 } ?? false),
            "problem_counts": counts(report.counts.map { ($0.key.rawValue, $0.value) }),
            "problems": .array(
                report.problems.map {
                    [
                        "kind": .string($0.problem.code.rawValue), "message": .string($0.problem.message),
                        "cid": .text($0.problem.cid), "offset": .count($0.offset),
                    ]
                }
            ),
            "error": row.error?.json["error"] ?? .null,
        ]
    }

    package var report: Report { Report(rows.flatMap(parts), failures: rows.compactMap(\.error?.message)) }

    package var quietLines: [String]? { rows.filter { $0.code != .ok }.map(\.file) }

    private func parts(_ row: Row) -> [Report.Part] {
        if row.error != nil { return [.facts([.init("file", row.file), .init("state", "not read")])] }
        let report = row.report
        func list(_ items: [(String, Int)]) -> String {
            items.sorted { $0 < $1 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        }
        var facts: [Report.Fact] = [
            .init("file", row.file), .init("version", report.version.map(String.init) ?? "unknown"),
            .init("roots", report.roots.isEmpty ? "none" : report.roots.map(\.description).joined(separator: ", ")),
            .init("blocks", "\(report.blocks) (\(ByteCount(report.bytes)))"),
            .init("codecs", list(report.codecs.map { ($0.key.name, $0.value) })),
            .init("hashes", list(report.hashes.map { ($0.key.name, $0.value) })),
        ]
        if let container = row.container { facts.append(.init("index", container.indexOffset > 0 ? "yes" : "no")) }
        facts.append(.init("state", state(row)))
        let shown = report.problems.prefix(Self.maxShown).map { found -> Report.Part in
            let place = found.offset.map { " at byte \($0)" } ?? ""
            return .line("\(found.problem.code)\(place): \(found.problem)")
        }
        let more = report.counts.values.reduce(0, +) - shown.count
        return [.facts(facts)] + shown + (more > 0 ? [.line("… and \(more) more.")] : [])
    }

    private func state(_ row: Row) -> String {
        switch row.code {
        case .ok: return isVerified ? "whole: every block has its hash" : "complete; blocks were not hashed"
        case .verification: return "damaged or incomplete"
        default: break
        }
        let unverifiable = row.report.unverifiable
        return unverifiable > 0
            ? "not known to be whole: \(unverifiable) blocks have hashes that cannot be computed here"
            : "not known to be whole: not everything in it could be followed"
    }

    private func counts(_ items: [(String, Int)]) -> JSON {
        .object(items.sorted { $0 < $1 }.map { JSON.Member($0.0, .count($0.1)) })
    }
}
