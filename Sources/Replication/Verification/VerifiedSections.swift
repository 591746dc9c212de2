package import IPLD
package import Multiformats
package import Storage

/// The sections of a CAR that somebody else keeps, each block checked against its CID before anybody sees it.
///
/// A CAR that is cut short, that has another root, or a block with a wrong hash, ends the stream with `.corrupt`.
package struct VerifiedSections: AsyncSequence, Sendable {
    package typealias Failure = StorageError

    let stream: any ByteStream
    let root: CID

    /// Reads the CAR of `root` from `stream`.
    package init(_ stream: any ByteStream, root: CID) {
        self.stream = stream
        self.root = root
    }

    package func makeAsyncIterator() -> Iterator {
        Iterator(cursor: StreamCursor(stream), root: root)
    }

    /// Gives the sections of one chunk of the CAR at a time.
    package struct Iterator: AsyncIteratorProtocol {
        let cursor: StreamCursor<[UInt8]>
        let root: CID
        private var parser = CARParser(verifiesBlocks: true)
        private var isAtEnd = false

        init(cursor: StreamCursor<[UInt8]>, root: CID) {
            self.cursor = cursor
            self.root = root
        }

        package mutating func next() async throws(StorageError) -> [CARSection]? {
            while !isAtEnd {
                let chunk = try await cursor.next()
                do throws(DecodingProblem) {
                    if let chunk {
                        parser.feed(chunk)
                    } else {
                        isAtEnd = true
                        try parser.finish()
                    }
                    let sections = try take()
                    if !sections.isEmpty { return sections }
                } catch {
                    throw StorageError(.corrupt, "The CAR of \(root) is damaged: \(error)", cause: error)
                }
            }
            return nil
        }

        package mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(StorageError) -> [CARSection]? {
            try await next()
        }

        private mutating func take() throws(DecodingProblem) -> [CARSection] {
            var sections: [CARSection] = []
            while let event = try parser.next() {
                switch event {
                case .header(let header): try header.expectRoot(root)
                case .section(let section): sections.append(section)
                }
            }
            return sections
        }
    }
}

extension CARHeader {
    /// Throws `badRoots` where the archive is not that of a root alone.
    func expectRoot(_ root: CID) throws(DecodingProblem) {
        guard roots != [root] else { return }
        let found = roots.map(\.description).joined(separator: ", ")
        throw DecodingProblem(.badRoots, "Its root should be \(root), and is \(found.isEmpty ? "none" : found).")
    }
}
