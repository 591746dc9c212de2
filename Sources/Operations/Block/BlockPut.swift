internal import BlockStore
internal import Catalog
internal import IPLD
internal import Multiformats
package import Schema

/// Stores bytes as blocks.
package struct BlockPut: ChangingOperation {
    package static let name = "block put"
    package static let summary = "Store bytes as blocks, just as they are."
    package static let details = """
        The bytes are not looked at: a codec only becomes part of the CID.
        Example: ipfs-kit block put --cid-codec dag-cbor node.cbor
        """

    package var files: [String] = []
    package var codec = Codec.raw.name
    package var hash = HashCode.sha256.name
    package var hashLength: Int?
    package var pin = false
    package var allowsBigBlocks = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "files",
            \.files,
            help: "Files, one block each; - is standard input.",
            as: .path,
            required: true,
            positional: true,
            whole: true
        ),
        Field("cid_codec", \.codec, help: "The codec of the CIDs.", aliases: ["format", "f"]),
        Field("mhtype", \.hash, help: "The hash function of the CIDs.", aliases: ["hash"]),
        Field("mhlen", \.hashLength, help: "The length of the digest in bytes; the usual one by default."),
        Field("pin", \.pin, help: "Pin the blocks, with everything below them."),
        Field("allow_big_block", \.allowsBigBlocks, help: "Take blocks above 2 MiB, which other programs may refuse."),
        .dryRun,
    ]

    /// The largest block that is taken, in bytes: what other programs are sure to take, or what an archive may hold.
    static func limit(_ allowsBigBlocks: Bool) -> Int { allowsBigBlocks ? Block.longest : 2 << 20 }

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        try checkInputs(files)
        let codec = try codecNamed(codec)
        let hash = try hashNamed(hash)
        var blocks: [Block] = []
        for file in files {
            let bytes = try await Input(file, call, for: .content).readAll(limit: Self.limit(allowsBigBlocks))
            blocks.append(Block(cid: try cid(of: bytes, codec, hash), bytes: bytes))
        }
        try await kit.keep(blocks, pinning: pin ? blocks.map(\.cid) : [], isDryRun: dryRun)
        return Output(isDryRun: dryRun, blocks: blocks.map { ($0.cid, $0.bytes.count) })
    }

    private func cid(of bytes: [UInt8], _ codec: Codec, _ hash: HashCode) throws(KitError) -> CID {
        do throws(FormatProblem) {
            let hash = try Multihash(hash, of: bytes.span, length: hashLength)
            try hash.checkAllowed()
            return CID.v1(codec, hash)
        } catch {
            throw KitError(error.code == .tooLong ? .limit : .usage, error.message)
        }
    }

    /// The blocks that are in the store now.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let blocks: [(cid: CID, size: Int)]

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            .list(
                "blocks",
                "The blocks, in the order of the files.",
                of: [
                    OutputField("cid", "The CID of the block.") { $0.cid },
                    OutputField("size_bytes", "Its length.", in: .bytes) { $0.size },
                ]
            ) { $0.blocks },
        ]
        package var report: Report {
            Report(blocks.map { .line((isDryRun ? "would store " : "") + $0.cid.description) })
        }
        package var quietLines: [String]? { blocks.map(\.cid.description) }
    }
}

/// The codec of that name.
func codecNamed(_ name: String) throws(KitError) -> Codec {
    let known = ["protobuf": "dag-pb", "cbor": "dag-cbor"][name] ?? name
    guard let codec = Codec(name: known) else {
        throw KitError(.usage, "There is no codec “\(name)”; raw, dag-pb, dag-cbor and dag-json are the usual ones.")
    }
    return codec
}

/// The hash function of that name.
func hashNamed(_ name: String) throws(KitError) -> HashCode {
    guard let hash = HashCode(name: name) else {
        throw KitError(.usage, "There is no hash function “\(name)”; sha2-256, sha2-512 and blake3 are usual ones.")
    }
    return hash
}

extension Kit {
    /// Throws where one of the roots would not be whole in the store with these blocks.
    private func expectWhole(_ blocks: [Block], pinning roots: [CID], in store: BlockStore) async throws {
        let (pinned, made) = (Set(roots), Set(blocks.map(\.cid.hash)))
        for block in blocks where pinned.contains(block.cid) {
            let links = try IPLD.links(of: block).filter { !made.contains($0.hash) }
            for flaw in try await RootCheck.flaws(of: links, in: store, seen: SeenBlocks()) {
                if let flaw { throw flaw }
            }
        }
    }

    /// Stores blocks and pins roots among them, which must be whole.
    func keep(_ blocks: [Block], pinning roots: [CID], isDryRun: Bool) async throws(KitError) {
        let store = try store()
        let catalog = try catalog()
        guard !isDryRun else { return try await kitErrors { try await expectWhole(blocks, pinning: roots, in: store) } }
        try await kitErrors {
            try await store.protecting {
                let epoch = try await store.epoch()
                let seen = try await store.ingest {
                    try await $0.write(blocks)
                    return $0.seen
                }
                guard !roots.isEmpty else { return }
                for flaw in try await RootCheck.flaws(of: roots, in: store, seen: seen) { if let flaw { throw flaw } }
                try await catalog.addPins(
                    roots.map { Pin(cid: $0, createdAt: now) },
                    reason: "put",
                    store: try await storeState(lookedAtIn: epoch)
                )
            }
        }
    }
}
