import Foundation
import IPLD
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// The public fixtures, which are not in the tree.
enum PublicFixtures {
    /// Their folder; the test is cancelled where it is not there.
    static func folder() throws -> String {
        let named = ProcessInfo.processInfo.environment["IPFS_KIT_FIXTURES"]
        let path = named ?? packageRoot.appending(path: "../shared/fixtures").path
        let isThere = FileManager.default.fileExists(atPath: path + "/gateway-conformance/fixtures")
        try Requirement.check("fixtures", missing: isThere ? nil : "the public fixtures are absent")
        return path
    }
}

/// What is made of the answers that a Kubo 0.42 gave, and of the archives of the conformance suite.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct GatewayRecordTests {
    private func recorded() async throws -> GatewayServer {
        let folder = try PublicFixtures.folder()
        return try await GatewayServer.start([
            "--cars", folder + "/gateway-conformance/fixtures", "--record",
            folder + "/kubo-rpc/gateway-transcripts.json", "--fault", "header-only",
        ])
    }

    /// Roots of the suite with what was recorded of them, or is computed, and how many blocks a DAG has.
    @Test(arguments: [
        ("bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy", 9),
        ("bafybeietjm63oynimmv5yyqay33nui4y4wx6u3peezwetxgiwvfmelutzu", 4),
        ("bafyreidy4q6mmetut5jzc54ambsfnatbyoujmwbfzyyolqw24majazwgha", 8),
        ("bafybeigcisqd7m5nf3qmuvjdbakl5bdnh4ocrmacaqkpuh77qjvggmt2sa", 6),
        ("bafybeidh6k2vzukelqtrjsmd4p52cpmltd2ufqrdtdg6yigi73in672fwu", 10),
    ]) func wholeDAGsAreRead(_ text: String, _ count: Int) async throws {
        let content = try await GatewayReadingTests.open([try await recorded()])
        let root = try CID(text)
        var parser = CARParser(verifiesBlocks: true)
        parser.feed(try await collect(content.read(root), limit: 8 << 20))
        var (sections, roots): ([CID], [CID]) = ([], [])
        while let event = try parser.next() {
            switch event {
            case .header(let header): roots = header.roots
            case .section(let section): sections.append(section.cid)
            }
        }
        try parser.finish()
        #expect(roots == [root] && sections.count == count && sections.first == root)
        #expect(await content.presence(of: root, at: nil).held != nil)
    }

    /// A DAG of which the node lacks a block, and a root that it has not got at all: it said 200 to both.
    @Test(arguments: [
        "QmYhmPjhFjYFyaoiuNzYv8WGavpSRDwdHWe5B4M5du5Rtk", "bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai",
    ]) func whatIsNotAllThereIsNoWhole(_ text: String) async throws {
        let server = try await recorded()
        for (isComplete, code) in [(false, StorageError.Code.unavailable), (true, .notFound)] {
            let content = try await GatewayReadingTests.open([server], ["complete": .flag(isComplete)])
            let error = await GatewayReadingTests.failure {
                _ = try await collect(content.read(try CID(text)), limit: 1 << 20)
            }
            #expect(error?.code == code, "\(String(describing: error))")
        }
    }

    /// The recorded words of an absence, and of the empty block that everybody has.
    @Test func theRecordedWordsAreUnderstood() async throws {
        let content = try await GatewayReadingTests.open([try await recorded()], ["complete": .flag(true)])
        #expect(try await content.probe().contains("trustless gateway"))
        let missing = try CID("bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaai")
        guard case .absent = await content.presence(of: missing, at: nil) else {
            Issue.record("The node said that it has not got it.")
            return
        }
        let block = try await content.block(try CID("bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"))
        #expect(String(decoding: block, as: UTF8.self) == "hello world\n")
    }
}
