internal import IPLD
internal import Multiformats
package import Schema

/// An archive, or a part or an index of one, that was written.
package struct ArchiveOutput: OperationOutput {
    let path: String
    let roots: [CID]
    let blocks: Int
    let bytes: UInt64
    /// Blocks whose hash cannot be computed here, which were taken as they are.
    let unverifiable: Int

    package var json: JSON {
        [
            "path": .string(path), "roots": .array(roots.map { .text($0) }), "blocks": .count(blocks),
            "bytes": .count(bytes), "unverifiable": .count(unverifiable),
        ]
    }
    package var report: Report {
        Report(
            [.line("Wrote \(path): \(blocks) blocks, \(ByteCount(bytes)).")],
            warnings: Self.warnings(unverifiable)
        )
    }
    package var quietLines: [String]? { [path] }

    static func warnings(_ unverifiable: Int) -> [String] {
        unverifiable == 0
            ? [] : ["\(unverifiable) blocks have a hash that cannot be computed here; they were taken as they are."]
    }
}

extension CARWriter {
    /// Writes blocks to `file`, section by section.
    mutating func copy(_ blocks: [Block], to file: inout NewFile) async throws {
        var pieces: [[UInt8]] = []
        for block in blocks {
            guard let prefix = section(block.cid, length: block.bytes.count) else { continue }
            pieces += [prefix, block.bytes]
        }
        try await file.append(pieces)
    }
}
