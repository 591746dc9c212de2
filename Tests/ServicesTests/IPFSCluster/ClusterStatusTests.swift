import Multiformats
import Schema
import Storage
import StorageLaws
import Testing

@testable import Services

/// What the words of peers come to.
@Suite struct ClusterStatusTests {
    private static let root = SampleArchive(seed: 1).root

    /// A status with peers as `word`, or `word:attempts`.
    static func status(_ words: [String], mark: String? = nil, cid: CID? = nil) -> JSON {
        let peers = words.enumerated().map { number, text in
            let parts = text.split(separator: ":")
            let peer: JSON = [
                "peername": .string("peer-\(number)"), "status": .string(String(parts[0])),
                "error": .string(parts[0] == "pin_error" ? "no space" : ""),
                "attempt_count": .integer(Int64(parts.dropFirst().first ?? "9") ?? 9),
                "timestamp": "2026-11-01T10:00:00Z",
            ]
            return JSON.Member("1peer\(number)", peer)
        }
        return [
            "cid": .string("\(cid ?? root)"), "name": "", "created": "2026-11-01T10:00:00Z",
            "metadata": mark.map { ["ipfs-kit": .string($0)] } ?? .null, "peer_map": .object(peers),
        ]
    }

    private func verdict(_ words: String, needing least: Int? = nil) throws -> String {
        let value = Self.status(words.split(separator: " ").map(String.init))
        let status = try #require(ClusterStatus(value, of: Self.root))
        return switch status.verdict(needing: least, attempts: 3) {
        case .held(let peers): "held \(peers.count)"
        case .working: "working"
        case .failed(let sentences, let isPartial): "failed \(sentences.count)\(isPartial ? " partial" : "")"
        case .gone: "gone"
        case .unclear: "unclear"
        }
    }

    @Test(arguments: [
        ("pinned pinned pinned", "held 3"), ("pinned pinned remote", "held 2"), ("pinned pinning", "working"),
        ("pin_queued pinned", "working"), ("queued", "working"), ("pinned pin_error", "failed 1 partial"),
        ("pin_error pin_error remote", "failed 2"), ("pin_error:1 pin_error:1", "working"),
        ("pin_error:1 pin_error:5", "working"), ("unexpectedly_unpinned:0", "failed 1"),
        ("pin_error cluster_error", "failed 1 partial"), ("unpinned unpinned", "gone"), ("unpinned remote", "gone"),
        ("unpinning unpin_queued", "gone"), ("unpin_error unpinned", "gone"), ("unpinned cluster_error", "unclear"),
        ("cluster_error", "unclear"), ("remote remote", "unclear"), ("pinned cluster_error", "unclear"),
        ("pinned unpinned", "unclear"), ("sharded", "unclear"), ("undefined", "unclear"), ("nonsense", "unclear"),
    ]) func allThatShouldHaveItMust(_ words: String, _ wanted: String) throws {
        #expect(try verdict(words) == wanted)
    }

    @Test(arguments: [
        ("pinned pinning pinning", 1, "held 1"), ("pinned pinned pin_error", 2, "held 2"),
        ("pinned pinning remote", 2, "working"), ("pinned remote remote", 2, "unclear"), ("unpinned", 0, "gone"),
        ("pinned cluster_error", 1, "held 1"), ("pin_error pinned", 2, "failed 1 partial"),
    ]) func orAsManyAsItNeeds(_ words: String, _ least: Int, _ wanted: String) throws {
        #expect(try verdict(words, needing: least) == wanted)
    }

    @Test func whatIsSaidOfSomethingElseIsNoStatus() throws {
        let other = SampleArchive(seed: 2).root
        #expect(ClusterStatus(Self.status(["pinned"], cid: other), of: Self.root) == nil)
        #expect(ClusterStatus(Self.status([]), of: Self.root) == nil)
        let values: [JSON] = [
            .null, [], ["cid": .string("\(Self.root)")], ["cid": 1, "peer_map": ["a": ["status": "pinned"]]],
        ]
        for value in values {
            #expect(ClusterStatus(value, of: Self.root) == nil)
        }
        let nameless: JSON = ["cid": .string("\(Self.root)"), "peer_map": ["a": ["error": ""]]]
        #expect(ClusterStatus(nameless, of: Self.root) == nil)
    }

    @Test func anEntryOfThePinsetSaysWhatItIs() throws {
        func pin(_ more: [(String, JSON)]) -> ClusterPin? {
            let usual: [(String, JSON)] = [
                ("cid", .string("\(Self.root)")), ("allocations", []), ("mode", "recursive"), ("max_depth", -1),
                ("type", 2), ("replication_factor_min", 2), ("metadata", ["ipfs-kit": "kit"]),
            ]
            let kept = usual.filter { field in !more.contains { $0.0 == field.0 } } + more
            return ClusterPin(.object(kept.map { JSON.Member($0.0, $0.1) }))
        }
        let usual = try #require(pin([]))
        #expect(usual.cid == Self.root && usual.isRecursive && usual.mark == "kit" && usual.least == 2)
        #expect(pin([("mode", "direct")])?.isRecursive == false)
        #expect(pin([("max_depth", 0)])?.isRecursive == false)
        #expect(pin([("type", 3)])?.isRecursive == false)
        #expect(pin([("type", "shard-pin")])?.isRecursive == false)
        #expect(pin([("type", "pin")])?.isRecursive == true)
        #expect(pin([("replication_factor_min", -1)])?.least == nil)
        #expect(pin([("metadata", .null)])?.mark == nil)
        #expect(pin([("cid", ["/": .string("\(Self.root)")])])?.cid == Self.root)
        #expect(pin([("cid", "no cid")])?.cid == nil)
        #expect(ClusterPin(["error": "x"]) == nil && ClusterPin(["cid": .null, "allocations": []]) == nil)
    }
}
