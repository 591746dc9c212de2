internal import IPLD
package import Schema
internal import Storage

/// Writes the bytes of files to standard output.
package struct Cat: Operation {
    package static let name = "cat"
    package static let summary = "Write the bytes of files, one after another, to standard output."
    package static let details = "What is no text goes to a terminal only with “--output -”."

    package var paths: [String] = []
    package var offset = 0
    package var length: Int?
    package var output: String?
    package var from: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("paths", \.paths, help: "CIDs, or paths below them.", required: true, positional: true, whole: true),
        Field("offset", \.offset, help: "The byte of all content to begin with (-o).", aliases: ["o"]),
        Field("length", \.length, help: "The most bytes to write (-l).", aliases: ["l"]),
        Field(
            "output",
            \.output,
            help: "The file to write; nothing may be there yet. - is standard output.",
            as: .path
        ),
        .source(\.from),
    ]

    package func run(in call: Call) async throws(KitError) -> NoOutput {
        guard offset >= 0, length ?? 0 >= 0 else { throw KitError(.usage, "--offset and --length are not negative.") }
        var passed = UInt64(offset)
        var left = length.map { UInt64($0) } ?? .max
        return try await kitErrors {
            let help = Hint(Cat.self, ["paths": "\(paths.first ?? "")", "output": nil])
            try await NewFile.made(output, call, help: help) { file in
                for path in paths {
                    let reader = try await ContentReader(call, from: from, path: path, progress: call.progress)
                    let (block, _) = try await reader.resolve(path)
                    let size = try FileWalk(root: block).fileSize
                    let start = min(passed, size)
                    let count = min(left, size - start)
                    passed -= start
                    left -= count
                    let range = start..<start + count
                    try await reader.ahead(.file(range), of: block).copy(block, range, to: file)
                }
                return []
            }
            return NoOutput()
        }
    }
}
