internal import Catalog
package import Schema
internal import Storage

/// Shows the settings and the state of a backend.
package struct BackendShow: Operation {
    package static let name = "backend show"
    package static let summary = "Show the settings of a backend, without secrets, and how far it is in step."

    package var name = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The backend.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let file = try await kit.backends([name])[0]
        let catalog = try kit.catalog()
        return try await kitErrors {
            Output(
                file: file,
                state: try await catalog.backendState(name),
                counts: try await catalog.mappingCounts()[name] ?? MappingCounts()
            )
        }
    }

    /// A backend.
    package struct Output: OperationOutput {
        let file: BackendFile
        let state: BackendState?
        let counts: MappingCounts

        package var json: JSON {
            ["backend": file.json, "state": state?.json ?? .null, "mappings": counts.json]
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
                if let problem = state.problem { facts.append(.init("problem", problem)) }
            }
            facts.append(.init("stored", "\(counts.byStatus[.stored] ?? 0) roots, \(ByteCount(counts.storedBytes))"))
            return Report([.facts(facts)])
        }
    }
}

extension BackendState {
    /// The state as machines read it.
    var json: JSON {
        [
            "dirty": .bool(isDirty), "generation": .integer(generation),
            "synced_generation": .integer(syncedGeneration), "reason": .string(reason),
            "dirty_since": isDirty ? .text(dirtySince) : .null, "synced_at": .text(syncedAt),
            "leads_elsewhere": .bool(leadsElsewhere),
            "snapshot": .text(snapshot), "problem": .text(problem),
        ]
    }
}

extension MappingCounts {
    /// The counts as machines read them.
    var json: JSON {
        .object(
            Mapping.Status.allCases.map { JSON.Member($0.rawValue, .count(byStatus[$0] ?? 0)) }
                + [JSON.Member("stored_bytes", .count(storedBytes))]
        )
    }
}
