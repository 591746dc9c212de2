import Storage
import StorageLaws
import TestKit
import Testing

/// What fetches keeps the laws of those that store, where something else stores what is fetched.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct Aria2LawsTests {
    @Test(arguments: ContentLaw.all) func keepsTheLawsOfThoseThatStore(_ law: ContentLaw) async throws {
        try await Subject.closing(try await Subject.openStocked()) { (content) async throws in
            let isAbout = law.needs.isSubset(of: content.capabilities)
            let outcome = try await law.verify(on: content)
            #expect((outcome == .kept) == isAbout)
        }
    }
}
