internal import IPLD
internal import Multiformats
package import Schema

/// Stores values as blocks.
package struct DAGPut: ChangingOperation {
    package static let name = "dag put"
    package static let summary = "Store values as blocks: dag-cbor out of dag-json unless told otherwise."
    package static let details = """
        The value is read in one codec and written in another, in its canonical form.
        Example: ipfs-kit dag put --store-codec dag-cbor value.json
        """

    package var files: [String] = []
    package var storeCodec = Codec.dagCBOR.name
    package var inputCodec = Codec.dagJSON.name
    package var hash = HashCode.sha256.name
    package var pin = false
    package var allowsBigBlocks = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "files",
            \.files,
            help: "Files, one value each; - is standard input.",
            as: .path,
            required: true,
            positional: true,
            whole: true
        ),
        Field("store_codec", \.storeCodec, help: "The codec of the blocks."),
        Field("input_codec", \.inputCodec, help: "The codec of the files."),
        Field("hash", \.hash, help: "The hash function of the CIDs."),
        Field("pin", \.pin, help: "Pin the blocks, with everything below them."),
        Field("allow_big_block", \.allowsBigBlocks, help: "Take blocks above 2 MiB, which other programs may refuse."),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> BlockPut.Output {
        let kit = call.kit
        try checkInputs(files)
        let (store, input) = (try codecNamed(storeCodec), try codecNamed(inputCodec))
        let hash = try hashNamed(hash)
        var blocks: [Block] = []
        for file in files {
            let bytes = try await Input(file, call, for: .content).readAll(limit: BlockPut.limit(allowsBigBlocks))
            blocks.append(try await kitErrors { try Self.block(bytes, input, store, hash) })
        }
        for block in blocks where block.bytes.count > BlockPut.limit(allowsBigBlocks) {
            throw KitError(.limit, "The block \(block.cid) would have \(block.bytes.count) bytes.", cid: block.cid)
        }
        try await kit.keep(blocks, pinning: pin ? blocks.map(\.cid) : [], isDryRun: dryRun)
        return BlockPut.Output(isDryRun: dryRun, blocks: blocks.map { ($0.cid, $0.bytes.count) })
    }

    private static func block(_ bytes: [UInt8], _ input: Codec, _ store: Codec, _ hash: HashCode) throws -> Block {
        let stored = try recoded(bytes, from: input, to: store)
        let format: CIDFormat
        do throws(FormatProblem) { format = try CIDFormat(version: .v1, hash: hash) } catch {
            throw KitError(.usage, error.message)
        }
        guard hash != .identity || stored.count <= Multihash.longestDigest else {
            throw KitError(
                .limit,
                "The value has \(stored.count) bytes; a CID holds \(Multihash.longestDigest) of them at most."
            )
        }
        return Block(codec: store, format: format, bytes: stored)
    }
}
