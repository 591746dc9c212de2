package import Catalog
internal import Multiformats
package import Schema

/// Lists what a backend is believed to hold.
package struct BackendPinList: Operation {
    package static let name = "backend pin list"
    package static let summary = "List the mappings of a backend: what it holds, and how that is known."

    package var backend = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> MappingsOutput {
        let kit = call.kit
        _ = try await kit.backends([backend])
        let catalog = try kit.catalog()
        return try await kitErrors { MappingsOutput(mappings: try await catalog.mappings(on: backend)) }
    }
}

/// Says where a CID is.
package struct BackendPinFind: Operation {
    package static let name = "backend pin find"
    package static let summary = "Say on which backends a CID is, and how that is known."
    package static let details = FreshLook.details

    package var cid = ""
    package var fresh = false
    package var isLogged: Bool { fresh }

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "The root.", as: .cid, required: true, positional: true), .fresh(\.fresh),
    ]

    package func run(in call: Call) async throws(KitError) -> MappingsOutput {
        try await find(cid, fresh: fresh, in: call.kit)
    }
}

/// Says where a CID is.
package struct WhereIs: Operation {
    package static let name = "whereis"
    package static let summary =
        "Say on which backends a CID is, and how that is known; the same as `backend pin find`."
    package static let details = FreshLook.details

    package var cid = ""
    package var fresh = false
    package var isLogged: Bool { fresh }

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("cid", \.cid, help: "The root.", as: .cid, required: true, positional: true), .fresh(\.fresh),
    ]

    package func run(in call: Call) async throws(KitError) -> MappingsOutput {
        try await find(cid, fresh: fresh, in: call.kit)
    }
}

/// The mappings of a CID, in both of its versions: the same content may have been stored under either.
private func find(_ text: String, fresh: Bool, in kit: Kit) async throws(KitError) -> MappingsOutput {
    let root = try parseCID(text)
    let roots = [root] + ((root.version == .v0 ? root.v1 : root.v0).map { [$0] } ?? [])
    let catalog = try kit.catalog()
    try await kit.meetBackends()
    let look = fresh ? try await kit.lookAnew(for: roots) : FreshLook()
    return try await kitErrors {
        let found = try await catalog.mappings(of: roots)
        guard !found.isEmpty else {
            if let problem = look.problem(with: root) { throw problem }
            throw try await kit.nowhere(root)
        }
        return MappingsOutput(mappings: found, look: look)
    }
}

/// Forgets where a CID is.
package struct BackendPinRemove: ChangingOperation {
    package static let name = "backend pin remove"
    package static let summary = "Forget that a CID is on a backend. What is stored there is not touched."

    package var backend = ""
    package var cid = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        Field("cid", \.cid, help: "The root.", as: .cid, required: true, positional: true),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let root = try parseCID(cid)
        _ = try await kit.backends([backend])
        let catalog = try kit.catalog()
        let removed = try await kitErrors {
            let found = try await catalog.mappings(of: [root]).filter { $0.backend == backend }
            guard try await dryRun ? !found.isEmpty : catalog.forgetMapping(root, of: backend) else {
                throw KitError(
                    .notFound,
                    "\(backend) is not known to have \(root).",
                    hint: Hint(BackendPinList.self, ["backend": backend]),
                    backend: backend,
                    cid: root
                )
            }
            // Where the root is pinned, the backend lacks it now as far as anybody knows.
            if !dryRun { try await catalog.markDirty([backend], reason: "backend pin remove") }
            return found
        }
        let warnings = dryRun ? [] : try await kit.writeIndexes([backend])
        return Output(isDryRun: dryRun, backend: backend, mappings: removed, warnings: warnings)
    }

    /// What is not known any more.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let backend: String
        let mappings: [Mapping]
        let warnings: [String]

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("mappings", "What is known no longer, or would not be.") { $0.mappings },
            .warnings { $0.warnings },
        ]
        package var report: Report {
            Report(
                mappings.map { mapping in
                    .line(
                        "\(isDryRun ? "would forget" : "forgot") that \(mapping.cid) is on \(backend); what is stored there \(isDryRun ? "is" : "was") not touched"
                    )
                },
                warnings: warnings
            )
        }
        package var quietLines: [String]? { mappings.map(\.cid.description) }
    }
}

/// Where CIDs are.
package struct MappingsOutput: OperationOutput {
    package let mappings: [Mapping]
    /// What backends said just now, where they were asked.
    var look = FreshLook()
    var warnings: [String] = []

    package var exitCode: ExitCode { look.exitCode }

    package static let outputFields: [OutputField<Self>] = [
        OutputField("mappings", "Where the content is, and how that is known.") { $0.mappings },
        .asked { $0.look },
        .warnings { $0.warnings + $0.look.warnings },
    ]
    package var report: Report {
        Report(
            [Mapping.table(mappings)] + look.lines,
            warnings: warnings + look.warnings,
            failures: look.failures
        )
    }
}
