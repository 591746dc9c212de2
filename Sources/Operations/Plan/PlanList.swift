internal import Catalog
internal import POSIX
package import Schema

/// Lists the plans that are kept.
package struct PlanList: Operation {
    package static let name = "plan list"
    package static let summary = "List the plans that are kept, the newest first, also those that were applied."

    package init() {}

    package static let fields: [Field<Self>] = []

    package func run(in call: Call) async throws(KitError) -> Output {
        let catalog = try call.kit.catalog()
        let now = call.kit.now
        return Output(plans: try await kitErrors { try await catalog.plans() }.map { ShownPlan($0, at: now) })
    }

    /// The plans.
    package struct Output: OperationOutput {
        let plans: [ShownPlan]

        package static let outputFields: [OutputField<Self>] = [
            OutputField("plans", "The plans, the newest first.") { $0.plans }
        ]
        package var report: Report {
            guard !plans.isEmpty else { return Report("No plan is kept.") }
            return Report([
                .table(
                    [
                        .init("ID"), .init("STATE"), .init("OPERATION"), .init("MADE"), .init("EXPIRES"),
                        .init("INPUTS", mayShrink: true),
                    ],
                    rows: plans.map { shown in
                        let plan = shown.plan
                        return [
                            plan.id, plan.state(at: shown.now).rawValue, plan.operation,
                            "\(plan.madeAt.day) \(plan.madeAt.clock)", "\(plan.expiresAt.day) \(plan.expiresAt.clock)",
                            plan.values.compact,
                        ]
                    }
                )
            ])
        }
        package var quietLines: [String]? { plans.map(\.plan.id) }
    }
}

/// Shows a plan and what it would do.
package struct PlanShow: Operation {
    package static let name = "plan show"
    package static let summary = "Show a plan, and what would have been done when it was made."

    package var id = ""

    package init() {}

    package static let fields: [Field<Self>] = [.plan(\.id)]

    package func run(in call: Call) async throws(KitError) -> Output {
        let plan = try await call.kit.plan(id)
        return Output(plan: ShownPlan(plan, at: call.kit.now))
    }

    /// The plan.
    package struct Output: OperationOutput {
        let plan: ShownPlan

        private var effects: JSON? { plan.plan.effects.flatMap { try? JSON(reading: Array($0.utf8)) } }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("plan", "The plan.") { $0.plan },
            .json("effects", "What the operation would have answered, and done; null where it is too long.", .any) {
                $0.effects ?? .null
            },
        ]
        package var report: Report {
            let text = effects.map { $0.indented } ?? "What it would do is too long to be kept; --dry-run shows it."
            let isOpen = plan.plan.state(at: plan.now) == .open
            return Report(
                [.facts(plan.facts)] + text.split(separator: "\n").map { .line(String($0)) }
                    + (isOpen ? [.command(Hint(PlanApply.self, ["id": plan.plan.id]))] : [])
            )
        }
        package var quietLines: [String]? { [plan.plan.id] }
    }
}

extension Field where Root: Operation {
    /// The plan that an operation is about.
    static func plan(_ path: any WritableKeyPath<Root, String> & Sendable) -> Field {
        Field("id", path, help: "The plan.", required: true, positional: true)
    }
}

extension Kit {
    /// So many letters of a plan's identifier are needed at least.
    private static let leastOfPlan = 6

    /// Who is at work: the user and the machine.
    var user: String {
        let name = ["USER", "LOGNAME"].lazy.compactMap { self.environment($0) }.first { !$0.isEmpty }
        return "\(name ?? "user \(userNumber)")@\(hostName)"
    }

    /// The plan of an identifier.
    func plan(_ id: String) async throws(KitError) -> KeptPlan {
        let catalog = try catalog()
        if let plan = try await kitErrors({ try await catalog.plan(id) }) { return plan }
        // As much of it as tells it from the others is enough.
        let near =
            id.count < Self.leastOfPlan
            ? []
            : try await kitErrors { try await catalog.plans() }.filter {
                $0.id.hasPrefix(id)
            }
        guard near.count == 1 else {
            let what = near.isEmpty ? "There is no plan “\(id)”." : "\(near.count) plans begin with “\(id)”."
            throw KitError(.notFound, what, hint: Hint(PlanList.self))
        }
        return try await plan(near[0].id)
    }
}
