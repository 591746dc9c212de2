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

    /// A law; one that `changes` what is there writes and deletes, so both are needed besides `needs`.
    init(
        _ title: String,
        needs: Capabilities = [],
        changes: Bool = true,
        isBulk: Bool = false,
        check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> Void
    ) {
        let kept = { @Sendable (subject: LawSubject) async throws(LawViolation) -> LawOutcome in
            try await check(subject)
            return .kept
        }
        self.init(title, needs: needs, changes: changes, isBulk: isBulk, needsTrouble: false, outcome: kept)
    }

    /// A law that says itself whether it applies, such as one for which something has to go wrong.
    static func conditional(
        _ title: String,
        needs: Capabilities = [],
        changes: Bool = true,
        needsTrouble: Bool = true,
        check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> LawOutcome
    ) -> Law {
        Law(title, needs: needs, changes: changes, isBulk: false, needsTrouble: needsTrouble, outcome: check)
    }

    private init(
        _ title: String,
        needs: Capabilities,
        changes: Bool,
        isBulk: Bool,
        needsTrouble: Bool,
        outcome check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> LawOutcome
    ) {
        self.title = title
        self.needs = changes ? needs.union([.write, .delete]) : needs
        self.isBulk = isBulk
        self.needsTrouble = needsTrouble
        self.check = check
    }

    package var description: String { title }

    /// How often it is tried: one about several who come at once may hold by chance.
    package var rounds: Int { Self.concurrency.contains { $0.title == title } ? 5 : 1 }

    /// Whether it is one of the few that tell most for few requests and bytes.
    package var isBrief: Bool { Self.briefTitles.contains(title) }

    /// Whether it shows how a service divides uploads, and so has to be tried where it begins to.
    package var isAboutParts: Bool { Self.partsTitles.contains(title) }

    /// The titles of the brief laws.
    package static let briefTitles: Set<String> = [
        "what was stored is read back", "storing again replaces, also by something shorter",
        "what is missing is not found",
        "what is removed is gone", "removing what is missing is no error",
        "what a service cannot do is refused before anything is sent",
        "an empty object is kept whole", "a digest follows the bytes when they are replaced",
        "a range beyond the end gives what there is", "a list has every object once with its length",
        "a source that breaks in the middle stores nothing of a small object",
        "a stopped upload says so and leaves nothing", "a version that was replaced is not read",
        "where nothing can be removed, what was stored is kept",
    ]
    /// The titles of the laws about parts.
    package static let partsTitles: Set<String> = [
        "an object one byte above the boundary is kept whole",
        "an object of twice the boundary and one byte is kept whole", "the proof of an upload fits its bytes",
        "a range across the boundary gives its bytes",
        "a source that breaks in the middle stores nothing of an object in parts",
        "a stopped upload says so and leaves nothing",
    ]

    /// All laws, in the order in which they are best tried: the later ones build on the earlier.
    package static let all =
        objects + names + sizes + digests + ranges + listing + concurrency + faults + versions + answers + changes
        + strays + metadata + keptVersions

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
