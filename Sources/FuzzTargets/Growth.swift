internal import IPLD
internal import Multiformats
internal import Schema

/// A way for the input of a decoder to grow, under the law that its time grows no faster than the input.
///
/// The inputs are made to be the worst: long lists, long maps, nesting up to the limit, many small parts, repeats.
public struct Growth: Sendable {
    /// What grows, and for whom: `dag-json: long lists`.
    public let name: String

    /// Makes an input of about so many bytes and gives what is to be timed.
    public let prepare: @Sendable (_ size: Int) -> @Sendable () -> Void

    /// All of them; every ``FuzzTarget`` has some.
    public static let all: [Growth] = targets + decoders + walks

    /// The most that the time for eight times the input may be, in times for the input.
    public static let most = 16

    init(_ name: String, _ prepare: @escaping @Sendable (Int) -> @Sendable () -> Void) {
        self.name = name
        self.prepare = prepare
    }

    /// The laws of targets over inputs that grow.
    private static let targets: [Growth] = GrowingInput.all.flatMap { input in
        input.targets.compactMap { FuzzTarget.named($0) }.map { target in
            Growth("\(target.name): \(input.name)") { size in
                let bytes = input.make(size)
                // Whether a law holds is for other tests.
                return { try? target.run(bytes) }
            }
        }
    }

    /// Decoders by themselves, without the other work that laws are.
    private static let decoders: [Growth] = GrowingInput.all.flatMap { input in
        input.targets.compactMap { decoder(of: $0) }.map { decoder in
            Growth("\(decoder.name) alone: \(input.name)") { size in
                let bytes = input.make(size)
                return { decoder.run(bytes) }
            }
        }
    }

    private static func decoder(of target: String) -> (name: String, run: @Sendable ([UInt8]) -> Void)? {
        switch target {
        case "dag-json": ("links of dag-json", { _ = try? links(of: block(.dagJSON, $0)) })
        case "dag-cbor": ("links of dag-cbor", { _ = try? links(of: block(.dagCBOR, $0)) })
        case "dag-pb": ("links of dag-pb", { _ = try? links(of: block(.dagPB, $0)) })
        case "carv1", "carv2": ("CAR verifier", { verify($0) })
        case "index": ("index reader", { _ = try? CARIndexReader($0) })
        default: nil
        }
    }

    private static func block(_ codec: Codec, _ bytes: [UInt8]) -> Block {
        Block(cid: CID.v1(codec, .sha256(of: [UInt8]())), bytes: bytes)
    }

    /// Reads an archive in pieces and finds all that is wrong with it.
    private static func verify(_ bytes: [UInt8]) {
        var limits = CARParser.Limits()
        limits.keepsIndex = true
        var parser = CARParser(verifiesBlocks: false, limits: limits)
        var verifier = CARVerifier()
        for start in stride(from: 0, to: bytes.count, by: 1 << 16) {
            parser.feed(bytes[start..<min(bytes.count, start + 1 << 16)])
            verifier.take(from: &parser)
        }
        _ = verifier.finish(parser)
    }
}

extension Growth {
    /// Work over many blocks.
    private static let walks: [Growth] =
        [
            Growth("CAR verifier: a chain of blocks, each a root, children first") { chain($0, isReversed: true) },
            Growth("CAR verifier: a chain of blocks, each a root, parents first") { chain($0, isReversed: false) },
            Growth("CAR verifier: one hash under many codecs, and many times") { size in
                let leaf = [UInt8]("leaf".utf8)
                let hash = Multihash.sha256(of: leaf)
                let cids = (0..<size / 100).map { CID.v1(Codec(rawValue: 0x300 + UInt64($0)), hash) }
                let root = try? Block(codec: .dagCBOR, bytes: Node.list(cids.map(Node.link)).cbor())
                let sections = [root].compactMap { $0 } + cids.map { _ in Block(codec: .raw, bytes: leaf) }
                let archive = GrowingInput.archive(sections, roots: sections.prefix(1).map(\.cid))
                return { verify(archive) }
            },
            Growth("directory: built, listed and searched") { size in
                let names = (0..<size / 64).map { [UInt8]("name \($0)".utf8) }
                return { directory(names, .disabled) }
            },
            Growth("sharded directory: built, listed and searched") { size in
                let names = (0..<size / 64).map { [UInt8]("name \($0)".utf8) }
                return { directory(names, .links) }
            },
            Growth("directory editor: entries put, copied and removed") { size in
                { edit(size / 400) }
            },
            Growth("file: many small leaves, read with a look ahead") { size in
                { file(size / 100) }
            },
            Growth("index: written and read") { size in
                { index(size / 40) }
            },
            Growth("path: many names") { size in
                let text = "bafkqaaa" + String(repeating: "/a", count: min(size, ContentPath.longestText) / 2 - 8)
                return { _ = (try? ContentPath(text))?.description }
            },
        ]
        + ["=a:", "=a:b@", "://a@", "?token=", "&sig=a", "bearer ", "signature=", "%41", "&#", "secret-1"].map { part in
            Growth("redactor: \(part)") { size in
                let redactor = Redactor()
                for secret in ["secret-1", "key"] { redactor.learn(secret) }
                let text = String(repeating: part, count: size / part.utf8.count)
                return { _ = (redactor.clean(text), redactor.clean(echo: text), Redactor.hasCredentials(text)) }
            }
        }

    /// Verifies blocks each of which links to the next one.
    private static func chain(_ size: Int, isReversed: Bool) -> @Sendable () -> Void {
        var blocks = [Block(codec: .raw, bytes: [0])]
        for _ in 0..<size / 200 {
            let next = blocks[blocks.count - 1].cid
            blocks.append(Block(codec: .dagCBOR, bytes: (try? Node.list([.link(next), .link(next)]).cbor()) ?? []))
        }
        let archive = GrowingInput.archive(isReversed ? blocks : blocks.reversed(), roots: blocks.map(\.cid))
        return { verify(archive) }
    }

    private static func directory(_ names: [[UInt8]], _ estimate: ImportProfile.Sharding.Estimate) {
        var profile = ImportProfile.unixfsV1_2025
        profile.sharding.estimate = estimate
        profile.sharding.threshold = 1000
        var builder = DirectoryBuilder(profile: profile)
        for name in names { try? builder.add(name: name, cid: rootCID, tsize: 1) }
        var blocks: [CID: Block] = [:]
        let entry = try? builder.build { (block) throws(DecodingProblem) in blocks[block.cid] = block }
        guard let root = entry.flatMap({ blocks[$0.cid] }), var walk = try? DirectoryWalk(root: root) else { return }
        while let step = try? walk.next() {
            guard case .need(let cid) = step, let block = blocks[cid] else { continue }
            try? walk.supply(block)
        }
    }

    private static func edit(_ count: Int) {
        let editor = try? DirectoryEditor(root: nil, profile: .unixfsV1_2025) { (cid) throws(DecodingProblem) in
            throw DecodingProblem(.missing, "There are no others.", cid: cid)
        }
        guard let editor else { return }
        for number in 0..<count {
            let name = [UInt8]("folder \(number)".utf8)
            try? editor.makeDirectory([name])
            try? editor.put([name, [0x61]], DAGEntry(cid: rootCID, tsize: 1))
            try? editor.copy([name], to: [name + [0x62]])
            try? editor.put([name + [0x62], [0x63]], DAGEntry(cid: rootCID, tsize: 1))
            if number.isMultiple(of: 2) { try? editor.remove([name]) }
        }
        _ = try? editor.finish()
    }

    private static func file(_ count: Int) {
        var profile = ImportProfile.unixfsV1_2025
        profile.maxFileLinks = count + 1
        profile.chunker = .size(1)
        var builder = FileBuilder(profile: profile)
        var blocks: [CID: Block] = [:]
        builder.append(content: (0..<count).map { UInt8(truncatingIfNeeded: $0) }) { blocks[$0.cid] = $0 }
        let root = builder.finish { blocks[$0.cid] = $0 }
        guard let block = blocks[root.cid], var walk = try? FileWalk(root: block) else { return }
        while let step = try? walk.next() {
            guard case .need(let cid) = step, let block = blocks[cid] else { continue }
            _ = walk.upcoming(8)
            try? walk.supply(block)
        }
    }

    private static func index(_ count: Int) {
        var index = CARIndex()
        let cids = (0..<count).map { CID.v1(.raw, .sha256(of: [UInt8]("\($0 % 1000)".utf8))) }
        for (number, cid) in cids.enumerated() { index.add(cid, offset: UInt64(number)) }
        for format in CARIndex.Format.allCases {
            let reader = try? CARIndexReader(index.encoded(format))
            for cid in cids.prefix(10) { _ = try? reader?.offsets(of: cid.hash) }
        }
    }
}
