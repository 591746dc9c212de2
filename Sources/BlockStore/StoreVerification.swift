internal import IPLD
package import Multiformats
internal import POSIX

/// What a verification of the whole store found.
package struct StoreReport: Sendable {
    /// Something that is wrong.
    package struct Problem: Sendable {
        /// The block, where one can be named.
        package let cid: CID?
        package let pack: Int64
        package let message: String
    }

    package var packs: UInt64 = 0
    package var blocks: UInt64 = 0
    package var bytes: UInt64 = 0
    /// Blocks that stand in a pack a second time, or that a later write replaced; they do no harm.
    package var unused: UInt64 = 0
    package var problems: [Problem] = []

    /// The most problems that are listed.
    static let mostProblems = 1000

    mutating func note(_ cid: CID?, _ pack: Int64, _ message: String) {
        guard problems.count < Self.mostProblems else { return }
        problems.append(Problem(cid: cid, pack: pack, message: message))
    }
}

extension BlockStore {
    /// Reads every pack and checks every block against its CID and against the index.
    ///
    /// `progress` is told of bytes as they are read.
    package func verify(progress: @escaping @Sendable (UInt64) -> Void) async throws(StoreError) -> StoreReport {
        var report = StoreReport()
        for pack in try await packs() {
            try Self.checkCancellation()
            report.packs += 1
            try await verify(pack.id, pack.length, &report, progress)
        }
        return report
    }

    /// The packs that hold blocks, with the length of each that counts.
    package func packs() async throws(StoreError) -> [(id: Int64, length: UInt64)] {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in
            try index.packs().filter { $0.length > 0 }
        }
    }

    private static func checkCancellation() throws(StoreError) {
        if Task.isCancelled { throw StoreError(.cancelled, "The work was stopped.") }
    }

    private struct Section: Sendable {
        let block: Block
        let offset: UInt64
    }

    /// Where the reading of a pack has got.
    private struct Reading: Sendable {
        var parser = CARParser(verifiesBlocks: false)
        var position: UInt64 = 0
        var sections: [Section] = []
        var problem: DecodingProblem?
    }

    private func verify(
        _ number: Int64,
        _ length: UInt64,
        _ report: inout StoreReport,
        _ progress: @Sendable (UInt64) -> Void
    ) async throws(StoreError) {
        var reading = Reading()
        var indexed: UInt64 = 0
        while reading.position < length, reading.problem == nil {
            try Self.checkCancellation()
            let before = reading
            reading = try await read(number, length, before)
            let moved = reading.position - before.position
            guard moved > 0 else { break }
            progress(moved)
            let problems = await sideBySide(reading.sections, weight: { $0.block.bytes.count + 64 }) {
                section -> DecodingProblem? in
                do throws(DecodingProblem) {
                    try section.block.verify()
                    return nil
                } catch {
                    return error
                }
            }
            let places = try await locate(reading.sections.map(\.block.cid))
            for ((section, problem), place) in zip(zip(reading.sections, problems), places) {
                let isHere = place?.pack == number && place?.offset == section.offset
                indexed += isHere ? 1 : 0
                report.blocks += isHere ? 1 : 0
                report.bytes += isHere ? UInt64(section.block.bytes.count) : 0
                report.unused += isHere ? 0 : 1
                if let problem, isHere { report.note(section.block.cid, number, problem.message) }
            }
        }
        if let problem = reading.problem { report.note(nil, number, problem.message) }
        if reading.position < length { report.note(nil, number, "The pack ends before what is in the index.") }
        let expected = try await count(in: number)
        if expected != indexed {
            report.note(nil, number, "The index has \(expected) blocks of the pack, and \(indexed) were found there.")
        }
    }

    private func count(in pack: Int64) async throws(StoreError) -> UInt64 {
        try await BlockingThreads.shared.run { [index] () throws(StoreError) in try index.count(in: pack) }
    }

    private func read(_ number: Int64, _ length: UInt64, _ before: Reading) async throws(StoreError) -> Reading {
        try await BlockingThreads.shared.run { [self] () throws(StoreError) in
            var reading = before
            reading.sections = []
            do throws(FileError) {
                let file = try File(path(of: number), .read)
                let chunk = try file.read(at: before.position, count: Int(min(8 << 20, length - before.position)))
                reading.position += UInt64(chunk.count)
                reading.parser.feed(chunk)
            } catch {
                throw StoreError(error)
            }
            do throws(DecodingProblem) {
                while let event = try reading.parser.next() {
                    guard case .block(let block, _, let offset) = event else { continue }
                    reading.sections.append(Section(block: block, offset: UInt64(offset)))
                }
            } catch {
                reading.problem = error
            }
            return reading
        }
    }
}
