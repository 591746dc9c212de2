internal import Catalog
internal import IPLD
internal import Multiformats
internal import Replication
package import Schema
internal import Services
internal import Storage

/// Takes over the pins of a Kubo node.
package struct PinImport: ChangingOperation {
    package static let name = "pin import"
    package static let summary =
        "Take over the recursive pins of the Kubo node that content is read from, with their names."
    package static let details = """
        The node is the one that `source` in config/main.yaml names. What it pins is pinned here; the content stays there, \
        and `sync` packs it from there. A pin that is here keeps its name, one that this home unpinned stays so, and one that \
        the node has no more is told of, and stays. With --follow it goes on until it is stopped.
        Example: ipfs-kit pin import --from-node --follow
        """
    package static var items: [any OperationOutput.Type] { [PinChange.self] }

    package var fromNode = false
    package var follow = false
    package var interval: Int?
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("from_node", \.fromNode, help: "Ask the Kubo node that content is read from.", required: true),
        Field("follow", \.follow, help: "Go on, and take over what the node pins later."),
        Field("interval", \.interval, help: "With --follow, the seconds between two looks; 30 if left out.", least: 1),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        guard fromNode else { throw KitError(.usage, "The pins of a node are imported with --from-node.") }
        guard (1...86_400).contains(interval ?? 1) else {
            throw KitError(.usage, "--interval is a number of seconds, from 1 to 86400.")
        }
        guard !follow || !dryRun else {
            throw KitError(.usage, "--dry-run says what one look would take over, so it does not go with --follow.")
        }
        guard follow || interval == nil else { throw KitError(.usage, "--interval means nothing without --follow.") }
        let catalog = try kit.catalog()
        guard let (file, line) = try kit.sourceNode() else {
            throw KitError(
                .refused,
                "Content is not read from a Kubo node, so what one pins could not be packed: name it in "
                    + "\(kit.home.mainConfiguration), such as `source: [store, kubo]`."
            )
        }
        do {
            return try await take(from: try await kit.node(of: file), call, catalog)
        } catch {
            // Of a node that is no backend no command tells more.
            let problem = KitError(any: error)
            guard !BackendFile.isName(file.name), (error as? KitError)?.backend != nil || error is StorageError else {
                throw problem
            }
            let place = " The node is that of \(kit.home.mainConfiguration):\(line)."
            throw KitError(problem.code, problem.message + place)
        }
    }

    private func take(from node: KuboNode, _ call: Call, _ catalog: Catalog) async throws -> Output {
        let identity = try await node.identity()
        var look = Look(call: call, catalog: catalog, node: node, identity: identity, isDryRun: dryRun)
        var output = Output(node: identity, isDryRun: dryRun)
        try await look.take(&output)
        var isSilent = false
        while follow {
            do {
                try await call.kit.timing.sleep(.seconds(interval ?? 30))
                try await look.take(&output)
                isSilent = false
            } catch {
                let problem = KitError(any: error)
                // What was taken over is told when it is stopped.
                if problem.code == .interrupted || Task.isCancelled { break }
                guard problem.code == .temporary else { throw error }
                if !isSilent {
                    call.notice("The node did not list its pins, and is asked again. \(problem.message)")
                }
                isSilent = true
            }
        }
        return output
    }

    /// What was taken over.
    package struct Output: OperationOutput {
        let node: String
        let isDryRun: Bool
        var takenOver = 0
        /// As the last look saw it.
        var known = 0
        var vanished = 0
        /// Pins of the node that were unpinned here.
        var unpinned: [CID] = []
        /// Pins of the node that cannot be ours: of very many the first.
        var leftOut: [String] = []
        /// How many there are.
        var leftOutCount = 0
        /// What was not taken over as it is on the node.
        var warnings: [String] = []

        init(node: String, isDryRun: Bool) { (self.node, self.isDryRun) = (node, isDryRun) }

        package var exitCode: ExitCode { leftOut.isEmpty ? .ok : .partlyFailed }
        package static let outputFields: [OutputField<Self>] = [
            OutputField("type", "What this line is.", as: .choice(["summary"])) { _ in "summary" },
            OutputField("node", "The node.") { $0.node },
            .dryRun { $0.isDryRun },
            OutputField("taken_over", "How many pins were taken over.") { $0.takenOver },
            OutputField("already_here", "How many were here already.") { $0.known },
            OutputField("vanished", "How many that came from the node are there no longer.") { $0.vanished },
            OutputField("unpinned_here", "What is pinned there, and was unpinned here.") { $0.unpinned },
            OutputField("not_taken", "The first of what was not taken over.") { $0.leftOut },
            OutputField("left_out_count", "How many were not.") { $0.leftOutCount },
            .warnings { $0.warnings },
        ]
        package var report: Report {
            let verb = isDryRun ? "would be taken over" : "taken over"
            let named = leftOut.prefix(10)
            var failures = named.map { "“\($0)” is pinned on the node, and no CID of content that can be kept here." }
            if leftOutCount > named.count { failures.append("So are \(leftOutCount - named.count) more.") }
            let stays = unpinned.prefix(10).map {
                "\($0) is pinned on the node and was unpinned here, and stays so: `ipfs-kit pin add \($0)` pins it again."
            }
            return Report(
                [
                    .line(
                        "\(takenOver) \(verb), \(known) already here, \(unpinned.count) unpinned here, "
                            + "\(vanished) vanished from the node"
                    )
                ],
                warnings: stays + warnings,
                failures: failures
            )
        }
    }
}

/// One change between two looks at a node.
private struct PinChange: OperationOutput {
    enum Kind: String { case takenOver = "taken over", vanished, back }

    let kind: Kind
    let cid: CID
    let name: String

    static let outputFields: [OutputField<Self>] = [
        OutputField("type", "What happened.", as: .choice(["taken_over", "vanished", "back"])) {
            $0.kind == .takenOver ? "taken_over" : $0.kind.rawValue
        },
        OutputField("cid", "The root.") { $0.cid },
        OutputField("name", "The name of the pin.") { $0.name },
    ]
    var report: Report { Report("\(kind.rawValue) \(cid)\(name.isEmpty ? "" : " " + name)") }
    var quietLines: [String]? { kind == .takenOver ? [cid.description] : [] }
}

/// Looks at what a node pins, again and again.
private struct Look {
    let call: Call
    let catalog: Catalog
    let node: KuboNode
    /// The peer ID of the node, which stands in the metadata of what was taken over from it.
    let identity: String
    let isDryRun: Bool
    /// What this run saw on the node once.
    private var seen: Set<CID> = []
    private var vanished: Set<CID> = []

    init(call: Call, catalog: Catalog, node: KuboNode, identity: String, isDryRun: Bool) {
        (self.call, self.catalog, self.node) = (call, catalog, node)
        (self.identity, self.isDryRun) = (identity, isDryRun)
    }

    private static let mark = "from_node"
    /// Longer names are not taken over.
    private static let longestName = 4096
    /// So many pins that cannot be ours are named, each by so many letters: a node may list anything.
    private static let (maxNamed, longestNamed) = (1000, 256)

    /// Reads the list of the node once, and takes over what is new in it.
    ///
    /// What is missing in a list says something only where the list came to its end.
    mutating func take(_ output: inout PinImport.Output) async throws {
        try await expectNode()
        // The names of those here; and those of them that came from this node, or were seen there.
        var here: [CID: String] = [:]
        var missing: Set<CID> = []
        for pin in try await catalog.pins() {
            here[pin.cid] = pin.name
            if seen.contains(pin.cid) || isTaken(pin) { missing.insert(pin.cid) }
        }
        // What is here only as long as somebody else asks for it stays here from now on.
        let requested = try await catalog.requestedOnly()
        let given = try await catalog.unpinned()
        var known = 0
        var unpinned: [CID] = []
        var leftOut: [String] = []
        var leftOutCount = 0
        var listed: Set<CID> = []
        for try await page in node.pins(withNames: true) {
            var fresh: [Pin] = []
            var asked: [Pin] = []
            var long: [CID: Int] = [:]
            for found in page {
                guard let cid = found.cid, cid.codec.hasKnownLinks, (try? cid.checkLimits(length: 0)) != nil else {
                    leftOutCount += 1
                    if leftOut.count < Self.maxNamed { leftOut.append(String(found.text.prefix(Self.longestNamed))) }
                    continue
                }
                guard listed.insert(cid).inserted else { continue }
                missing.remove(cid)
                if here[cid] == nil, given[cid] != nil {
                    unpinned.append(cid)
                } else if here[cid] == nil {
                    let length = found.name.utf8.count
                    if length > Self.longestName { long[cid] = length }
                    fresh.append(pin(cid, length > Self.longestName ? "" : found.name))
                } else {
                    known += 1
                    if requested.contains(cid), !isDryRun { asked.append(pin(cid, "")) }
                    if vanished.remove(cid) != nil { await tell(.back, cid, here[cid] ?? "") }
                }
            }
            if !asked.isEmpty { try await catalog.addPins(asked, reason: "pin import", onlyNew: true) }
            let added = try await add(fresh)
            output.takenOver += added.count
            // Somebody else pinned the others meanwhile.
            known += fresh.count - added.count
            for cid in added.map(\.cid) {
                guard let length = long.removeValue(forKey: cid) else { continue }
                output.warnings.append(
                    "The name of \(cid) on the node has \(length) bytes, of which at most \(Self.longestName) are taken over: "
                        + "it has no name here."
                )
            }
        }
        // Nobody looked at the pins of a node that is not there.
        if !missing.isEmpty { try await expectNode() }
        seen.formUnion(listed)
        for cid in missing.sorted() where vanished.insert(cid).inserted { await tell(.vanished, cid, here[cid] ?? "") }
        // What is unpinned here is nobody's affair any more.
        vanished.formIntersection(here.keys)
        (output.known, output.vanished) = (known, vanished.count)
        (output.leftOut, output.leftOutCount) = (leftOut, leftOutCount)
        output.unpinned = unpinned
    }

    /// Throws where another node has taken the place of this one.
    private func expectNode() async throws {
        let now = try await node.identityNow()
        guard now != identity else { return }
        throw KitError(
            .refused,
            "Another node answers where \(identity) was: \(now). What each of them pins is taken over by itself.",
            hint: Hint(PinImport.self, ["from_node": "true"])
        )
    }

    /// Pins what nobody pinned since this look began; those.
    private func add(_ pins: [Pin]) async throws -> [Pin] {
        guard !pins.isEmpty else { return [] }
        var added = pins
        if !isDryRun {
            let new = Set(try await catalog.addPins(pins, reason: "pin import", onlyNew: true))
            added = pins.filter { new.contains($0.cid) }
        }
        for pin in added { await tell(.takenOver, pin.cid, pin.name) }
        return added
    }

    private func pin(_ cid: CID, _ name: String) -> Pin {
        let metadata: JSON = .object([JSON.Member(Self.mark, .string(identity))])
        return Pin(cid: cid, name: name, metadata: metadata.compact, createdAt: call.kit.now)
    }

    private func isTaken(_ pin: Pin) -> Bool {
        // Most pins have no metadata.
        guard pin.metadata.contains(Self.mark), let value = try? JSON(reading: Array(pin.metadata.utf8)) else {
            return false
        }
        return value[Self.mark]?.string == identity
    }

    private func tell(_ kind: PinChange.Kind, _ cid: CID, _ name: String) async {
        await call.emit(PinChange(kind: kind, cid: cid, name: name))
    }
}
