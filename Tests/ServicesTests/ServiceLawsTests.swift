import Foundation
import Services
import Storage
import StorageLaws
import TestKit
import Testing

@Suite(.scratch, .argumentsInTurn) struct ServiceLawsTests {
    /// The subjects that `IPFS_KIT_SUBJECT` names, separated by commas; all where it is not set.
    private static let chosen = Subject.all.filter { named?.contains($0.name) ?? true }
    /// Those that keep named objects.
    private static let keeping = chosen.filter(\.keepsObjects)
    private static let named = variable("IPFS_KIT_SUBJECT")?.split(separator: ",").map(String.init)
    /// The laws whose titles have in them what `IPFS_KIT_LAW` says; all where it is not set.
    private static let laws = Law.all.filter { isChosen($0.title) }
    private static let contentLaws = ContentLaw.all.filter { isChosen($0.title) }

    private static func isChosen(_ title: String) -> Bool {
        variable("IPFS_KIT_LAW").map { title.contains($0) } ?? true
    }

    private static func variable(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    /// A word that is none would try nothing.
    @Test func theSubjectsAndLawsThatAreNamedAreThere() {
        for word in Self.named ?? [] {
            #expect(Subject.all.contains { $0.name == word }, "There is no subject \(word).")
        }
        #expect(!Self.laws.isEmpty || !Self.contentLaws.isEmpty, "There is no law with IPFS_KIT_LAW in its title.")
    }

    /// How often a law is tried, unless `IPFS_KIT_ROUNDS` says it.
    private static func rounds(_ usual: Int) -> Int { variable("IPFS_KIT_ROUNDS").flatMap { Int($0) } ?? usual }

    private static let tally = LawTally { contentLaws.count + ($0.keepsObjects ? laws.count : 0) }

    @Test(.timeLimit(.minutes(10)), arguments: keeping, laws)
    func keeps(_ subject: Subject, _ law: Law) async throws {
        try await Self.tally.count(subject, law.title) {
            for _ in 1..<Self.rounds(law.rounds) { _ = try await keepsOnce(subject, law) }
            return try await keepsOnce(subject, law)
        }
    }

    /// What came of the law; nil where the server itself broke it, in a way that is known.
    private func keepsOnce(_ subject: Subject, _ law: Law) async throws -> LawOutcome? {
        guard law.needsTrouble else {
            return try await subject.lend { content in
                let service = try #require(content.objects)
                let trial = LawSubject(service, boundary: subject.boundary, allowsBulk: subject.allowsBulk)
                return try await outcome(law, subject, trial)
            }
        }
        let (content, troubles) = try await subject.openTroubled()
        return try await Subject.closing(content) { content in
            let service = try #require(content.objects)
            return try await outcome(
                law,
                subject,
                LawSubject(service, boundary: subject.boundary, troublemaker: troubles)
            )
        }
    }

    /// Why laws of metadata and versions do not apply to a type that has none, as the table of types says.
    private static func lacks(of subject: Subject) -> [String] {
        let powers = ServiceRow.named(subject.type)?.capabilities ?? []
        return [Capabilities.metadata, .versions].filter { !powers.contains($0) }
            .map { "The service lacks what it takes: \($0.names.joined())." }
    }

    private func outcome(_ law: Law, _ subject: Subject, _ trial: LawSubject) async throws -> LawOutcome? {
        do {
            let outcome = try await law.verify(on: trial)
            // That a law does not apply is known beforehand: no law falls silent.
            if case .doesNotApply(let reason) = outcome {
                let isKnown =
                    subject.exceptions.contains(reason) || reason == "What is stored here can be removed."
                    || Self.lacks(of: subject).contains(reason)
                #expect(isKnown, "“\(law)” did not apply to \(subject.name): \(reason)")
            }
            return outcome
        } catch {
            guard let weakness = subject.weaknesses[law.title], weakness.contains(where: { error.message.contains($0) })
            else { throw error }
            withKnownIssue { throw error }
            return nil
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: chosen, contentLaws)
    func keepsContent(_ subject: Subject, _ law: ContentLaw) async throws {
        try await Self.tally.count(subject, law.title) {
            var outcome = try await subject.lend { try await law.verify(on: $0) }
            for _ in 1..<Self.rounds(1) { outcome = try await subject.lend { try await law.verify(on: $0) } }
            if let stocked = subject.stocked, case .doesNotApply = outcome {
                outcome = try await Subject.closing(try await stocked()) { try await law.verify(on: $0) }
            }
            return outcome
        }
    }

    /// A backend that may only be read is tried without a change: nothing that changes is sent.
    @Test(arguments: keeping) func isTriedWhereItMayOnlyBeRead(_ subject: Subject) async throws {
        let kept = try await subject.lend { content in
            let reading = AlteredService(try #require(content.objects)) {
                $0.capabilities.subtract([.write, .delete])
                $0.onPut = { (name, _) async throws(StorageError) in throw StorageError(.corrupt, "\(name) was sent.") }
                $0.onDelete = { (name) async throws(StorageError) in throw StorageError(.corrupt, "\(name) was sent.") }
            }
            let trial = LawSubject(Checked(reading, backend: "subject"), boundary: subject.boundary)
            var kept = 0
            for law in Self.laws where try await law.verify(on: trial) == .kept { kept += 1 }
            // Where nobody can list, no law about lists is kept.
            return kept + (reading.capabilities.contains(.listing) ? 0 : 1)
        }
        #expect(kept >= 4 || Self.laws.count < Law.all.count)
    }

    /// What a type says that it can do decides which laws are said to apply to it.
    @Test(arguments: chosen) func canDoAtMostWhatItsTypeSays(_ subject: Subject) async throws {
        let row = try #require(ServiceRow.named(subject.type))
        let content = try await subject.open()
        #expect(content.capabilities.isSubset(of: row.capabilities))
        #expect((content.objects != nil) == subject.keepsObjects)
        let objects = content.objects?.capabilities ?? Capabilities()
        #expect(objects.isSubset(of: row.objects))
    }

    /// Every type in the table of services has a subject here.
    @Test(arguments: ServiceRow.all.map(\.type))
    func everyTypeIsTried(_ type: String) {
        #expect(Subject.all.contains { $0.type == type })
    }
}
