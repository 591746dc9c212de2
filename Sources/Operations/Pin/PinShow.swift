internal import BlockStore
internal import Catalog
internal import Multiformats
internal import Replication
package import Schema

/// Shows one pin and where it is.
package struct PinShow: Operation {
    package static let name = "pin show"
    package static let summary =
        "Show a pin: its name, its size in the store, who asked for it, and where its replicas are."

    package var cid = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "The pinned root.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let root = try parseCID(cid)
        let catalog = try kit.catalog()
        let store = try kit.store()
        try await kit.meetBackends()
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
            throw KitError(.notFound, "\(root) is not pinned.", hint: "ipfs-kit pin ls", cid: root)
        }
        let sources = try kit.sourceNames()
        let content = await Self.look(root, store)
        return Output(pin: pin, reasons: reasons, mappings: mappings, content: content, sources: sources)
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
        let content: Content
        let sources: [String]

        package var json: JSON {
            var members: [JSON.Member] = [
                .init("pin", pin.json), .init("kept_by_owner", .bool(reasons.isOwned)),
                .init("request_count", .count(reasons.count)),
                .init("requests", .array(reasons.requests.map(\.json))),
            ]
            switch content {
            case .whole(let blocks, let bytes):
                members += [.init("whole", true), .init("blocks", .count(blocks)), .init("size_bytes", .count(bytes))]
            case .broken(let problem): members += [.init("whole", false), .init("problem", .string(problem))]
            }
            members.append(.init("sources", .array(sources.map { .string($0) })))
            return .object(members + [.init("replicas", .array(mappings.map(\.json)))])
        }
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
            return Report([.facts(facts)] + requests + [Mapping.table(mappings)])
        }
    }
}

extension PinRequest {
    /// The request as machines read it.
    fileprivate var json: JSON {
        [
            "id": .string(id), "name": .string(pin.name), "metadata": .string(pin.metadataText),
            "origins": .array(pin.origins.map { .string($0) }), "created_at": .text(createdAt),
            "created_by": .string(createdBy),
        ]
    }

    fileprivate static func table(_ requests: [PinRequest]) -> Report.Part {
        .table(
            [.init("REQUEST"), .init("CREATED"), .init("BY", mayShrink: true), .init("NAME", mayShrink: true)],
            rows: requests.map { [$0.id, $0.createdAt.description, $0.createdBy, $0.pin.name] }
        )
    }
}
