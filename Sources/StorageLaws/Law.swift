package import Storage

/// What came of a trial in which no law was broken.
package enum LawOutcome: Sendable, Hashable {
    case kept
    /// The law could not be tried, and why.
    case doesNotApply(String)
}

/// A rule that every storage service keeps, as a program that tries it.
package struct Law: Sendable, CustomStringConvertible {
    /// The rule in a few words: `a range beyond the end gives what there is`.
    package let title: String
    /// What a service must be able to do for the law to apply to it.
    package let needs: Capabilities
    /// Whether trying the law stores about a thousand objects.
    package let isBulk: Bool
    /// Whether something has to go wrong for it.
    package let needsTrouble: Bool
    private let check: @Sendable (LawSubject) async throws(LawViolation) -> LawOutcome

    /// A law; every one writes and deletes, so both are needed besides `needs`.
    init(
        _ title: String,
        needs: Capabilities = [],
        isBulk: Bool = false,
        check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> Void
    ) {
        let kept = { @Sendable (subject: LawSubject) async throws(LawViolation) -> LawOutcome in
            try await check(subject)
            return .kept
        }
        self.init(title, needs: needs, isBulk: isBulk, needsTrouble: false, outcome: kept)
    }

    /// A law that says itself whether it applies, such as one for which something has to go wrong.
    static func conditional(
        _ title: String,
        needs: Capabilities = [],
        needsTrouble: Bool = true,
        check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> LawOutcome
    ) -> Law {
        Law(title, needs: needs, isBulk: false, needsTrouble: needsTrouble, outcome: check)
    }

    private init(
        _ title: String,
        needs: Capabilities,
        isBulk: Bool,
        needsTrouble: Bool,
        outcome check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> LawOutcome
    ) {
        self.title = title
        self.needs = needs.union([.write, .delete])
        self.isBulk = isBulk
        self.needsTrouble = needsTrouble
        self.check = check
    }

    package var description: String { title }

    /// Whether it is about several who come at once: such a law may hold by chance, so it is tried several times.
    package var isAboutConcurrency: Bool { Self.concurrency.contains { $0.title == title } }

    /// All laws, in the order in which they are best tried: the later ones build on the earlier.
    package static let all =
        objects + sizes + digests + ranges + listing + concurrency + faults + versions + answers + changes + strays

    /// Tries the law and removes afterwards what it stored; throws the sentence that says how it was broken.
    package func verify(on subject: LawSubject) async throws(LawViolation) -> LawOutcome {
        if let reason = obstacle(to: subject) { return .doesNotApply(reason) }
        let result: Result<LawOutcome, LawViolation>
        do throws(LawViolation) {
            result = .success(try await check(subject))
        } catch {
            result = .failure(error)
        }
        await subject.cleanUp()
        return try result.get()
    }

    /// Why the law cannot be tried on the subject; nil where it can.
    private func obstacle(to subject: LawSubject) -> String? {
        let missing = needs.subtracting(subject.service.capabilities)
        guard missing.isEmpty else {
            return "The service lacks what it takes: \(missing.names.joined(separator: ", "))."
        }
        if isBulk, !subject.allowsBulk { return "About a thousand objects would be stored." }
        return needsTrouble && subject.troublemaker == nil ? "Nothing can be made to go wrong here." : nil
    }
}
