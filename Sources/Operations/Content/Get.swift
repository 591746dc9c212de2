internal import IPLD
internal import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Writes content to files.
package struct Get: ChangingOperation {
    package static let name = "get"
    package static let summary = "Write a file or a directory from the store, or from a backend, to the disk."
    package static let details = """
        Permissions and times that were kept are given back, without the bits that let a program run as somebody else.
        Example: ipfs-kit get bafy…/photos -o restored
        """

    package var path = ""
    package var output: String?
    package var from: String?
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("path", \.path, help: "A CID, or a path below one: CID/photos/a.jpg.", required: true, positional: true),
        Field(
            "output",
            \.output,
            help: """
                Where to write it; nothing may be there yet. The last name of the path by default; - is standard output, \
                for a file (-o).
                """,
            as: .path,
            aliases: ["o"]
        ),
        .source(\.from),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> WrittenTree {
        let reader = try await ContentReader(call, from: from, path: path, progress: call.progress)
        return try await kitErrors {
            let (block, name) = try await reader.resolve(path)
            call.progress.began("get")
            defer { call.progress.ended() }
            let help = Hint(Get.self, ["path": path, "output": nil])
            return try await reader.ahead(.all, of: block).write(block, to: output ?? name, call, help: help)
        }
    }
}

/// A file or a directory that was written.
package struct WrittenTree: OperationOutput {
    let cid: CID
    /// Nil where it went to standard output, of which nothing is said there.
    let path: String?
    let isDryRun: Bool

    package static let outputFields: [OutputField<Self>] = [
        .dryRun { $0.isDryRun },
        OutputField("cid", "What was written.") { $0.cid },
        OutputField("path", "The file or directory; null where it went to the output.", as: .path) { $0.path },
    ]
    package var isContent: Bool { path == nil && !isDryRun }
    package var report: Report {
        let verb = isDryRun ? "Would write" : "Wrote"
        if isDryRun, path == nil { return Report("\(verb) \(cid) to standard output.") }
        return path.map { Report("\(verb) \(cid) to \($0).") } ?? Report()
    }
}
