import Digests
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

/// What fetches keeps the laws of those that store, where something else stores what is fetched.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct Aria2LawsTests {
    @Test(arguments: ContentLaw.all) func keepsTheLawsOfThoseThatStore(_ law: ContentLaw) async throws {
        let giver = try await URLGiver()
        let fetching = try await Subject.openFetching([:], offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(fetching) { (fetching) async throws in
            let content = AlteredContent(fetching) {
                $0.capabilities.formUnion([.write, .delete, .takesBytes])
                // There is no index beside what is fetched.
                $0.capabilities.subtract(.rangeReads)
                $0.onStore = { (upload) async throws(StorageError) in
                    let bytes = try await collect(try await upload.car().open(), limit: 1 << 30)
                    try await giver.store(upload, digest(.sha256, of: bytes))
                    return .stored(Location("\(upload.root)"), proof: nil)
                }
                $0.onRemove = { (root) async throws(StorageError) in try await giver.remove(root) }
            }
            let isAbout = law.needs.isSubset(of: content.capabilities)
            let outcome = try await law.verify(on: content)
            #expect((outcome == .kept) == isAbout)
        }
    }
}
