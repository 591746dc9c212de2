package import Storage

/// A rule that every storage service keeps, as a program that tries it.
package struct Law: Sendable, CustomStringConvertible {
    /// The rule in a few words: `a range beyond the end gives what there is`.
    package let title: String
    /// What a service must be able to do for the law to apply to it.
    package let needs: Capabilities
    /// Whether trying the law stores about a thousand objects.
    package let isBulk: Bool
    private let check: @Sendable (LawSubject) async throws(LawViolation) -> Void

    /// A law; every one writes and deletes, so both are needed besides `needs`.
    init(
        _ title: String,
        needs: Capabilities = [],
        isBulk: Bool = false,
        check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> Void
    ) {
        self.title = title
        self.needs = needs.union([.write, .delete])
        self.isBulk = isBulk
        self.check = check
    }

    package var description: String { title }

    /// All laws, in the order in which they are best tried: the later ones build on the earlier.
    package static let all = objects + sizes + digests + ranges + listing + concurrency + faults

    /// Whether the law can be tried on the subject.
    package func applies(to subject: LawSubject) -> Bool {
        subject.service.capabilities.isSuperset(of: needs) && (!isBulk || subject.allowsBulk)
    }

    /// Tries the law and removes afterwards what it stored; throws the sentence that says how it was broken.
    package func verify(on subject: LawSubject) async throws(LawViolation) {
        let failed: LawViolation?
        do throws(LawViolation) {
            try await check(subject)
            failed = nil
        } catch {
            failed = error
        }
        await subject.cleanUp()
        if let failed { throw failed }
    }
}
