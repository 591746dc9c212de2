internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Pins roots, and brings into the store what it lacks of them.
package struct PinAdd: ChangingOperation {
    package static let name = "pin add"
    package static let summary = "Pin roots that are whole in the store, or on a source that content is read from."
    package static let details = """
        What the store lacks is fetched from the other sources that `source` in config/main.yaml names, each block checked; \
        one that was stopped goes on where it stopped, and what was whole by then is pinned. Where the store is no source, \
        all of it is read at the sources, and stays there.
        Example: ipfs-kit pin add - < roots.txt
        """

    package var cids: [String] = []
    package var pinName = ""
    package var replicas: Int?
    package var metadata: [String] = []
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "cids",
            \.cids,
            help: "The roots to pin; - stands for the words on standard input.",
            as: .cid,
            required: true,
            positional: true
        ),
        Field("name", \.pinName, help: "The name of the pins."),
        Field("replicas", \.replicas, help: "On how many backends the pin is wanted; all where it is not given."),
        Field(
            "meta",
            \.metadata,
            help: "Metadata as key=value; may be given several times. What is not named stays.",
            whole: true
        ),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        try checkReplicas(replicas)
        try checkInputs(cids)
        let (roots, wrong) = try await readRoots(call)
        let text = try metadataText()
        let catalog = try kit.catalog()
        let sources = try await call.sources()
        let (wanted, isOne) = (roots, roots.count == 1 && wrong.isEmpty)
        return try await kitErrors {
            let store = try kit.store()
            call.progress.began("pin", items: wanted.count)
            defer { call.progress.ended() }
            return try await store.protecting {
                var output = Output(isDryRun: dryRun)
                output.failures = wrong
                let epoch = try await store.epoch()
                func pin(_ roots: [CID]) async throws {
                    guard !roots.isEmpty else { return }
                    guard !dryRun else { return output.roots += roots }
                    try await catalog.addPins(
                        roots.map {
                            Pin(cid: $0, name: pinName, metadata: text, replicas: replicas, createdAt: kit.now)
                        },
                        reason: "pin add",
                        store: sources.hasStore ? try await kit.storeState(lookedAtIn: epoch) : nil
                    )
                    output.roots += roots
                }
                // What took long to bring is pinned at once, and so is what is whole when this is stopped.
                var whole: [CID] = []
                for root in wanted {
                    do {
                        let fetched = output.fetched.blocks
                        try await bring(root, into: store, from: sources, call, &output)
                        whole.append(root)
                        if output.fetched.blocks > fetched || whole.count == Self.atOnce {
                            try await pin(whole)
                            whole = []
                        }
                    } catch {
                        let problem = KitError(any: error).about(root)
                        if isOne { throw problem }
                        if problem.code == .interrupted {
                            try? await pin(whole)
                            throw problem
                        }
                        output.failures.append(("\(root)", problem))
                    }
                    call.progress.items()
                }
                try await pin(whole)
                return output
            }
        }
    }

    /// The roots that are named, and what of standard input is no CID: it keeps no other from being pinned.
    private func readRoots(
        _ call: Call
    ) async throws(KitError) -> (roots: [CID], wrong: [(word: String, error: KitError)]) {
        var roots: [CID] = []
        var wrong: [(word: String, error: KitError)] = []
        for text in cids {
            guard text == "-" else {
                roots.append(try parseCID(text))
                continue
            }
            for (number, word) in try await Input("-", call, for: .archive).words().enumerated() {
                do throws(KitError) {
                    roots.append(try parseCID(word))
                } catch {
                    wrong.append(("Word \(number + 1) of standard input", error))
                }
            }
        }
        guard !roots.isEmpty || !wrong.isEmpty else {
            throw KitError(
                .usage,
                "Standard input names nothing to pin: it takes CIDs with space or new lines between them."
            )
        }
        return (roots, wrong)
    }

    /// So many roots that are whole are pinned in one transaction.
    private static let atOnce = 1024

    /// Makes sure that a root is whole where it is to be kept: known is not readable, so every block is read.
    private func bring(
        _ root: CID,
        into store: BlockStore,
        from sources: ContentSources,
        _ call: Call,
        _ output: inout Output
    ) async throws {
        let progress = call.progress
        guard sources.hasStore else { return try await sources.all.expectWhole(root, progress: progress) }
        let here = StoreSource(store)
        do throws(ReplicationError) {
            return try await here.expectWhole(root, progress: progress)
        } catch {
            guard error.isOfContent else { throw error }
            guard let others = sources.others else {
                let problem = KitError(error)
                let help = " Where a Kubo node has it, name that as a source in \(call.kit.home.mainConfiguration)."
                throw KitError(problem.code, problem.message + help, hint: problem.hint, cid: root)
            }
            guard !dryRun else { return output.toFetch.append(root) }
            let counts = try await StoreFetch(into: store, from: others, progress: progress).bring(root)
            output.fetched.blocks += counts.blocks
            output.fetched.bytes += counts.bytes
            output.fetched.givers.formUnion(counts.givers)
        }
        // All of it was read while it was brought.
        try await here.expectHere(root)
    }

    private func metadataText() throws(KitError) -> String {
        var members: [JSON.Member] = []
        for item in metadata {
            guard let equals = item.firstIndex(of: "="), equals != item.startIndex else {
                throw KitError(.usage, "--meta “\(item)” is not of the form key=value.")
            }
            let key = String(item[..<equals])
            guard !members.contains(where: { $0.name == key }) else {
                throw KitError(.usage, "--meta gives “\(key)” twice.")
            }
            members.append(JSON.Member(key, .string(String(item[item.index(after: equals)...]))))
        }
        return JSON.object(members).compact
    }

    /// The pinned roots.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        var roots: [CID] = []
        /// What is not whole in the store, and would be looked for elsewhere.
        var toFetch: [CID] = []
        /// What was brought into the store.
        var fetched = StoreFetch.Counts()
        /// What could not be pinned of several.
        var failures: [(word: String, error: KitError)] = []

        package var exitCode: ExitCode { .ofParts(failures.map(\.error.code), isPartDone: !roots.isEmpty) }
        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("pinned", "The roots that are pinned, or would be.") { $0.roots },
            OutputField("to_fetch", "Those that would be looked for elsewhere before.") { $0.toFetch },
            OutputField("fetched_blocks", "How many blocks were brought into the store.") { $0.fetched.blocks },
            OutputField("fetched_bytes", "How long these are.", in: .bytes) { $0.fetched.bytes },
            OutputField("fetched_from", "Where they came from.") { $0.fetched.givers.sorted() },
            .list(
                "failures",
                "What could not be pinned.",
                of: [
                    OutputField("cid", "The root; null where the word is none.") { try? CID($0.word) },
                    OutputField("word", "The word that was given.") { $0.word },
                    .error { $0.error },
                ]
            ) { $0.failures },
        ]
        package var report: Report {
            var parts: [Report.Part] = roots.map { root in
                guard isDryRun else { return .line("pinned \(root)") }
                let rest = toFetch.contains(root) ? ", if it is found elsewhere: the store has not all of it" : ""
                return .line("would pin \(root)\(rest)")
            }
            if fetched.blocks > 0 {
                let places = fetched.givers.sorted().joined(separator: ", ")
                parts.append(.line("fetched \(ByteCount(fetched.bytes)) in \(fetched.blocks) blocks from \(places)"))
            }
            return Report(parts, failures: failures.map { "\($0.word) was not pinned: \($0.error.message)" })
        }
        package var quietLines: [String]? { roots.map(\.description) }
    }
}

/// Throws `usage` for a number of replicas that nobody can make.
func checkReplicas(_ count: Int?) throws(KitError) {
    guard count ?? 0 >= 0 else { throw KitError(.usage, "--replicas is not negative.") }
}
