package import Catalog
internal import Multiformats
internal import Policies
package import Schema

/// Lists pins.
package struct PinList: Operation {
    package static let name = "pin ls"
    package static let summary = "List the pins."
    package static let details = """
        --where takes a condition: name, size, age and meta.KEY are compared with a value by = != ~ !~ < <= > >=, where ~ takes \
        * and ? for any characters and for one; `and`, `or`, `not` and brackets join them. A size is that of the CAR on the \
        backends where it is stored.
        Example: ipfs-kit pin ls --where 'name ~ photos-* and size > 1GiB and not age < 30d'
        """

    package var name: String?
    package var condition: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "Only pins whose name has this in it."),
        Field("where", \.condition, help: "Only pins for which this condition holds."),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let catalog = try kit.catalog()
        guard let condition else {
            return try await kitErrors { Output(pins: try await catalog.pins(nameContaining: name)) }
        }
        let wanted: PinCondition
        do throws(PinConditionProblem) {
            wanted = try PinCondition(condition)
        } catch {
            throw KitError(.usage, "--where is no condition, \(error)", hint: .help(on: Self.name))
        }
        return try await kitErrors {
            let sizes = wanted.asksForSizes ? try await catalog.sizes() : [:]
            var output = Output(pins: [])
            for pin in try await catalog.pins(nameContaining: name) {
                let facts = PinFacts(
                    name: pin.name,
                    metadata: Metadata(pin.metadata).json,
                    size: sizes[pin.cid],
                    createdAt: pin.createdAt,
                    now: kit.now
                )
                switch wanted.holds(for: facts) {
                case true?: output.pins.append(pin)
                case nil: output.undecided += 1
                case false?: break
                }
            }
            return output
        }
    }

    /// The pins.
    package struct Output: OperationOutput {
        package internal(set) var pins: [Pin]
        /// Of how many pins it is not known whether the condition holds.
        var undecided = 0

        package static let outputFields: [OutputField<Self>] = [
            OutputField("pins", "The pins, in the order of their CIDs.") { $0.pins },
            OutputField("undecided", "Of how many it is not known whether they are such, for their size is not.") {
                $0.undecided
            },
        ]
        package var report: Report {
            let unknown =
                "Of \(undecided) pins nobody knows whether the condition holds: their size is known when they are stored."
            return Report(
                [
                    .table(
                        [.init("CID", mayShrink: true), .init("CREATED"), .init("NAME", mayShrink: true)],
                        rows: pins.map { [$0.cid.description, $0.createdAt.day, $0.name] }
                    )
                ],
                warnings: undecided == 0 ? [] : [unknown]
            )
        }
    }
}

extension Pin: Answer {
    package static var sharedName: String? { "pin" }
    package static let outputFields: [OutputField<Self>] = [
        OutputField("cid", "The root.") { $0.cid },
        OutputField("name", "Its name; empty where it has none.") { $0.name },
        OutputField("metadata", "What else somebody wrote about it.") { Metadata($0.metadata) },
        OutputField("replicas", "On how many backends it is wanted; null for all.") { $0.replicas },
        OutputField("created_at", "When it was pinned.") { $0.createdAt },
        OutputField("updated_at", "When something of it changed last.") { $0.changedAt },
    ]
}
