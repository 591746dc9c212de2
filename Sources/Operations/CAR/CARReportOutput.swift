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

    /// What was found in one.
    private struct Found: Answer {
        let row: Row
        let isVerified: Bool

        static let outputFields: [OutputField<Self>] = [
            OutputField("file", "The archive.", as: .path) { $0.row.file },
            OutputField("version", "The version of its format; null where that cannot be read.") {
                $0.row.report.version
            },
            OutputField("whole", "Whether nothing in it is damaged, missing or left open.") { $0.row.code == .ok },
            OutputField("blocks_hashed", "Whether blocks were compared with their CIDs.") { $0.isVerified },
            OutputField("roots", "The roots that it names.") { $0.row.report.roots },
            OutputField("blocks", "How many blocks it has.") { $0.row.report.blocks },
            OutputField("block_bytes", "The lengths of all blocks.", in: .bytes) { $0.row.report.bytes },
            OutputField("unverifiable", "How many have hashes that cannot be computed here.") {
                $0.row.report.unverifiable
            },
            OutputField("codecs", "How many blocks there are of each codec.") { found in
                Counts(found.row.report.codecs.map { ($0.key.name, $0.value) })
            },
            OutputField("hashes", "How many blocks there are of each hash.") { found in
                Counts(found.row.report.hashes.map { ($0.key.name, $0.value) })
            },
            OutputField("has_index", "Whether it has an index.") { found in
                found.row.container.map { $0.indexOffset > 0 } ?? false
            },
            OutputField("problem_counts", "How many problems there are of each kind.") { found in
                Counts(found.row.report.counts.map { ($0.key.rawValue, $0.value) })
            },
            .list(
                "problems",
                "The first problems.",
                of: [
                    OutputField("kind", "What is wrong.") { $0.problem.code.rawValue },
                    OutputField("message", "The same as a sentence.") { $0.problem.message },
                    OutputField("cid", "The block that it is about.") { $0.problem.cid },
                    OutputField("offset", "Where in the archive it is.", in: .bytes) { $0.offset },
                ]
            ) { $0.row.report.problems },
            .error { $0.row.error },
        ]
    }

    /// The most problems that people are shown.
    private static let maxShown = 20

    package var exitCode: ExitCode {
        let codes = rows.map(\.code).filter { $0 != .ok }
        return codes.contains(.verification) ? .verification : codes.first ?? .ok
    }

    package static let outputFields: [OutputField<Self>] = [
        OutputField("archives", "What was found in each archive.") { output in
            output.rows.map { Found(row: $0, isVerified: output.isVerified) }
        }
    ]

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
}
