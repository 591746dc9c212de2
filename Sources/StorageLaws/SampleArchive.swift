package import IPLD
package import Multiformats
internal import Samples
package import Storage

/// A small content archive made for a trial.
package struct SampleArchive: Sendable {
    package let root: CID
    /// The deterministic CARv1 of the root.
    package let bytes: [UInt8]

    /// A file of `leaves` raw blocks under a dag-cbor list of them, its content chosen by `seed`.
    package init(seed: UInt64, leaves: Int = 3) {
        let blocks = (0..<leaves).map { Block(codec: .raw, bytes: sampleBytes(200 + $0, seed: seed &+ UInt64($0))) }
        let links = blocks.map { Node.link($0.cid) }
        let top = Block(codec: .dagCBOR, bytes: (try? Node.list(links).cbor()) ?? [])
        self.init(root: top.cid, blocks: [top] + blocks)
    }

    /// A file of sixteen bytes in one dag-pb block whose root has version 0, its content chosen by `seed`.
    package static func versionZero(seed: UInt64) -> SampleArchive {
        let content = sampleBytes(16, seed: seed)
        // UnixFS (type, data, size) within the field Data of a dag-pb node without links.
        let file: [UInt8] = [0x08, 2, 0x12, 16] + content + [0x18, 16]
        let block = Block(codec: .dagPB, format: .v0, bytes: [0x0A, UInt8(file.count)] + file)
        return SampleArchive(root: block.cid, blocks: [block])
    }

    private init(root: CID, blocks: [Block]) {
        self.root = root
        var bytes = CARHeader(roots: [root]).encoded
        for block in blocks { bytes += CARSection.prefix(for: block.cid, length: block.bytes.count) + block.bytes }
        self.bytes = bytes
    }

    package var body: Body { Body(bytes) }

    /// The upload of it.
    package var upload: Upload { Upload(root, places: { places }, body) }

    /// Where the sections lie.
    package var places: [SectionPlace] { sections.map { SectionPlace($0.cid, at: UInt64($0.offset)) } }

    /// The blocks with where they stand; those of a sample can be read.
    package var sections: [CARSection] {
        var parser = CARParser()
        parser.feed(bytes)
        var sections: [CARSection] = []
        while let event = try? parser.next() {
            if case .section(let section) = event { sections.append(section) }
        }
        return sections
    }

    /// What is wrong with the bytes of an archive of the same DAG, in any order of blocks; nil when nothing is.
    package func problem(of found: [UInt8]) -> String? {
        do throws(DecodingProblem) {
            let (roots, cids) = try Self.contents(of: found)
            let wanted = try Self.contents(of: bytes).cids
            guard roots.contains(root) else { return "its header does not name the root" }
            return cids == wanted ? nil : "it has \(cids.count) different blocks instead of the \(wanted.count) stored"
        } catch {
            return error.message
        }
    }

    private static func contents(of bytes: [UInt8]) throws(DecodingProblem) -> (roots: [CID], cids: Set<CID>) {
        var parser = CARParser()
        parser.feed(bytes)
        var roots: [CID] = []
        var cids: Set<CID> = []
        while let event = try parser.next() {
            switch event {
            case .header(let header): roots = header.roots
            case .section(let section): cids.insert(section.cid)
            }
        }
        try parser.finish()
        return (roots, cids)
    }
}
