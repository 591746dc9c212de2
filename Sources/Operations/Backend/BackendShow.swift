package import Catalog
internal import Replication
package import Schema
internal import Storage

/// Shows the settings and the state of a backend.
package struct BackendShow: Operation {
    package static let name = "backend show"
    package static let summary = "Show the settings of a backend, without secrets, and how far it is in step."

    package var name = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.name)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let file = try await kit.backends([name])[0]
        let catalog = try kit.catalog()
        let lastTest = await kit.lastTest(of: file)
        return try await kitErrors {
            Output(
                row: BackendList.Row(
                    file: file,
                    state: try await catalog.backendState(name),
                    counts: try await catalog.mappingCounts()[name] ?? MappingCounts(),
                    files: try await kit.indexFiles(name).state(in: catalog),
                    lastTest: lastTest,
                    now: kit.now
                )
            )
        }
    }

    /// A backend.
    package struct Output: OperationOutput {
        let row: BackendList.Row

        private var file: BackendFile { row.file }
        private var state: BackendState? { row.state }
        private var counts: MappingCounts { row.counts }

        package static let outputFields = BackendList.Row.outputFields.map { field in
            field.of { (output: Self) in output.row }
        }
        package var report: Report {
            var facts: [Report.Fact] = [
                .init("name", file.name), .init("type", file.type), .init("enabled", file.isEnabled ? "yes" : "no"),
                .init("created", file.createdAt.description), .init("updated", file.updatedAt.description),
                .init("description", file.description),
            ]
            for field in file.fields {
                guard let setting = file.settings[field.name] else { continue }
                facts.append(.init("\(field.section.rawValue).\(field.name)", file.shown(field, setting)))
            }
            if let state {
                facts.append(.init("in step", state.isDirty ? "no: \(state.reason)" : "yes"))
                facts.append(.init("last sync", state.syncedAt?.description ?? "never"))
                if let problem = state.problem {
                    facts.append(.init("problem", problem))
                    facts.append(.init("failed at", state.problemAt?.description ?? "a time that nobody noted"))
                }
            }
            facts.append(.init("stored", "\(counts.byStatus[.stored] ?? 0) roots, \(ByteCount(counts.storedBytes))"))
            if let looks = row.looks { facts.append(.init("looked at", looks)) }
            facts.append(.init("last test", row.lastTest?.words(at: row.now) ?? "not known"))
            return Report([.facts(facts)])
        }
    }
}

extension BackendState: Answer {
    package static var sharedName: String? { "state" }
    package static let outputFields: [OutputField<Self>] = [
        OutputField("dirty", "Whether something changed that the last sync does not know of.") { $0.isDirty },
        OutputField("generation", "A number that grows with what changes.") { $0.generation },
        OutputField("synced_generation", "The one that the last whole sync saw.") { $0.syncedGeneration },
        OutputField("reason", "What changed last.") { $0.reason },
        OutputField("dirty_since", "Since when it is out of step.") { $0.isDirty ? $0.dirtySince : nil },
        OutputField("synced_at", "When it was in step last.") { $0.syncedAt },
        OutputField("leads_elsewhere", "Whether the settings lead to another place than at the last sync.") {
            $0.leadsElsewhere
        },
        OutputField("snapshot", "The name of the snapshot that was left there last.") { $0.snapshot },
        OutputField("problem", "What kept the last sync from being whole.") { $0.problem },
        OutputField("problem_at", "When that was; null where nothing did, or nobody noted it.") { $0.problemAt },
    ]
}

extension MappingCounts: Answer {
    package static let outputFields: [OutputField<Self>] =
        Mapping.Status.allCases.map { status in
            OutputField(status.rawValue, "How many mappings are \(status.rawValue).") { $0.byStatus[status] ?? 0 }
        } + [
            OutputField("stored_bytes", "The lengths of all that is stored.", in: .bytes) { $0.storedBytes },
            OutputField(
                "oldest_evidence",
                "How it is known of the stored one that was not looked at for the longest time; null where nothing is stored, "
                    + "or nobody noted it."
            ) { $0.oldest },
            OutputField("newest_evidence", "The same of the stored one that was looked at last.") { $0.newest },
        ]
}
