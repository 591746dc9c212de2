internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Pins roots that are in the store.
package struct PinAdd: Operation {
    package static let name = "pin add"
    package static let summary = "Pin roots that are in the store, whole."
    package static let changes = true

    package var cids: [String] = []
    package var pinName = ""
    package var replicas: Int?
    package var metadata: [String] = []

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "The roots to pin.", required: true, positional: true),
        Field("name", \.pinName, help: "The name of the pins."),
        Field("replicas", \.replicas, help: "On how many backends the pin is wanted; all where it is not given."),
        Field("meta", \.metadata, help: "Metadata as key=value; may be given several times. What is not named stays."),
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        try checkReplicas(replicas)
        var roots: [CID] = []
        for text in cids { roots.append(try parseCID(text)) }
        let text = try metadataText()
        let store = try kit.store()
        let catalog = try kit.catalog()
        return try await kitErrors {
            try await store.protecting {
                let epoch = try await store.epoch()
                for root in roots {
                    // Known is not readable: every block is read.
                    try await StoreSource(store).expectWhole(root, progress: kit.session.progress)
                }
                try await catalog.addPins(
                    roots.map {
                        Pin(cid: $0, name: pinName, metadata: text, replicas: replicas, createdAt: kit.now)
                    },
                    reason: "pin add",
                    store: try await kit.storeState(lookedAtIn: epoch)
                )
            }
            return Output(roots: roots)
        }
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
        let roots: [CID]

        package var json: JSON { ["pinned": .array(roots.map { .text($0) })] }
        package var report: Report { Report(roots.map { .line("pinned \($0)") }) }
        package var quietLines: [String]? { roots.map(\.description) }
    }
}

/// Throws `usage` for a number of replicas that nobody can make.
func checkReplicas(_ count: Int?) throws(KitError) {
    guard count ?? 0 >= 0 else { throw KitError(.usage, "--replicas is not negative.") }
}
