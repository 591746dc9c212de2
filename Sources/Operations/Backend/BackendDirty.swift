internal import Catalog
package import Schema

/// Marks backends as out of step.
package struct BackendMarkDirty: ChangingOperation {
    package static let name = "backend mark-dirty"
    package static let summary = "Mark backends as out of step, so that the next sync looks at them."

    package var names: [String] = []
    package var all = false
    package var reason = "by hand"
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("names", \.names, help: "The backends.", as: .backend, positional: true),
        Field("all", \.all, help: "Every backend, also those that are disabled."),
        Field("reason", \.reason, help: "Why."),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        guard all != !names.isEmpty else {
            throw KitError(.usage, "Name the backends, or say --all.", hint: Hint(BackendList.self))
        }
        // Without names these are all.
        let names = try await kit.backends(names).map(\.name)
        let catalog = try kit.catalog()
        return try await kitErrors {
            if !dryRun { try await catalog.markDirty(names, reason: reason) }
            let states = try await catalog.backendStates().filter { names.contains($0.name) }
            return Output(isDryRun: dryRun, dirty: DirtyOutput(states: states))
        }
    }

    /// The backends that were marked.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let dirty: DirtyOutput

        package static let outputFields: [OutputField<Self>] =
            [.dryRun { $0.isDryRun }] + DirtyOutput.outputFields.map { field in field.of { $0.dirty } }
        package var report: Report {
            isDryRun ? Report(dirty.states.map { .line("would mark \($0.name)") }) : dirty.report
        }
    }
}

/// Lists the backends that are out of step.
package struct BackendDirty: Operation {
    package static let name = "backend dirty"
    package static let summary = "List the backends that are out of step, and why."

    package init() {}

    package static let fields: [Field<Self>] = []

    package func run(in call: Call) async throws(KitError) -> DirtyOutput {
        let kit = call.kit
        let catalog = try kit.catalog()
        try await kit.meetBackends()
        return try await kitErrors {
            DirtyOutput(states: try await catalog.backendStates().filter(\.isDirty))
        }
    }
}

/// Backends that are out of step.
package struct DirtyOutput: OperationOutput {
    let states: [BackendState]

    package static let outputFields: [OutputField<Self>] = [
        .list(
            "dirty",
            "The backends that are out of step.",
            of: [
                OutputField("name", "The backend.", as: .backend) { $0.name },
                OutputField("state", "How far it is.") { $0 },
            ]
        ) { $0.states }
    ]
    package var report: Report {
        guard !states.isEmpty else { return Report("Every backend is in step.") }
        return Report([
            .table(
                [
                    .init("BACKEND"), .init("SINCE"), .init("GENERATION", number: true),
                    .init("REASON", mayShrink: true),
                ],
                rows: states.map {
                    [$0.name, "\($0.dirtySince.day) \($0.dirtySince.clock)", String($0.generation), $0.reason]
                }
            )
        ])
    }
}
