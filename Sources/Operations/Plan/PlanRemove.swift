internal import Catalog
package import Schema

/// Forgets a plan.
package struct PlanRemove: ChangingOperation {
    package static let name = "plan rm"
    package static let summary = "Forget a plan, so that nobody applies it."
    package static let details = "What was done when it was applied stays done, and in the log."

    package var id = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [.plan(\.id), .dryRun]

    package var subject: String? { id }

    package func run(in call: Call) async throws(KitError) -> Output {
        let plan = try await call.kit.plan(id)
        // Whoever applies it writes down how that ends.
        guard plan.state(at: call.kit.now) != .begun else {
            throw KitError(
                .refused,
                "The plan \(plan.id) was begun, and has not ended, or was killed: it is kept, and is applied by nobody.",
                hint: Hint(PlanShow.self, ["id": plan.id])
            ).because(.planBegun)
        }
        let catalog = try call.kit.catalog()
        if !dryRun { try await kitErrors { try await catalog.removePlan(plan.id) } }
        return Output(plan: ShownPlan(plan, at: call.kit.now), isDryRun: dryRun)
    }

    /// What was forgotten.
    package struct Output: OperationOutput {
        let plan: ShownPlan
        let isDryRun: Bool

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            OutputField("plan", "The plan, as it was.") { $0.plan },
        ]
        package var report: Report {
            Report("\(isDryRun ? "would forget" : "forgot") the plan \(plan.plan.id) (\(plan.plan.operation))")
        }
        package var quietLines: [String]? { [plan.plan.id] }
    }
}
