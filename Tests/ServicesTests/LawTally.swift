import Foundation
import Storage
import StorageLaws
import Testing

/// What came of the laws on each subject, printed when all of them were tried on it: no law falls silent.
struct LawTally: Sendable {
    private struct Row {
        var tried = 0
        var kept = 0
        /// The laws that did not apply, by the reason.
        var silent: [String: [String]] = [:]
    }

    /// How many laws are tried on each subject.
    private let total: @Sendable (Subject) -> Int
    private let rows = Locked<[String: Row]>([:])

    init(_ total: @escaping @Sendable (Subject) -> Int) { self.total = total }

    /// Tries a law, after its name was written: where it ends the process, the last line says which one it was.
    ///
    /// The test of a law that does not apply is shown as cancelled. There is no outcome where the server broke it.
    func count(_ subject: Subject, _ title: String, _ attempt: () async throws -> LawOutcome?) async throws {
        tell("trying on \(subject.name): \(title)")
        let outcome: LawOutcome?
        do {
            outcome = try await attempt()
        } catch {
            end(subject, title, nil)
            throw error
        }
        end(subject, title, outcome)
        if case .doesNotApply(let reason) = outcome { try Test.cancel("\(reason)") }
    }

    private func end(_ subject: Subject, _ title: String, _ outcome: LawOutcome?) {
        let row = rows.change { rows in
            var row = rows[subject.name] ?? Row()
            row.tried += 1
            switch outcome {
            case .kept: row.kept += 1
            case .doesNotApply(let reason): row.silent[reason, default: []].append(title)
            case nil: break
            }
            rows[subject.name] = row
            return row
        }
        let total = total(subject)
        guard row.tried == total else { return }
        let silent = row.silent.values.reduce(0) { $0 + $1.count }
        let other = total - row.kept - silent
        var lines = ["laws on \(subject.name): \(row.kept) kept, \(silent) do not apply, \(other) broken or not tried"]
        for (reason, titles) in row.silent.sorted(by: { $0.key < $1.key }) {
            lines.append("    \(reason)")
            lines += titles.sorted().map { "        \($0)" }
        }
        tell(lines.joined(separator: "\n"))
    }

    private func tell(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
