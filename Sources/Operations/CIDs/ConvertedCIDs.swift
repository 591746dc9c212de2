internal import Multiformats
package import Schema

/// One text for each CID; those that could not be read, or made into it, keep no others from being written.
package struct ConvertedCIDs: OperationOutput {
    struct Row: Sendable {
        /// The text as it was given.
        let given: String
        var cid: CID?
        var text = ""
        /// Why there is none.
        var problem: KitError?
    }

    let rows: [Row]

    /// Converts what was given; where nothing was, what stands on the lines of standard input.
    init(
        _ given: [String],
        _ call: Call,
        _ convert: (CID, Multibase) throws(FormatProblem) -> (cid: CID, text: String)
    ) async throws(KitError) {
        let texts = given.isEmpty ? try await Input("-", call, for: .archive).words() : given
        rows = texts.map { text in
            do throws(FormatProblem) {
                let (cid, base) = try CID.read(userText: text)
                do throws(FormatProblem) {
                    let made = try convert(cid, base)
                    return Row(given: text, cid: made.cid, text: made.text)
                } catch {
                    return Row(given: text, cid: cid, problem: KitError(.usage, error.message, cid: cid))
                }
            } catch {
                return Row(given: text, problem: KitError(error, in: text))
            }
        }
        if rows.count == 1, let problem = rows[0].problem { throw problem }
    }

    package var exitCode: ExitCode {
        let failed = rows.count { $0.problem != nil }
        return .ofParts(repeatElement(.usage, count: failed), isPartDone: failed < rows.count)
    }
    package static let outputFields: [OutputField<Self>] = [
        .list(
            "cids",
            "What came of each word, in order.",
            of: [
                OutputField("given", "The word.") { $0.given },
                OutputField("cid", "The CID that it is.") { $0.cid },
                OutputField("formatted", "The CID as it was wanted; null where it is none.") {
                    $0.problem == nil ? $0.text : nil
                },
                .error { $0.problem },
            ]
        ) { $0.rows }
    ]
    package var report: Report {
        Report(texts.map { .line($0) }, failures: rows.compactMap(\.problem?.message))
    }
    package var quietLines: [String]? { texts }

    private var texts: [String] { rows.filter { $0.problem == nil }.map(\.text) }
}
