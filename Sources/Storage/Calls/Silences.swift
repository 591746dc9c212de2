/// Who did not answer lately, and why: each further question would wait as long as the one before.
///
/// One that did not answer three times in a row is left alone for a minute, and then asked again.
package struct Silences<Asked: Hashable & Sendable, Problem: Sendable>: Sendable {
    private struct Silence: Sendable {
        var count = 0
        var end = Duration.zero
        var problem: Problem
    }

    private let timing: Timing
    private let all = Locked<[Asked: Silence]>([:])

    package init(timing: Timing) { self.timing = timing }

    /// What one said last that is left alone for now; nil for who may be asked.
    package func problem(of asked: Asked) -> Problem? { silence(of: asked)?.problem }

    /// The same, and for how long still.
    package func silence(of asked: Asked) -> (problem: Problem, rest: Duration)? {
        let now = timing.uptime()
        return all.read { all in all[asked].flatMap { now < $0.end ? ($0.problem, $0.end - now) : nil } }
    }

    /// Remembers why one did not answer, or with nil that he did; where asking again `isUseless`, once is enough.
    package func note(_ problem: Problem?, of asked: Asked, isUseless: Bool = false) {
        guard let problem else { return all.change { $0[asked] = nil } }
        let now = timing.uptime()
        all.change { all in
            var silence = all[asked] ?? Silence(problem: problem)
            // What was not asked said nothing anew.
            guard now >= silence.end else { return }
            silence.count += 1
            silence.problem = problem
            if isUseless || silence.count >= silencePatience { silence.end = now + silenceRest }
            all[asked] = silence
        }
    }
}

private let (silencePatience, silenceRest) = (3, Duration.seconds(60))
