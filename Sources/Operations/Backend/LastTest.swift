internal import Schema

/// How the last test of a backend ended, as it was kept.
struct LastTest: Answer {
    let askedAt: Timestamp
    let askedBy: String
    let steps: [Canary.Step]
    /// Why it failed; nil where it did not.
    let error: KitError?

    /// Reads what was kept of the test of a backend; nil where it makes no sense.
    init?(_ kept: KeptAnswers.Kept, of backend: String) {
        var steps: [Canary.Step] = []
        for step in kept.answer["steps"]?.items ?? [] {
            guard let title = step["step"]?.string, let time = step["milliseconds"]?.natural else { return nil }
            steps.append(Canary.Step(title: title, milliseconds: Int64(clamping: time)))
        }
        (askedAt, askedBy, self.steps) = (kept.askedAt, kept.askedBy, steps)
        switch kept.answer["ok"] {
        case .bool(true): error = nil
        case .bool(false):
            guard let code = kept.answer["code"]?.natural.flatMap({ Int32(exactly: $0) }).flatMap(ExitCode.init),
                code != .ok, let message = kept.answer["message"]?.string
            else { return nil }
            error = KitError(code, message, hint: Hint(BackendTest.self, ["name": backend]), backend: backend)
        default: return nil
        }
    }

    /// What is kept of a test with these steps that ended with an error, or with none.
    static func note(_ steps: [Canary.Step], _ error: KitError?) -> JSON {
        let steps = steps.map { ["step": .string($0.title), "milliseconds": .count($0.milliseconds)] as JSON }
        return [
            "ok": .bool(error == nil), "steps": .array(steps), "code": .count(error?.code.rawValue),
            "message": .text(error?.message),
        ]
    }

    static let outputFields: [OutputField<Self>] = [
        OutputField("asked_at", "When it was.") { $0.askedAt },
        OutputField("asked_by", "Who made it: the host and the version of the program.") { $0.askedBy },
        OutputField("ok", "Whether every step succeeded.") { $0.error == nil },
        Canary.Step.list { $0.steps },
        OutputField("error", "Why it failed; null where it did not.") { $0.error },
    ]

    /// The same in words.
    func words(at now: Timestamp) -> String {
        let when = askedAt.ago(at: now)
        guard let error else { return "ok, \(when)" }
        // Who reads this knows of which backend it is.
        let prefix = (error.backend ?? "") + ": "
        let message = error.message.hasPrefix(prefix) ? String(error.message.dropFirst(prefix.count)) : error.message
        return "failed \(when): \(message)"
    }
}

extension Kit {
    /// How the last test of a backend ended; nil where that is not known of where it leads now.
    func lastTest(of file: BackendFile) async -> LastTest? {
        await kept(.test, of: file).flatMap { LastTest($0, of: file.name) }
    }
}
