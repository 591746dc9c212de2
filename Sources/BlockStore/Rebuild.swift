internal import IPLD
internal import Multiformats
internal import POSIX

extension BlockStore {
    /// Makes the index again from the packs: every block whose hash is right, up to the first break in each pack.
    package func rebuildIndex() throws(StoreError) {
        do throws(FileError) {
            for name in try listDirectory(folder + "/packs") {
                let text = String(decoding: name, as: UTF8.self)
                guard text.hasSuffix(".car"), let number = Int64(text.dropLast(4)) else { continue }
                let file = try File(folder + "/packs/" + text, .read)
                do throws(StoreError) {
                    try scan(file, number)
                } catch {
                    throw FileError("index", file.path, 5)
                }
            }
        } catch {
            throw StoreError(error)
        }
    }

    private func scan(_ file: File, _ number: Int64) throws(StoreError) {
        var parser = CARParser(verifiesBlocks: false)
        var found: [(hash: Multihash, location: BlockLocation)] = []
        var length: UInt64 = 0
        var position: UInt64 = 0
        while true {
            let chunk: [UInt8]
            do throws(FileError) {
                chunk = try file.read(at: position, count: 1 << 20)
            } catch {
                throw StoreError(error)
            }
            if chunk.isEmpty { break }
            position += UInt64(chunk.count)
            parser.feed(chunk)
            // A section that cannot be read hides where the next one begins: the pack counts up to there.
            guard let events = try? Self.events(&parser) else { break }
            for case .block(let block, _, let offset) in events where (try? block.verify()) != nil {
                found.append(
                    (block.cid.hash, BlockLocation(pack: number, offset: UInt64(offset), length: block.bytes.count))
                )
            }
            length = UInt64(parser.offset)
            if found.count >= 65_536 {
                try index.add(found, pack: number, length: length)
                found = []
            }
        }
        if length > 0 { try index.add(found, pack: number, length: length) }
    }

    private static func events(_ parser: inout CARParser) throws(DecodingProblem) -> [CARParser.Event] {
        var events: [CARParser.Event] = []
        while let event = try parser.next() { events.append(event) }
        return events
    }
}
