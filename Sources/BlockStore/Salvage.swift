internal import IPLD
internal import Multiformats

extension BlockStore {
    /// Stores those blocks of an archive in a file that have the hash that their CIDs say, whatever stands between
    /// them.
    package func takeSound(from path: String) async throws {
        try await ingest { ingest in
            var reader = try PackReader(path, upTo: .max)
            while true {
                if Task.isCancelled { throw StoreError(.cancelled, "The work was stopped.") }
                let (stretch, after) = try await Self.next(reader)
                reader = after
                guard let stretch else {
                    guard try await Self.find(&reader) else { break }
                    continue
                }
                let sound = await sideBySide(stretch.sections, weight: { $0.end - $0.start + 64 }) {
                    section -> Block? in
                    guard let block = stretch.block(of: section), (try? block.verify()) != nil,
                        (try? block.cid.checkStorable(length: block.bytes.count)) != nil
                    else { return nil }
                    return block
                }
                try await ingest.write(sound.compactMap(\.self))
            }
        }
    }
}
