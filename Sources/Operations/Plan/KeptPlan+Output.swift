internal import Catalog
internal import Digests
internal import Schema

/// How far a plan is.
enum PlanState: String, CaseIterable {
    /// It can be applied.
    case open
    /// Nobody applied it in time.
    case expired
    /// It was applied, and that has not ended, or was killed.
    case begun
    /// It was applied, and that ended well.
    case applied
    /// It was applied, and that did not end well.
    case failed
}

extension KeptPlan {
    /// How far it is at a time.
    func state(at time: Timestamp) -> PlanState {
        guard appliedAt != nil else { return time < expiresAt ? .open : .expired }
        return code.map { $0 == 0 ? .applied : .failed } ?? .begun
    }

    /// The values of its inputs; those that are no longer read as such are none.
    var values: JSON { (try? JSON(reading: Array(inputs.utf8))) ?? .object([]) }
}

/// A plan, as it is shown.
struct ShownPlan: Answer {
    let plan: KeptPlan
    let now: Timestamp

    init(_ plan: KeptPlan, at now: Timestamp) { (self.plan, self.now) = (plan, now) }

    static var sharedName: String? { "plan" }
    static let outputFields: [OutputField<Self>] = [
        OutputField("id", "What it is called.") { $0.plan.id },
        OutputField("state", "How far it is.", as: .choice(PlanState.allCases.map(\.rawValue))) {
            $0.plan.state(at: $0.now).rawValue
        },
        OutputField("operation", "What would be called.") { $0.plan.operation },
        .json("inputs", "The values of its inputs.", .map(.any)) { $0.plan.values },
        OutputField("digest", "What tells the effects from others, but for times in them, in hexadecimal.") {
            hex($0.plan.digest)
        },
        OutputField("catalog_generation", "A number that is another where the catalog had changed.") {
            $0.plan.generation
        },
        OutputField("surface", "How whoever made it came here.", as: .choice(Surface.allCases.map(\.rawValue))) {
            $0.plan.surface
        },
        OutputField("made_by", "Who made it.") { $0.plan.maker },
        OutputField("made_at", "When it was made.") { $0.plan.madeAt },
        OutputField("expires_at", "Until when it can be applied.") { $0.plan.expiresAt },
        OutputField("applied_by", "Who applied it; null where nobody did.") { $0.plan.appliedBy },
        OutputField("applied_at", "When it was applied.") { $0.plan.appliedAt },
        OutputField("code", "The number with which that ended; null where it has not ended.") { $0.plan.code },
    ]

    /// Names with values, for people.
    var facts: [Report.Fact] {
        [
            .init("plan", plan.id), .init("state", plan.state(at: now).rawValue),
            .init("operation", plan.operation), .init("inputs", plan.values.compact),
            .init("made", "\(plan.madeAt) by \(plan.maker), \(plan.surface)"),
            .init("expires", plan.expiresAt.description),
        ]
            + (plan.appliedAt.map { [.init("begun", "\($0) by \(plan.appliedBy ?? "")")] } ?? [])
            + (plan.code.map { [.init("ended", "with code \($0)")] } ?? [])
    }
}
