internal import Multiformats
package import Schema
internal import Storage

/// Writes the bytes of files to standard output.
package struct Cat: Operation {
    package static let name = "cat"
    package static let summary = "Write the bytes of a file to standard output."

    package var paths: [String] = []
    package var offset = 0
    package var length: Int?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("paths", \.paths, help: "CIDs, or paths below them.", required: true, positional: true),
        Field("offset", \.offset, help: "The byte to begin with."),
        Field("length", \.length, help: "The most bytes to write."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> NoOutput {
        guard offset >= 0, length ?? 0 >= 0 else { throw KitError(.usage, "--offset and --length are not negative.") }
        let reader = ContentReader(store: try kit.store(), progress: kit.session.progress)
        let end = length.map { UInt64(offset).addingReportingOverflow(UInt64($0)).partialValue } ?? .max
        return try await kitErrors {
            for path in paths {
                let (block, _) = try await reader.resolve(path)
                try await reader.read(block, UInt64(offset)..<max(end, UInt64(offset))) { bytes in
                    try kit.session.write(bytes)
                }
            }
            return NoOutput()
        }
    }
}
