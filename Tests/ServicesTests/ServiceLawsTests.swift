import Foundation
import Services
import Storage
import StorageLaws
import TestKit
import Testing

@Suite(.scratch) struct ServiceLawsTests {
    /// The subjects that `IPFS_KIT_SUBJECT` names, separated by commas; all where it is not set.
    private static let chosen = named?.compactMap { Subject(rawValue: $0) } ?? Subject.allCases
    private static let named = ProcessInfo.processInfo.environment["IPFS_KIT_SUBJECT"].map { text in
        text.split(separator: ",").map(String.init)
    }

    /// A word that is none would try nothing.
    @Test func theSubjectsThatAreNamedAreThere() {
        for word in Self.named ?? [] { #expect(Subject(rawValue: word) != nil, "There is no subject \(word).") }
    }

    /// How often a law is tried: what `IPFS_KIT_ROUNDS` says, or else once, and five times where chance decides.
    private static func rounds(of law: Law) -> Int {
        ProcessInfo.processInfo.environment["IPFS_KIT_ROUNDS"].flatMap { Int($0) } ?? law.rounds
    }

    @Test(.timeLimit(.minutes(3)), arguments: chosen, Law.all)
    func keeps(_ subject: Subject, _ law: Law) async throws {
        // Where a law ends the process, the last line says which one.
        FileHandle.standardError.write(Data("trying on \(subject): \(law)\n".utf8))
        for _ in 0..<Self.rounds(of: law) { try await keepsOnce(subject, law) }
    }

    private func keepsOnce(_ subject: Subject, _ law: Law) async throws {
        let trial = try await trial(of: subject, law)
        guard let weakness = subject.weaknesses[law.title] else {
            guard case .doesNotApply(let reason) = try await law.verify(on: trial) else { return }
            // That a law does not apply is known beforehand: no law falls silent.
            #expect(subject.exceptions.contains(reason), "“\(law)” did not apply to \(subject): \(reason)")
            try Test.cancel("\(reason)")
        }
        try await withKnownIssue(isIntermittent: true) {
            _ = try await law.verify(on: trial)
        } matching: { issue in
            guard let violation = issue.error as? LawViolation else { return false }
            return weakness.contains { violation.message.contains($0) }
        }
    }

    private func trial(of subject: Subject, _ law: Law) async throws -> LawSubject {
        guard law.needsTrouble else {
            let service = try #require(try await subject.open().objects)
            return LawSubject(service, boundary: subject.boundary, allowsBulk: subject.allowsBulk)
        }
        let (content, troubles) = try await subject.openTroubled()
        let service = try #require(content.objects)
        return LawSubject(service, boundary: subject.boundary, troublemaker: troubles)
    }

    @Test(.timeLimit(.minutes(3)), arguments: chosen, ContentLaw.all)
    func keepsContent(_ subject: Subject, _ law: ContentLaw) async throws {
        let content = try await subject.open()
        guard case .doesNotApply(let reason) = try await law.verify(on: content) else { return }
        try Test.cancel("\(reason)")
    }

    /// Every type in the table of services has a subject here.
    @Test(arguments: ServiceRow.all.map(\.type))
    func everyTypeIsTried(_ type: String) {
        #expect(Subject.allCases.contains { $0.type == type })
    }
}
