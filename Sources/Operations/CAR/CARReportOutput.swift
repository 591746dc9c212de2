internal import IPLD
internal import Multiformats
package import Schema

/// What was found in archives.
package struct CARReportOutput: OperationOutput {
    struct Row: Sendable {
        let file: String
        let report: CARReport
        let container: CARContainer?
    }

    let rows: [Row]
    /// Whether blocks were hashed.
    let isVerified: Bool

    /// The most problems that people are shown.
    private static let mostShown = 20

    package var exitCode: ExitCode { rows.allSatisfy(\.report.isWhole) ? .ok : .verification }

    package var json: JSON {
        [
            "archives": .array(
                rows.map { row in
                    let report = row.report
                    return [
                        "file": .string(row.file), "version": .count(report.version), "whole": .bool(report.isWhole),
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
                    ]
                }
            )
        ]
    }

    package var report: Report { Report(rows.flatMap(parts)) }

    package var quietLines: [String]? { rows.filter { !$0.report.isWhole }.map(\.file) }

    private func parts(_ row: Row) -> [Report.Part] {
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
        facts.append(.init("state", state(report)))
        let shown = report.problems.prefix(Self.mostShown).map { found -> Report.Part in
            let place = found.offset.map { " at byte \($0)" } ?? ""
            return .line("\(found.problem.code)\(place): \(found.problem)")
        }
        let more = report.counts.values.reduce(0, +) - shown.count
        return [.facts(facts)] + shown + (more > 0 ? [.line("… and \(more) more.")] : [])
    }

    private func state(_ report: CARReport) -> String {
        if report.unverifiable > 0 { return "\(report.unverifiable) blocks have hashes that cannot be computed here" }
        guard report.isWhole else { return "damaged or incomplete" }
        return isVerified ? "whole: every block has its hash" : "complete; blocks were not hashed"
    }

    private func counts(_ items: [(String, Int)]) -> JSON {
        .object(items.sorted { $0 < $1 }.map { JSON.Member($0.0, .count($0.1)) })
    }
}
