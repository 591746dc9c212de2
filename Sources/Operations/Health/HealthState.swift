internal import Schema
internal import Storage

/// How a backend is, in one word.
enum HealthState: String, Sendable, CaseIterable {
    case ok
    /// It works, and something about it does not.
    case degraded
    /// It answers, and stores nothing.
    case readOnly = "read-only"
    /// Its owner said that it is about to end.
    case leaving
    /// It says that it has what it does not give.
    case lying
    /// It does not answer, or lets nobody in, or something else is in its place.
    case unreachable
    /// Nobody could look.
    case unknown

    var meaning: String {
        switch self {
        case .ok: "All that was looked at is as it should be."
        case .degraded: "It works, and something about it does not."
        case .readOnly: "It answers, and refuses to store."
        case .leaving: "It is about to end, as its settings say."
        case .lying: "It says that it has, or took, what it does not give."
        case .unreachable: "It does not answer, or lets nobody in, or something else is in its place."
        case .unknown: "Nobody could look."
        }
    }

    /// The word for what was seen, with what the settings say; what keeps from reading is told before anything else.
    init(_ sights: [Sight], isLeaving: Bool) {
        let order: [HealthState] = [.lying, .unreachable, .unknown, .leaving, .readOnly, .degraded]
        let found = Set(sights.compactMap(\.state)).union(isLeaving ? [.leaving] : [])
        self = order.first(where: found.contains) ?? .ok
    }
}

/// One thing that was looked at, and what was seen.
struct Sight: Answer {
    /// What was looked at.
    enum Subject: String, Sendable, CaseIterable {
        case settings, answer, access, place, room, store, read, list, remove, clock, content, proof
    }

    enum Outcome: String, Sendable, CaseIterable {
        case ok, failed
        /// It does not apply, or could not be tried.
        case skipped
    }

    let subject: Subject
    let outcome: Outcome
    /// What was seen, as a sentence.
    let words: String
    var milliseconds: Int64?
    var error: KitError?
    /// What it means for the whole; nil where it means nothing bad.
    var state: HealthState?

    static func ok(_ subject: Subject, _ words: String, _ milliseconds: Int64? = nil) -> Sight {
        Sight(subject: subject, outcome: .ok, words: words, milliseconds: milliseconds)
    }

    static func skipped(_ subject: Subject, _ words: String) -> Sight {
        Sight(subject: subject, outcome: .skipped, words: words)
    }

    static func failed(_ subject: Subject, _ state: HealthState, _ words: String, _ error: KitError? = nil) -> Sight {
        Sight(subject: subject, outcome: .failed, words: words, error: error, state: state)
    }

    static let outputFields: [OutputField<Self>] = [
        OutputField("subject", "What was looked at.", as: .choice(Subject.allCases.map(\.rawValue))) {
            $0.subject.rawValue
        },
        OutputField("outcome", "Whether it is as it should be.", as: .choice(Outcome.allCases.map(\.rawValue))) {
            $0.outcome.rawValue
        },
        OutputField("seen", "What was seen, as a sentence.") { $0.words },
        OutputField("milliseconds", "How long it took; null where nobody waited for it.", in: .milliseconds) {
            $0.milliseconds
        },
        .error { $0.error },
    ]
}

extension Canary.Failure {
    /// What it means that a step failed.
    ///
    /// Who takes something and has nothing, or something else, when he is asked lies; who refuses to take it at all can
    /// be read all the same.
    var state: HealthState {
        if error.isBrokenPromise { return .lying }
        return switch (act, error.code) {
        case (.read, .corrupt), (.read, .notFound), (.remove, .corrupt): .lying
        case (.store, .permissionDenied), (.store, .badCredentials), (.store, .quotaExceeded), (.store, .unsupported),
            (.store, .tooLarge):
            .readOnly
        default: .degraded
        }
    }
}
