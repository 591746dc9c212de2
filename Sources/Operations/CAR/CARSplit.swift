internal import IPLD
internal import Multiformats
package import Schema
internal import Storage

/// Splits an archive into shards.
package struct CARSplit: ChangingOperation {
    package static let name = "car split"
    package static let summary = "Split a CAR into CARs of a size that a service takes, each block checked."
    package static let details = """
        Every shard is an archive of its own. The first names the roots, the others the empty CID bafkqaaa; “car join” \
        makes the original of them. Nothing appears where the archive is damaged.
        Example: ipfs-kit car split photos.car --size 100MB
        """

    package var file = ""
    package var size = ByteCount(100_000_000)
    package var output: String?
    package var form = ArchiveForm()
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] =
        [
            .archive(\.file),
            Field("size", \.size, help: "The most bytes of a shard, such as 100MB or 1GiB."),
            Field(
                "output",
                \.output,
                help:
                    "What the names of the shards begin with: PREFIX-00001.car; by default the name of the file (-o).",
                as: .path,
                aliases: ["o"]
            ),
            .dryRun,
        ] + ArchiveForm.fields.map { $0.of(\Self.form) }

    package func run(in call: Call) async throws(KitError) -> Output {
        guard file != "-" || output != nil else {
            throw KitError(.usage, "Standard input has no name that shards could take; --output gives one.")
        }
        guard output != "-" else {
            throw KitError(
                .usage,
                "Shards are files, which standard output cannot be; --output is what their names begin with."
            )
        }
        return try await kitErrors {
            let input = try await Input(file, call, for: .archive)
            call.progress.began("split", bytes: input.length)
            defer { call.progress.ended() }
            let prefix = output ?? String(file.hasSuffix(".car") ? file.dropLast(4) : file[...])
            var shards = ShardFiles(prefix: prefix, call: call)
            var roots: [CID] = []
            var unverifiable = 0
            do {
                var sharding: CARSharding?
                unverifiable = try await form.scan(input).read(call.progress) { header in
                    roots = header.roots
                    let begun = try limited { () throws(DecodingProblem) in
                        try CARSharding(header, limit: size.bytes)
                    }
                    sharding = begun
                    try await shards.begin(begun.beginning)
                } sections: { sections in
                    guard var current = sharding.take() else { return }
                    try await shards.append(sections, &current)
                    sharding = current
                }
                try await shards.appear()
            } catch {
                shards.discard()
                throw error
            }
            return Output(
                isDryRun: dryRun,
                roots: roots,
                blocks: shards.blocks.reduce(0, +),
                unverifiable: unverifiable,
                shards: zip(shards.whole, shards.blocks).map { ($0.path ?? "", $0.length, $1) }
            )
        }
    }

    /// The shards that were written.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let roots: [CID]
        let blocks: Int
        let unverifiable: Int
        let shards: [(path: String, bytes: UInt64, blocks: Int)]

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("roots", "The roots of the archive.") { $0.roots },
            OutputField("blocks", "How many blocks were written.") { $0.blocks },
            OutputField("unverifiable", "How many blocks have hashes that cannot be computed here.") {
                $0.unverifiable
            },
            .list(
                "shards",
                "The files that were written.",
                of: [
                    OutputField("path", "The file.", as: .path) { $0.path },
                    OutputField("size_bytes", "Its length.", in: .bytes) { $0.bytes },
                    OutputField("blocks", "How many blocks it has.") { $0.blocks },
                ]
            ) { $0.shards },
        ]
        package var report: Report {
            let rows = shards.map { [$0.path, "\($0.blocks)", "\(ByteCount($0.bytes))"] }
            return Report(
                (isDryRun ? [.line("Would write:")] : [])
                    + [
                        .table(
                            [.init("SHARD"), .init("BLOCKS", number: true), .init("SIZE", number: true)],
                            rows: rows
                        )
                    ],
                warnings: ArchiveOutput.warnings(unverifiable)
            )
        }
        package var quietLines: [String]? { shards.map(\.path) }
    }
}

/// Runs `body`, whose only problem is that something does not fit the size that was asked for.
private func limited<Value>(_ body: () throws(DecodingProblem) -> Value) throws(KitError) -> Value {
    do throws(DecodingProblem) {
        return try body()
    } catch {
        throw KitError(.limit, error.message, cid: error.cid)
    }
}

/// The files of shards: one that is being written, and those that are whole and appear when all of them are.
private struct ShardFiles {
    let prefix: String
    let call: Call
    private(set) var whole: [NewFile.Whole] = []
    /// The number of blocks in each shard.
    private(set) var blocks: [Int] = []
    private var current: NewFile?

    init(prefix: String, call: Call) { (self.prefix, self.call) = (prefix, call) }

    /// Begins the next shard.
    mutating func begin(_ bytes: [UInt8]) async throws {
        try await close()
        let digits = String(whole.count + 1)
        // Leading zeros, so that a shell lists the shards in their order.
        let number = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        let file = try await NewFile("\(prefix)-\(number).car", call)
        current = file
        blocks.append(0)
        try await file.append([bytes[...]])
    }

    mutating func append(_ sections: [CARSection], _ sharding: inout CARSharding) async throws {
        var pieces: [ArraySlice<UInt8>] = []
        for section in sections {
            let place = try limited { () throws(DecodingProblem) in
                try sharding.place(section.cid, length: section.bytes.count)
            }
            if place.shard == blocks.count {
                try await current?.append(pieces)
                pieces = []
                try await begin(place.bytes)
            } else {
                pieces.append(place.bytes[...])
            }
            pieces.append(section.bytes)
            blocks[place.shard] += 1
        }
        try await current?.append(pieces)
    }

    mutating func appear() async throws {
        try await close()
        for file in whole { try file.checkAbsence() }
        for (number, file) in whole.enumerated() {
            do throws(KitError) {
                try await file.appear()
            } catch {
                // One of which it is not known whether it stays there is there, too.
                let others = error.code == .refused ? 0 : whole[number].isSeen ? 1 : 0
                let message = "\(error.message) Of \(whole.count) shards, \(number + others) were made."
                throw error.saying(message)
            }
        }
    }

    func discard() {
        current?.discard()
        for file in whole { file.discard() }
    }

    private mutating func close() async throws {
        guard let file = current else { return }
        whole.append(try await file.finish())
        current = nil
    }
}
