internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Says which block a path leads to.
package struct DAGResolve: Operation {
    package static let name = "dag resolve"
    package static let summary = "Say which block a path leads to, and what of the path lies inside that block."

    package var path = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("path", \.path, help: "A path below a CID.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let reader = try await ContentReader(call, from: nil, path: path, progress: .silent)
        return try await kitErrors {
            let end = try await reader.end(of: path)
            let rest = end.remainder.map { shownName($0) }.joined(separator: "/")
            return Output(cid: end.cid.description, remainder: rest)
        }
    }

    /// Where the path leads.
    package struct Output: OperationOutput {
        let cid: String
        let remainder: String

        package static let outputFields: [OutputField<Self>] = [
            OutputField("cid", "The block that the path leads to.") { $0.cid },
            OutputField("remainder", "What of the path leads on in that block.") { $0.remainder },
        ]
        package var report: Report { Report(remainder.isEmpty ? cid : "\(cid)/\(remainder)") }
        package var quietLines: [String]? { [cid] }
    }
}
