internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Gives URLs by which anybody can read what a backend has of a CID.
package struct BackendPinURL: Operation {
    package static let name = "backend pin url"
    package static let summary = "Print a URL by which anybody can read the CAR of a CID on a backend for a while."
    package static let details = """
        Nothing is sent: whether the CAR is there still is what `verify` says, and of one that is known to be missing or \
        damaged no URL is given. A CAR in shards has a URL for each, in \
        their order. Whoever has a URL can read what it leads to, until it ends or the key is taken back: it is \
        printed, and written down nowhere. One that was made with temporary keys ends with them at the latest.
        Example: curl -o root.car "$(ipfs-kit backend pin url offsite bafy… --expires 600)"
        """

    package var backend = ""
    package var cid = ""
    package var seconds = 3600

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        Field("cid", \.cid, help: "The root.", as: .cid, required: true, positional: true),
        Field(
            "expires",
            \.seconds,
            help: "For how many seconds it is good.",
            least: 1,
            aliases: ["expire", "expires_in"]
        ),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let root = try parseCID(cid)
        let file = try await kit.backends([backend])[0]
        let catalog = try kit.catalog()
        let mappings = try await kitErrors { try await catalog.mappings(of: [root]) }
        guard let mapping = mappings.first(where: { $0.backend == backend }) else {
            throw KitError(
                .notFound,
                "\(backend) is not known to have \(root).",
                hint: Hint(WhereIs.self, ["cid": root]),
                backend: backend,
                cid: root
            )
        }
        guard ![.missing, .corrupt].contains(mapping.status) else {
            throw KitError(
                .notFound,
                "The CAR of \(root) on \(backend) is \(mapping.status.rawValue), as far as is known.",
                hint: Hint(Sync.self, ["names": backend]),
                backend: backend,
                cid: root
            )
        }
        let content = try await kit.open(file, gate: ClosedGate()).content
        // More than that is more than any service gives.
        let end = Timestamp(milliseconds: kit.now.milliseconds + Int64(min(seconds, 1 << 32)) * 1000)
        return try await kitErrors {
            let urls = try await content.urls(of: root, at: mapping.location, until: end)
            return Output(status: mapping.status, evidence: mapping.evidence, urls: urls, end: end)
        }
    }

    /// The URLs of the objects that a root is in.
    package struct Output: OperationOutput {
        let status: Mapping.Status
        let evidence: Mapping.Evidence?
        let urls: [ObjectURL]
        let end: Timestamp

        package let isSecret = true
        package static let outputFields: [OutputField<Self>] = [
            .list(
                "urls",
                "One for each object that the CAR is in, in their order.",
                of: [
                    OutputField("name", "The name of the object.") { $0.name },
                    OutputField("url", "Where anybody can read it.", as: .url) { $0.text },
                ]
            ) { $0.urls },
            OutputField("status", "What is known of the copy.", as: Mapping.Status.shape) { $0.status.rawValue },
            OutputField("evidence", "How that is known; null where nobody has checked.") { $0.evidence },
            OutputField("expires_at", "Until when the URLs serve.") { $0.end },
        ]
        package var report: Report { Report(urls.map { .line($0.text) }) }
    }
}
