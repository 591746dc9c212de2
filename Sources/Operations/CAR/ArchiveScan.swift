internal import IPLD
internal import Multiformats
internal import Storage

/// Reads an archive from front to back and looks at every block.
struct ArchiveScan: Sendable {
    let input: Input
    let progress: Progress
    var limits = CARParser.Limits()

    /// How many bytes are read at a time.
    private static let batch = 8 << 20

    /// Reads it all; `verifies` says whether blocks are checked against their CIDs.
    ///
    /// What is damaged beyond reading ends it; the report says so.
    func report(verifies: Bool) async throws -> (report: CARReport, container: CARContainer?) {
        var parser = CARParser(verifiesBlocks: false, limits: limits)
        var verifier = CARVerifier()
        var position: UInt64 = 0
        var chunk = try await input.read(at: 0, Self.batch)
        reading: while !chunk.isEmpty {
            let start = position + UInt64(chunk.count)
            async let following = input.read(at: start, Self.batch)
            parser.feed(chunk)
            let (sections, problem) = Self.sections(&parser, &verifier)
            let problems =
                verifies
                ? await Block.problems(of: sections.map(\.block))
                : [DecodingProblem?](repeating: nil, count: sections.count)
            for (section, problem) in zip(sections, problems) {
                verifier.add(section.block, offset: section.offset, problem)
            }
            progress.bytes(UInt64(chunk.count))
            position = start
            chunk = try await following
            if let problem {
                verifier.note(problem, parser.offset)
                return (verifier.finish(), parser.container)
            }
        }
        do throws(DecodingProblem) { try parser.finish() } catch { verifier.note(error, parser.offset) }
        return (verifier.finish(extraneous: parser.extraneous), parser.container)
    }

    private struct Section: Sendable {
        let block: Block
        let offset: Int
    }

    /// The sections that are whole in what was fed, and what kept more from being read.
    private static func sections(
        _ parser: inout CARParser,
        _ verifier: inout CARVerifier
    ) -> (sections: [Section], problem: DecodingProblem?) {
        var sections: [Section] = []
        do throws(DecodingProblem) {
            while let event = try parser.next() {
                switch event {
                case .header(let header): verifier.add(header, parser.container)
                case .block(let block, let offset, _): sections.append(Section(block: block, offset: offset))
                }
            }
            return (sections, nil)
        } catch {
            return (sections, error)
        }
    }
}
