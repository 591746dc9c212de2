internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Services
internal import Storage

/// Takes over the pins of a Kubo node.
package struct PinImport: Operation {
    package static let name = "pin import"
    package static let summary =
        "Take over the recursive pins of the Kubo node that content is read from, with their names."
    package static let details = """
        The node is the one that `source` in config/main.yaml names. What it pins is pinned here; the content stays there,
        and `sync` packs it from there. A pin that is here keeps its name, and one that the node has no more is told of, and
        stays. With --follow it goes on until it is stopped.
        Example: ipfs-kit pin import --from-node --follow
        """
    package static let changes = true

    package var fromNode = false
    package var follow = false
    package var interval = 30
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("from_node", \.fromNode, help: "Ask the Kubo node that content is read from.", required: true),
        Field("follow", \.follow, help: "Go on, and take over what the node pins later."),
        Field("interval", \.interval, help: "With --follow, how many seconds to wait between two looks.", least: 1),
        Field("dry_run", \.dryRun, help: "Say what would be taken over, and change nothing."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        guard fromNode else { throw KitError(.usage, "The pins of a node are imported with --from-node.") }
        guard interval >= 1, interval <= 86_400 else {
            throw KitError(.usage, "--interval is a number of seconds, from 1 to 86400.")
        }
        let catalog = try kit.catalog()
        guard let file = try kit.sourceNode()?.file else {
            throw KitError(
                .refused,
                "Content is not read from a Kubo node, so what one pins could not be packed: name it in "
                    + "\(kit.home.mainConfiguration), such as `source: [store, kubo]`."
            )
        }
        let node = try await kit.node(of: file)
        return try await kitErrors {
            let identity = try await node.identity()
            var look = Look(kit: kit, catalog: catalog, node: node, identity: identity, isDryRun: dryRun)
            var output = Output(node: identity, isDryRun: dryRun)
            try await look.take(&output)
            var isSilent = false
            while follow {
                do {
                    try await kit.session.timing.sleep(.seconds(interval))
                    try await look.take(&output)
                    isSilent = false
                } catch {
                    let problem = KitError(any: error)
                    // What was taken over is told when it is stopped.
                    if problem.code == .interrupted || Task.isCancelled { break }
                    guard problem.code == .temporary else { throw problem }
                    if !isSilent {
                        kit.session.notice("The node does not answer; it is asked again. \(problem.message)")
                    }
                    isSilent = true
                }
            }
            return output
        }
    }

    /// What was taken over.
    package struct Output: OperationOutput {
        let node: String
        let isDryRun: Bool
        var takenOver = 0
        /// As the last look saw it.
        var known = 0
        var vanished = 0
        /// Pins of the node that cannot be ours.
        var leftOut: [String] = []

        init(node: String, isDryRun: Bool) { (self.node, self.isDryRun) = (node, isDryRun) }

        package var exitCode: ExitCode { leftOut.isEmpty ? .ok : .partlyFailed }
        package var json: JSON {
            [
                "type": "summary", "node": .string(node), "dry_run": .bool(isDryRun), "taken_over": .count(takenOver),
                "already_here": .count(known), "vanished": .count(vanished),
                "left_out": .array(leftOut.map { .string($0) }),
            ]
        }
        package var report: Report {
            let verb = isDryRun ? "would be taken over" : "taken over"
            let failures = leftOut.prefix(10).map { "“\($0)” is pinned on the node, and no CID that can be kept here." }
            return Report(
                [.line("\(takenOver) \(verb), \(known) already here, \(vanished) vanished from the node")],
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

    var json: JSON {
        ["type": .string(kind == .takenOver ? "taken_over" : kind.rawValue), "cid": .text(cid), "name": .string(name)]
    }
    var report: Report { Report("\(kind.rawValue) \(cid)\(name.isEmpty ? "" : " " + name)") }
    var quietLines: [String]? { kind == .takenOver ? [cid.description] : [] }
}

/// Looks at what a node pins, again and again.
private struct Look {
    let kit: Kit
    let catalog: Catalog
    let node: KuboNode
    /// The peer ID of the node, which stands in the metadata of what was taken over from it.
    let identity: String
    let isDryRun: Bool
    /// What this run saw on the node once.
    private var seen: Set<CID> = []
    private var vanished: Set<CID> = []

    init(kit: Kit, catalog: Catalog, node: KuboNode, identity: String, isDryRun: Bool) {
        (self.kit, self.catalog, self.node) = (kit, catalog, node)
        (self.identity, self.isDryRun) = (identity, isDryRun)
    }

    private static let mark = "from_node"
    /// Longer names are no names.
    private static let longestName = 4096

    /// Reads the list of the node once, and takes over what is new in it.
    ///
    /// What is missing in a list says something only where the list came to its end.
    mutating func take(_ output: inout PinImport.Output) async throws {
        // The names of those here; and those of them that came from this node, or were seen there.
        var here: [CID: String] = [:]
        var missing: Set<CID> = []
        for pin in try await catalog.pins() {
            here[pin.cid] = pin.name
            if seen.contains(pin.cid) || isTaken(pin) { missing.insert(pin.cid) }
        }
        var known = 0
        var leftOut: [String] = []
        var listed: Set<CID> = []
        for try await page in node.pins(withNames: true) {
            var fresh: [Pin] = []
            for found in page {
                guard let cid = found.cid else {
                    leftOut.append(found.text)
                    continue
                }
                guard listed.insert(cid).inserted else { continue }
                missing.remove(cid)
                if here[cid] == nil {
                    fresh.append(pin(cid, found.name))
                } else {
                    known += 1
                    if vanished.remove(cid) != nil { tell(.back, cid, here[cid] ?? "") }
                }
            }
            try await add(fresh)
            output.takenOver += fresh.count
        }
        seen.formUnion(listed)
        for cid in missing.sorted() where vanished.insert(cid).inserted { tell(.vanished, cid, here[cid] ?? "") }
        // What is unpinned here is nobody's affair any more.
        vanished.formIntersection(here.keys)
        (output.known, output.vanished, output.leftOut) = (known, vanished.count, leftOut)
    }

    private func add(_ pins: [Pin]) async throws {
        guard !pins.isEmpty else { return }
        if !isDryRun { try await catalog.addPins(pins, reason: "pin import", areNamesDefaults: true) }
        for pin in pins { tell(.takenOver, pin.cid, pin.name) }
    }

    private func pin(_ cid: CID, _ name: String) -> Pin {
        let isName = name.utf8.count <= Self.longestName
        let metadata: JSON = .object([JSON.Member(Self.mark, .string(identity))])
        return Pin(cid: cid, name: isName ? name : "", metadata: metadata.compact, createdAt: kit.now)
    }

    private func isTaken(_ pin: Pin) -> Bool {
        // Most pins have no metadata.
        guard pin.metadata.contains(Self.mark), let value = try? JSON(reading: Array(pin.metadata.utf8)) else {
            return false
        }
        return value[Self.mark]?.string == identity
    }

    private func tell(_ kind: PinChange.Kind, _ cid: CID, _ name: String) {
        kit.session.emit(PinChange(kind: kind, cid: cid, name: name))
    }
}
