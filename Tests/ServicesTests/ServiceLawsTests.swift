import Services
import Storage
import StorageLaws
import TestKit
import Testing

@Suite(.scratch) struct ServiceLawsTests {
    @Test(.timeLimit(.minutes(3)), arguments: Subject.allCases, Law.all)
    func keeps(_ subject: Subject, _ law: Law) async throws {
        let service = try #require(try await subject.open().notes)
        let trial = LawSubject(service, boundary: subject.boundary, allowsBulk: true)
        guard law.applies(to: trial) else { return }
        guard let weakness = subject.weaknesses[law.title] else { return try await law.verify(on: trial) }
        try await withKnownIssue(isIntermittent: true) {
            try await law.verify(on: trial)
        } matching: { issue in
            guard let violation = issue.error as? LawViolation else { return false }
            return weakness.contains { violation.message.contains($0) }
        }
    }

    @Test(.timeLimit(.minutes(3)), arguments: Subject.allCases, ReplicaLaw.all)
    func keepsContent(_ subject: Subject, _ law: ReplicaLaw) async throws {
        let replica = try await subject.open()
        guard law.applies(to: replica) else { return }
        try await law.verify(on: replica)
    }

    /// Every type in the table of services has a subject here.
    @Test(arguments: ServiceRow.all.map(\.type))
    func everyTypeIsTried(_ type: String) {
        #expect(Subject.allCases.contains { $0.type == type })
    }
}
