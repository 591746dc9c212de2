package import IPLD
package import Multiformats
package import Storage

/// Blocks that come in one stream, in the order in which they are walked over, and are taken out of it by their CIDs,
/// each checked.
///
/// What it does not bring is asked for otherwise: the stream may end anywhere, and so it does where it is not what it
/// should be.
package final class StreamedBlocks: Sendable {
    private struct State {
        var parser: CARParser? = CARParser(verifiesBlocks: true)
        /// Blocks that came and that nobody asked for yet.
        var held: [CID: Block] = [:]
        var heldBytes = 0
        /// The beginnings of the hashes of what was taken, which does not come twice.
        var taken: Set<UInt64> = []
    }

    private let cursor: StreamCursor<[UInt8]>
    private let state = Locked(State())
    /// One at a time reads on.
    private let turn = Permits(1)

    /// Blocks of the CAR that a stream is.
    package init(_ stream: any ByteStream) { cursor = StreamCursor(stream) }

    /// So many bytes may come before somebody asks for them.
    private static let mostHeld = 16 << 20

    /// Those of some blocks that come.
    package func take(_ cids: [CID]) async -> [CID: Block] {
        guard let permit = try? await turn.take() else { return [:] }
        defer { permit.give() }
        var found: [CID: Block] = [:]
        while true {
            let isDone = state.change { state in
                for cid in cids where found[cid] == nil {
                    guard let block = state.held.removeValue(forKey: cid) else { continue }
                    state.heldBytes -= block.bytes.count
                    state.taken.insert(Self.mark(of: cid))
                    found[cid] = block
                }
                let rest = cids.filter { found[$0] == nil && !state.taken.contains(Self.mark(of: $0)) }
                return rest.isEmpty || state.parser == nil
            }
            guard !isDone, await readOn() else { return found }
        }
    }

    /// Takes what comes next; false where nothing more does.
    private func readOn() async -> Bool {
        guard let chunk = try? await cursor.next() else {
            state.change { $0.parser = nil }
            return false
        }
        state.change { state in
            guard var parser = state.parser.take() else { return }
            parser.feed(chunk)
            do throws(DecodingProblem) {
                while let event = try parser.next() {
                    guard case .section(let section) = event, state.held[section.cid] == nil else { continue }
                    state.held[section.cid] = section.block
                    state.heldBytes += section.bytes.count
                }
                // Who sends so much that nobody asked for sends something else.
                if state.heldBytes <= Self.mostHeld { state.parser = parser }
            } catch {
                // What came before it was checked.
            }
        }
        return true
    }

    private static func mark(of cid: CID) -> UInt64 { cid.hash.digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
