internal import Digests
package import Storage

/// A rule that every place for content by CID keeps, as a program that tries it.
package struct ContentLaw: Sendable, CustomStringConvertible {
    /// The rule in a few words.
    package let title: String
    /// What the service must be able to do for the law to apply to it.
    package let needs: Capabilities
    private let check: @Sendable (any ContentService, [SampleArchive]) async throws(LawViolation) -> Void
    private let archives: @Sendable (UInt64) -> [SampleArchive]

    /// A law that is tried with the `archives` made from a seed that is new for each trial; one that `changes` what is
    /// there stores, reads and removes.
    init(
        _ title: String,
        needs: Capabilities = [],
        changes: Bool = true,
        archives: @escaping @Sendable (UInt64) -> [SampleArchive] = { [SampleArchive(seed: $0)] },
        check: @escaping @Sendable (any ContentService, [SampleArchive]) async throws(LawViolation) -> Void
    ) {
        self.title = title
        self.needs = changes ? needs.union([.write, .delete, .takesBytes, .reads]) : needs
        self.archives = archives
        self.check = check
    }

    package var description: String { title }

    /// Whether it is one of the few that tell most for few requests and bytes.
    package var isBrief: Bool { Self.briefTitles.contains(title) }

    /// The titles of the brief laws.
    package static let briefTitles: Set<String> = [
        "a root that was not stored is absent, and unknown to who only finds",
        "a root that was stored is present and read back",
        "a root that was removed is absent, and may be removed again",
    ]

    /// Tries the law and removes afterwards what it stored; throws the sentence that says how it was broken.
    package func verify(on content: any ContentService) async throws(LawViolation) -> LawOutcome {
        let missing = needs.subtracting(content.capabilities)
        guard missing.isEmpty else {
            return .doesNotApply("The backend lacks what it takes: \(missing.names.joined(separator: ", ")).")
        }
        let seed = randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        let archives = archives(seed)
        let failed: LawViolation?
        do throws(LawViolation) {
            try await check(content, archives)
            failed = nil
        } catch {
            failed = error
        }
        guard content.capabilities.contains(.delete) else {
            if let failed { throw failed }
            return .kept
        }
        await Task { for archive in archives { try? await content.remove(archive.root, at: nil) } }.value
        if let failed { throw failed }
        return .kept
    }
}
