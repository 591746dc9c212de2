internal import BlockStore
package import Catalog
internal import Multiformats
internal import Replication
package import Schema

/// Shows one pin and where it is.
package struct PinShow: Operation {
    package static let name = "pin show"
    package static let summary =
        "Show a pin: its name, its size in the store, who asked for it, and where its replicas are."
    package static let details = FreshLook.details

    package var cid = ""
    package var fresh = false
    package var isLogged: Bool { fresh }

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "The pinned root.", as: .cid, required: true, positional: true), .fresh(\.fresh),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let root = try parseCID(cid)
        let catalog = try kit.catalog()
        let store = try kit.store()
        try await kit.meetBackends()
        let look = fresh ? try await kit.lookAnew(for: [root]) : FreshLook()
        let pin: Pin?
        let mappings: [Mapping]
        let reasons: Reasons
        do throws(CatalogError) {
            pin = try await catalog.pin(root)
            mappings = try await catalog.mappings(of: [root])
            var filter = RequestFilter()
            filter.cids = [root]
            let (requests, count) = try await catalog.requests(filter)
            let isOwned = try await catalog.isOwned(root) ?? false
            reasons = Reasons(isOwned: isOwned, requests: requests, count: count)
        } catch {
            throw KitError(error)
        }
        guard let pin else {
            throw KitError(.notFound, "\(root) is not pinned.", hint: Hint(PinList.self), cid: root)
        }
        let sources = try kit.sourceNames()
        let content = await Self.look(root, store)
        return Output(pin: pin, reasons: reasons, mappings: mappings, look: look, content: content, sources: sources)
    }

    private static func look(_ root: CID, _ store: BlockStore) async -> Content {
        do throws(ReplicationError) {
            let layout = try await StoreSource(store).pack(root).layout
            return .whole(blocks: layout.blockCount, bytes: layout.blockBytes)
        } catch {
            return .broken("\(error)")
        }
    }

    /// Why a root is pinned.
    struct Reasons: Sendable {
        /// Whether it stays pinned without any request.
        let isOwned: Bool
        /// The newest of them.
        let requests: [PinRequest]
        /// How many there are.
        let count: Int

        fileprivate var text: String {
            let owner = isOwned ? ["its owner"] : []
            return (owner + (count == 0 ? [] : ["\(count) request\(count == 1 ? "" : "s")"])).joined(separator: ", ")
        }
    }

    /// What of a pin is in the store.
    enum Content: Sendable {
        case whole(blocks: Int, bytes: UInt64)
        case broken(String)
    }

    /// A pin.
    package struct Output: OperationOutput {
        let pin: Pin
        let reasons: Reasons
        let mappings: [Mapping]
        /// What backends said just now, where they were asked.
        let look: FreshLook
        let content: Content
        let sources: [String]

        package var exitCode: ExitCode { look.exitCode }

        private var size: (blocks: UInt64, bytes: UInt64)? {
            if case .whole(let blocks, let bytes) = content { (UInt64(blocks), UInt64(bytes)) } else { nil }
        }
        private var problem: String? { if case .broken(let problem) = content { problem } else { nil } }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("pin", "The pin.") { $0.pin },
            OutputField("kept_by_owner", "Whether the owner keeps it, and not only a request.") { $0.reasons.isOwned },
            OutputField("request_count", "How many pin requests keep it.") { $0.reasons.count },
            OutputField("requests", "The first of these.") { $0.reasons.requests },
            OutputField("whole", "Whether every block is in the store.") { $0.size != nil },
            OutputField("blocks", "How many blocks it has; null where that is not known.") { $0.size?.blocks },
            OutputField("size_bytes", "The lengths of all blocks; null where that is not known.", in: .bytes) {
                $0.size?.bytes
            },
            OutputField("problem", "Why it is not whole.") { $0.problem },
            OutputField("sources", "Where content is read from.") { $0.sources },
            OutputField("replicas", "Where it is, and how that is known.") { $0.mappings },
            .asked { $0.look },
            .warnings { $0.look.warnings },
        ]
        package var report: Report {
            var facts: [Report.Fact] = [
                .init("cid", pin.cid.description), .init("name", pin.name.isEmpty ? "-" : pin.name),
                .init("created", pin.createdAt.description), .init("metadata", pin.metadata),
                .init("wanted", pin.replicas.map { "\($0) replicas" } ?? "on every backend"),
                .init("kept by", reasons.text),
            ]
            switch content {
            case .whole(let blocks, let bytes):
                facts.append(.init("in the store", "whole: \(ByteCount(bytes)) in \(blocks) blocks"))
            case .broken(let problem): facts.append(.init("in the store", "not whole: \(problem)"))
            }
            if sources != ["store"] { facts.append(.init("read from", Kit.shown(sources))) }
            let requests = reasons.requests.isEmpty ? [] : [PinRequest.table(reasons.requests)]
            return Report(
                [.facts(facts)] + requests + [Mapping.table(mappings)] + look.lines,
                warnings: look.warnings,
                failures: look.failures
            )
        }
    }
}

extension PinRequest: Answer {
    package static let outputFields: [OutputField<Self>] = [
        OutputField("id", "What the request is called.") { $0.id },
        OutputField("name", "The name that it gives the pin.") { $0.pin.name },
        OutputField("metadata", "What else it says about it.") { Metadata($0.pin.metadataText) },
        OutputField("origins", "Where the content may be had.") { $0.pin.origins },
        OutputField("created_at", "When it was made.") { $0.createdAt },
        OutputField("created_by", "Who made it.") { $0.createdBy },
    ]

    fileprivate static func table(_ requests: [PinRequest]) -> Report.Part {
        .table(
            [.init("REQUEST"), .init("CREATED"), .init("BY", mayShrink: true), .init("NAME", mayShrink: true)],
            rows: requests.map { [$0.id, $0.createdAt.description, $0.createdBy, $0.pin.name] }
        )
    }
}
