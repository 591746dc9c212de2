internal import IPLD
internal import Multiformats
package import Schema

/// An archive, or a part or an index of one, that was written.
package struct ArchiveOutput: OperationOutput {
    /// Nil where it went to standard output, of which nothing is said there.
    let path: String?
    let roots: [CID]
    let blocks: Int
    let bytes: UInt64
    /// Blocks whose hash cannot be computed here, which were taken as they are.
    let unverifiable: Int
    let isDryRun: Bool

    package static let outputFields: [OutputField<Self>] = [
        .dryRun { $0.isDryRun },
        OutputField("path", "The file that was written; null where it went to the output.", as: .path) { $0.path },
        OutputField("roots", "The roots of the archive.") { $0.roots },
        OutputField("blocks", "How many blocks were written.") { $0.blocks },
        OutputField("size_bytes", "The length of the file.", in: .bytes) { $0.bytes },
        OutputField("unverifiable", "How many blocks have hashes that cannot be computed here.") { $0.unverifiable },
    ]
    package var isContent: Bool { path == nil && !isDryRun }
    package var report: Report {
        let verb = isDryRun ? "Would write" : "Wrote"
        let place = path ?? (isDryRun ? "standard output" : nil)
        return Report(
            place.map { [.line("\(verb) \($0): \(blocks) blocks, \(ByteCount(bytes)).")] } ?? [],
            warnings: Self.warnings(unverifiable)
        )
    }
    package var quietLines: [String]? { path.map { [$0] } ?? [] }

    /// What `writer` wrote to `output`, which is `-` for standard output.
    init(_ writer: CARWriter, _ output: String, bytes: UInt64, _ unverifiable: Int, isDryRun: Bool) {
        self.isDryRun = isDryRun
        path = output == "-" ? nil : output
        roots = writer.header.roots
        blocks = writer.blocks
        self.bytes = bytes
        self.unverifiable = unverifiable
    }

    static func warnings(_ unverifiable: Int) -> [String] {
        unverifiable == 0
            ? [] : ["\(unverifiable) blocks have a hash that cannot be computed here; they were taken as they are."]
    }
}

extension CARWriter {
    /// Writes sections to `file`.
    mutating func copy(_ sections: [CARSection], to file: NewFile) async throws {
        var pieces: [ArraySlice<UInt8>] = []
        for found in sections {
            guard let prefix = section(found.cid, length: found.bytes.count) else { continue }
            pieces += [prefix[...], found.bytes]
        }
        try await file.append(pieces)
    }
}
