internal import IPLD
internal import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Writes content to files.
package struct Get: Operation {
    package static let name = "get"
    package static let summary = "Write a file or a directory from the store, or from a backend, to the disk."
    package static let details = """
        Permissions and times that were kept are given back, without the bits that let a program run as somebody else.
        Example: ipfs-kit get bafy…/photos -o restored
        """
    package static let changes = true

    package var path = ""
    package var output: String?
    package var from: String?

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
    ]

    package func run(in call: Call) async throws(KitError) -> WrittenTree {
        let reader = try await ContentReader(call, from: from, path: path, progress: call.progress)
        return try await kitErrors {
            let (block, name) = try await reader.resolve(path)
            call.progress.began("get")
            defer { call.progress.ended() }
            let help = Hint(Get.self, ["path": path, "output": nil])
            return try await reader.write(block, to: output ?? name, call, help: help)
        }
    }
}

/// A file or a directory that was written.
package struct WrittenTree: OperationOutput {
    let cid: CID
    /// Nil where it went to standard output, of which nothing is said there.
    let path: String?

    package static let outputFields: [OutputField<Self>] = [
        OutputField("cid", "What was written.") { $0.cid },
        OutputField("path", "The file or directory; null where it went to the output.", as: .path) { $0.path },
    ]
    package var isContent: Bool { path == nil }
    package var report: Report { path.map { Report("Wrote \(cid) to \($0).") } ?? Report() }
}
