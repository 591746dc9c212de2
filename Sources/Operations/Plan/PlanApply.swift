internal import Catalog
package import Schema

/// Does what a plan says.
package struct PlanApply: ChangingOperation {
    package static let name = "plan apply"
    package static let summary = "Do what a plan says, once, unless the plan would be another by now."
    package static let details = """
        What would be done is found out anew, and compared with the plan, but for times. A plan that was begun is not begun \
        again, whatever came of it: `plan show` says how it ended, and `log` what was done.
        """

    package var id = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [.plan(\.id), .dryRun]

    /// Those of what is applied.
    package static var items: [any OperationOutput.Type] {
        operationTable.flatMap { row in row.operation.changes && row.operation.name != name ? row.operation.items : [] }
    }
    package static var goesOn: Bool { false }
    package var subject: String? { id }

    package func run(in call: Call) async throws(KitError) -> Output {
        let plan = try await call.kit.plan(id)
        if let refusal = refusal(of: plan, call.kit) { throw refusal }
        return try await apply(try planned(plan.operation), plan, call)
    }

    private func apply<Action: ChangingOperation>(
        _: Action.Type,
        _ plan: KeptPlan,
        _ call: Call
    ) async throws(KitError) -> Output {
        let values = try PlanMake.values(of: Action.self, plan.inputs)
        let effects: Action.Output
        do throws(KitError) {
            effects = try await call.effects(of: Action.self, values, isTold: false)
            guard try await PlanMake.digest(of: effects, Action.self, values, call.kit) == plan.digest else {
                throw refusal(of: plan, .planChanged, "would be another by now")
            }
        } catch {
            // Whoever applied it meanwhile made it another, or one that cannot be.
            throw refusal(of: try await call.kit.plan(plan.id), call.kit) ?? error
        }
        guard !dryRun else { return Output(plan: plan, at: call.kit.now, isDryRun: true, effects) }
        let (catalog, begun) = (try call.kit.catalog(), call.kit.now)
        guard try await kitErrors({ try await catalog.beginPlan(plan.id, by: call.kit.user) }) else {
            let now = try await call.kit.plan(plan.id)
            throw refusal(of: now, call.kit) ?? refusal(of: now, .planExpired, "expired at \(now.expiresAt)")
        }
        let result: Result<Action.Output, KitError>
        do throws(KitError) {
            result = .success(try await call.perform(Action.self, values))
        } catch {
            result = .failure(error)
        }
        let code =
            switch result {
            case .success(let output): output.exitCode
            case .failure(let error): error.code
            }
        // Whoever was told to stop writes down how far it came, too.
        try? await catalog.endPlan(plan.id, code: Int64(code.rawValue))
        let output = try result.get()
        var applied = plan
        (applied.appliedAt, applied.appliedBy) = (begun, call.kit.user)
        applied.code = Int64(code.rawValue)
        return Output(plan: applied, at: call.kit.now, isDryRun: false, output)
    }

    /// Why a plan cannot be begun as it is now; nil where it can.
    private func refusal(of plan: KeptPlan, _ kit: Kit) -> KitError? {
        let end: String
        switch plan.state(at: kit.now) {
        case .open: return nil
        case .expired: return refusal(of: plan, .planExpired, "expired at \(plan.expiresAt)")
        case .begun: end = "begun"
        case .applied: end = "applied"
        case .failed: end = "begun, and did not end well"
        }
        let time = plan.appliedAt.map { " at \($0)" } ?? ""
        return KitError(
            .refused,
            "The plan \(plan.id) was \(end)\(time) by \(plan.appliedBy ?? "somebody"): it is begun once.",
            hint: Hint(PlanShow.self, ["id": plan.id])
        ).because(.planBegun)
    }

    private func refusal(of plan: KeptPlan, _ reason: KitError.Reason, _ what: String) -> KitError {
        KitError(
            .refused,
            "The plan \(plan.id) \(what), so nothing was done. Make it anew, and look at it.",
            hint: Hint(PlanMake.self, ["operation": plan.operation, "inputs": plan.inputs])
        ).because(reason)
    }

    /// What came of it.
    package struct Output: OperationOutput {
        let plan: ShownPlan
        let isDryRun: Bool
        private let answer: any OperationOutput

        init(plan: KeptPlan, at now: Timestamp, isDryRun: Bool, _ answer: any OperationOutput) {
            (self.plan, self.isDryRun, self.answer) = (ShownPlan(plan, at: now), isDryRun, answer)
        }

        package var exitCode: ExitCode { answer.exitCode }
        package var whatFailed: String? { answer.whatFailed }
        package static let outputFields: [OutputField<Self>] = [
            OutputField("type", "What this line is.", as: .choice(["summary"])) { _ in "summary" },
            .dryRun { $0.isDryRun },
            OutputField("plan", "The plan, as it is now.") { $0.plan },
            .json("result", "What the operation answered, or would.", .any) { $0.answer.json },
        ]
        package var report: Report { answer.report }
        package var quietLines: [String]? { answer.quietLines }
    }
}
