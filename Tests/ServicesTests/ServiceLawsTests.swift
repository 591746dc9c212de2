import Services
import Storage
import StorageLaws
import TestKit
import Testing

@Suite(.scratch) struct ServiceLawsTests {
    @Test(.timeLimit(.minutes(3)), arguments: Subject.allCases, Law.all)
    func keeps(_ subject: Subject, _ law: Law) async throws {
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
            return LawSubject(service, boundary: subject.boundary, allowsBulk: true)
        }
        let (content, troubles) = try await subject.openTroubled()
        let service = try #require(content.objects)
        return LawSubject(service, boundary: subject.boundary, troublemaker: troubles)
    }

    @Test(.timeLimit(.minutes(3)), arguments: Subject.allCases, ContentLaw.all)
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
