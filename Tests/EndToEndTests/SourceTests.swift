import Foundation
import Samples
import TestKit
import Testing

/// Content that is read from a Kubo node or a backend, because `config/main.yaml` says so: the node is a simulator that
/// is held to recorded exchanges.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct SourceTests: FromSources {
    // MARK: Packing from a node

    /// What only the node has is packed from there, and nothing of it comes into the store.
    @Test(arguments: ["[store, kubo: 'NODE']", "[kubo: 'NODE']", "kubo", "node"])
    func pinsOfANodeAreSynced(_ source: String) async throws {
        let node = try await node()
        var user = try await ready(node, source: source.replacing("NODE", with: node.endpoint))
        user.environment["IPFS_API_URL"] = node.endpoint
        // A backend may be a source, also where nothing is stored on it.
        let made = try await user.attempt(["backend", "create", "node", "ipfs", "--api-url", node.endpoint])
        #expect(made.code == 0, "\(made.errorText)")
        try await user.run("backend", "disable", "node")
        let contents = [sampleBytes(1000), sampleBytes(5 << 20, seed: 2), sampleBytes(300_000, seed: 3)]
        var roots: [String] = []
        for (index, bytes) in contents.enumerated() { roots.append(try await give(node, bytes, name: "n\(index)")) }
        let imported = try await user.run("pin", "import", "--from-node")
        #expect(imported.text.contains("taken over \(roots[1]) n1"), "\(imported.text)")
        let sync = try await user.json("sync").backends[0]
        #expect((sync.uploaded.int ?? 0) >= 3 && sync.failures.items.isEmpty, "\(sync)")
        #expect(try await user.json("verify").backends[0].whole.int == sync.uploaded.int)
        #expect(try await blocks(user) == 0)
        // What is not in the store is said not to be there, and nobody is told to restore it.
        let status = try await user.json("status")
        #expect(status.pins_not_whole.int == sync.uploaded.int && status.pins_short_of_replicas.int == 0)
        #expect(try await user.run("status").text.contains("only the store was looked at"))
        #expect(try await user.json("pin", "show", roots[1]).whole.flag == false)
        try await node.forgetRequests()
        #expect(try await user.json("sync").backends[0].status == .text("clean"))
        #expect(try await node.requests() == [])
        // The CAR is the one that a store gives.
        let other = try await User.ready("other")
        let car = user.folder + "/disk/cars/\(roots[1]).car"
        try await other.run("dag", "import", car)
        try await other.run("dag", "export", roots[1], "-o", other.folder + "/a.car")
        #expect(try bytes(at: car) == bytes(at: other.folder + "/a.car"))
        #expect(try await user.attempt(["cat", roots[1]]).output == Data(contents[1]))
    }

    /// An export that ends early is never whole: what it lacks is asked for, and where that is not there, nothing is
    /// stored.
    @Test(arguments: ["trailer", "end", "close"], [false, true])
    func aCutExportIsNeverStored(_ how: String, _ isLost: Bool) async throws {
        let node = try await node()
        let bytes = sampleBytes(3 << 20)
        let root = try await give(node, bytes)
        let user = try await ready(node)
        try await user.run("pin", "import", "--from-node")
        let lost = try #require(try await links(user, root).last)
        try await node.begin("export-cut", #"{"bytes": 1000000, "how": "\#(how)"}"#)
        if isLost { try await node.begin("lose-block", #"{"cid": "\#(lost)"}"#) }
        let sync = try await user.attempt(["sync", "--json"])
        let report = try Answer.parse(sync.text).backends[0]
        if isLost {
            #expect(sync.code != 0 && (report.failures.items.count == 1), "\(sync.text)\(sync.errorText)")
            #expect(try await user.json("backend", "pin", "find", root, code: 4).error.code.int == 4)
            #expect(!FileManager.default.fileExists(atPath: user.folder + "/disk/cars/\(root).car"))
            try await node.end("lose-block")
            #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        } else {
            #expect(sync.code == 0, "\(sync.text)\(sync.errorText)")
        }
        #expect(try await user.json("verify").backends[0].corrupt.int == 0)
        try await user.run("car", "verify", user.folder + "/disk/cars/\(root).car")
    }

    /// A node that damages a block, or does not answer, costs the pins that only it has, and no others.
    @Test(arguments: ["damaged", "away", "slow"])
    func aNodeThatFailsCostsItsOwnPinsOnly(_ what: String) async throws {
        let node = try await node()
        let root = try await give(node, sampleBytes(700_000))
        let user = try await ready(node)
        try await user.run("pin", "import", "--from-node")
        let own = try await user.add(sampleBytes(2000, seed: 5))
        switch what {
        case "damaged": try await node.begin("wrong-bytes", #"{"cid": "\#(root)"}"#)
        case "away": try configure(user, "[store, kubo: 'http://127.0.0.1:9']")
        default: try await node.begin("slow", #"{"pause": 0.05}"#)
        }
        let sync = try await user.attempt(["sync", "--json"])
        let report = try Answer.parse(sync.text).backends[0]
        if what == "slow" {
            #expect(sync.code == 0 && report.failures.items.isEmpty, "\(sync.text)")
        } else {
            #expect(sync.code == 6, "\(sync.code) \(sync.text)\(sync.errorText)")
            #expect(report.failures.items.contains { $0.cid == .text(root) }, "\(report)")
            #expect(try await user.json("backend", "pin", "find", root, code: 4).error.code.int == 4)
        }
        #expect(try await user.json("backend", "pin", "find", own).mappings[0].status == .text("stored"))
    }

    // MARK: Pinning

    @Test func whatTheStoreLacksIsFetched() async throws {
        let node = try await node()
        let user = try await ready(node)
        let (large, small) = (
            try await give(node, sampleBytes(3 << 20)), try await give(node, sampleBytes(100, seed: 2))
        )
        let added = try await user.attempt(["pin", "add", "-", "--json"], input: Array("\(large)\n\(small)\n".utf8))
        let answer = try Answer.parse(added.text)
        #expect(
            answer.pinned.items.count == 2 && (answer.fetched_blocks.int ?? 0) > 12,
            "\(added.text)\(added.errorText)"
        )
        try configure(user, "store")
        #expect(try await user.content(large) == sampleBytes(3 << 20))
        #expect(try await user.json("status").pins_not_whole.int == 0)
    }

    /// A block that the node lost keeps its root from being pinned; what came stays, and only the rest is asked for.
    @Test func aFetchGoesOnWhereItStopped() async throws {
        let node = try await node()
        let user = try await ready(node)
        let root = try await give(node, sampleBytes(6 << 20))
        let small = try await give(node, sampleBytes(100, seed: 2))
        let links = try await links(user, root)
        try await node.begin("lose-block", #"{"cid": "\#(links[20])"}"#)
        let partly = try await user.run("pin", "add", root, small, code: 6)
        #expect(partly.errorText.contains("\(root) was not pinned"), "\(partly.errorText)")
        #expect(try await user.pins() == [small])
        let here = try await blocks(user) ?? 0
        #expect(here > 10)
        try await node.end("lose-block")
        try await node.forgetRequests()
        try await user.run("pin", "add", root)
        let asked = try await node.requests()
        #expect(!asked.contains { $0.contains("dag/export") } && asked.count <= links.count - here + 4, "\(asked)")
        #expect(try await user.json("status").pins_not_whole.int == 0)
    }

    /// What took long to fetch is pinned when it is here, and not when the last of many is.
    @Test func whatIsHereIsPinnedBeforeTheNextIsFetched() async throws {
        let node = try await node()
        let user = try await ready(node)
        let (mine, first) = (try await user.add(sampleBytes(10, seed: 7)), try await give(node, sampleBytes(100)))
        let last = try await give(node, sampleBytes(3 << 20, seed: 2))
        let leaf = try #require(try await links(user, last).last)
        try await user.run("pin", "rm", mine)
        // The last one waits for a block.
        try await node.begin("export-without", #"{"cid": "\#(leaf)"}"#)
        try await node.begin("hang", #"{"command": "block/get"}"#)
        try await node.forgetRequests()
        let adder = try Running(user, "pin", "add", mine, first, last)
        try await adder.wait { try await node.requests().contains { $0.contains("block/get") && $0.contains(leaf) } }
        #expect(try await Set(user.pins()) == [mine, first])
        try await node.end("hang")
        #expect(await adder.end() == 0)
        #expect(try await user.pins().count == 3)
    }

    /// Where the store is no source, what is pinned is read at the node, and stays there.
    @Test func withoutTheStoreNothingIsCopied() async throws {
        let node = try await node()
        let user = try await ready(node, source: "{kubo: '\(node.endpoint)'}")
        let root = try await give(node, sampleBytes(3 << 20))
        try await user.run("pin", "add", root)
        #expect(try await user.pins() == [root])
        #expect(try await blocks(user) == 0)
        let other = try await give(node, sampleBytes(3 << 20, seed: 2))
        let lost = try #require(try await links(user, other).first)
        try await node.begin("lose-block", #"{"cid": "\#(lost)"}"#)
        let refused = try await user.attempt(["pin", "add", other])
        #expect(refused.code == 4 || refused.code == 10, "\(refused.code) \(refused.errorText)")
        #expect(try await user.pins() == [root])
    }

    /// What a pin leads to stays, also where the block that leads there is on the node alone.
    @Test func theStoreIsCollectedBesidePinsOfTheNode() async throws {
        let node = try await node()
        let user = try await ready(node)
        let root = try await give(node, sampleBytes(3 << 20))
        try await user.run("pin", "import", "--from-node")
        let leaf = try #require(try await links(user, root).first)
        let part = try await user.attempt(["block", "get", leaf])
        #expect(try await user.add(Array(part.output)) == leaf)
        let garbage = try await user.add(sampleBytes(1000, seed: 3))
        try await user.run("pin", "rm", leaf, garbage)
        try await user.run("gc", "--waste", "0")
        #expect(try await blocks(user) == 1)
        // Where nobody says what belongs to a pin, nothing is removed.
        try await user.run("pin", "rm", try await user.add(sampleBytes(1000, seed: 4)))
        try await node.begin("lose-block", #"{"cid": "\#(root)"}"#)
        let refused = try await user.attempt(["gc", "--waste", "0"])
        #expect([4, 10, 12].contains(refused.code), "\(refused.code) \(refused.errorText)")
        #expect(try await blocks(user) == 2)
        try configure(user, "store")
        try await user.run("gc", "--waste", "0", code: 12)
    }

    /// A node that is slow keeps nobody from the store while the store is collected.
    @Test func aSlowNodeKeepsNobodyFromTheStore() async throws {
        let node = try await node()
        let user = try await ready(node)
        _ = try await give(node, sampleBytes(3 << 20))
        try await user.run("pin", "import", "--from-node")
        try await user.run("pin", "rm", try await user.add(sampleBytes(1000, seed: 3)))
        try await node.begin("hang", #"{"command": "block/get"}"#)
        try await node.forgetRequests()
        let collector = try Running(user, "gc", "--waste", "0")
        try await collector.wait { try await node.requests().contains { $0.contains("block/get") } }
        let added = try await user.add(sampleBytes(100, seed: 4))
        // A pin of which nobody was asked is asked about before something goes.
        let late = try await give(node, sampleBytes(3 << 20, seed: 5))
        try await user.run("pin", "import", "--from-node")
        try await node.end("hang")
        #expect(await collector.end() == 0, "\(collector.errors)")
        #expect(try await blocks(user) == 1)
        #expect(try await user.content(added) == sampleBytes(100, seed: 4))
        #expect(try await node.requests().contains { $0.contains("block/get") && $0.contains(late) })
    }

    /// What only a node has was never lost here.
    @Test func pinsOfTheNodeAreNoLoss() async throws {
        let node = try await node()
        let user = try await ready(node)
        _ = try await give(node, sampleBytes(3 << 20))
        let mine = try await user.add(sampleBytes(100, seed: 2))
        let imported = try await user.attempt(["pin", "import", "--from-node", "--json"])
        let taken = try #require(try Answer.lines(imported.text).last?.taken_over.int)
        let rebuilt = try await user.json("store", "rebuild-index")
        #expect(rebuilt.pins_not_whole.int == taken && rebuilt.pins_lost.int == 0, "\(rebuilt)")
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        let lost = try await user.attempt(["store", "rebuild-index", "--json"])
        #expect(lost.code == 10)
        let answer = try Answer.parse(lost.text)
        #expect(answer.pins_not_whole.int == taken + 1 && answer.pins_lost.int == 1, "\(lost.text)")
        #expect(try await user.pins().contains(mine))
    }

    @Test func withoutASourceTheErrorSaysWhatHelps() async throws {
        let user = try await User.ready()
        try await user.run("pin", "import", "--from-node", "--interval", "2", code: 2)
        let refused = try await user.run("pin", "add", absent, code: 4)
        #expect(refused.errorText.contains("config/main.yaml") && refused.errorText.contains("restore \(absent)"))
        let imported = try await user.run("pin", "import", "--from-node", code: 12)
        #expect(imported.errorText.contains("source: [store, kubo]"))
        try configure(user, "{kubo: 'http://127.0.0.1:9'}")
        let silent = try await user.run("pin", "import", "--from-node", code: 5).errorText
        #expect(silent.contains("main.yaml:2") && !silent.contains("ipfs-kit backend"), "\(silent)")
    }

    /// A store that was lost comes back from the node where no backend has what was in it.
    @Test func whatNoBackendHasWholeIsRestoredFromSources() async throws {
        let node = try await node()
        let user = try await ready(node)
        let root = try await give(node, sampleBytes(3 << 20))
        try await user.run("pin", "add", root)
        let plan = try await user.json("restore", "--dry-run")
        #expect(plan.whole.int == 1)
        try FileManager.default.removeItem(atPath: user.home + "/store/packs")
        try await user.run("store", "rebuild-index", code: 10)
        try await node.begin("lose-block", #"{"cid": "\#(root)"}"#)
        let failed = try await user.attempt(["restore"])
        #expect(failed.code != 0 && failed.text.contains("kubo"), "\(failed.text)\(failed.errorText)")
        try await node.end("lose-block")
        let restored = try await user.json("restore").restored
        #expect(restored[0].from.text?.contains("kubo") == true, "\(restored)")
        try configure(user, "store")
        #expect(try await user.content(root) == sampleBytes(3 << 20))
    }

    // MARK: The configuration

    /// A home whose content lies on a backend reads it from there.
    @Test func aBackendIsASource() async throws {
        let owner = try await User.ready("owner")
        let disk = try await owner.createDisk("disk")
        let root = try await owner.add(sampleBytes(3 << 20))
        try await owner.run("sync")
        let reader = try await User.ready("reader")
        try await reader.run("backend", "create", "disk", "filesystem", "--path", disk)
        try await reader.run("cat", root, code: 4)
        try configure(reader, "[store, disk]")
        #expect(try await reader.content(root) == sampleBytes(3 << 20))
        // Whether it is somewhere in a CAR is asked for where the backend is named.
        let leaf = try #require(try await links(reader, root).first)
        let refused = try await reader.run("block", "get", leaf, code: 4)
        #expect(refused.errorText.contains("ipfs-kit block get --from disk \(leaf)"), "\(refused.errorText)")
        #expect(try await reader.attempt(["block", "get", "--from", "disk", leaf]).code == 0)
        #expect(try await blocks(reader) == 0)
        try await reader.run("pin", "add", root)
        try configure(reader, "store")
        #expect(try await reader.content(root) == sampleBytes(3 << 20))
    }

    /// A source that cannot be opened is as one that does not answer: the others give what they have.
    @Test(arguments: ["gone", "secret", "{kubo: '/ip4/1.2.3.4/udp/1'}"])
    func aSourceThatCannotBeOpenedKeepsNothingElseBack(_ source: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let keys = ["--access-key-id", "a", "--secret-access-key", "${NOBODY_SETS_THIS}"]
        let made = try await user.attempt(["backend", "create", "secret", "s3", "--bucket", "pins"] + keys)
        #expect(made.code == 0, "\(made.errorText)")
        try await user.run("backend", "disable", "secret")
        let root = try await user.add(sampleBytes(2 << 20))
        try configure(user, "[\(source), store, disk]")
        #expect(try await user.content(root) == sampleBytes(2 << 20))
        try await user.run("sync")
        try await user.run("gc")
        // What the store lost comes back from elsewhere, also where nobody names the place.
        for _ in 0..<2 {
            try FileManager.default.removeItem(atPath: user.home + "/store/packs")
            try await user.run("store", "rebuild-index", code: 10)
            try await user.run("restore")
            #expect(try await user.content(root) == sampleBytes(2 << 20))
            try configure(user, "[store, \(source)]")
        }
        let warnings = try await user.json("status").warnings
        #expect(warnings.items.contains { $0.text?.hasPrefix("Content cannot be read from") == true }, "\(warnings)")
        // Where nobody has what is wanted, that one may.
        let refused = try await user.attempt(["cat", absent])
        #expect(refused.code == 2 && !refused.errorText.contains("not in the store"), "\(refused.errorText)")
        let pin = try await user.attempt(["pin", "add", absent])
        #expect(pin.code == 2 && pin.errorText == refused.errorText, "\(pin.errorText)")
        #expect(FileManager.default.fileExists(atPath: disk + "/cars/\(root).car"))
    }

    /// A backend that content is read from is not removed, and none gets the name of another place.
    @Test func theNamesOfSourcesStay() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try configure(user, "[store, disk]")
        let refused = try await user.run("backend", "remove", "disk", "--force", code: 12)
        #expect(refused.errorText.contains("main.yaml:2"), "\(refused.errorText)")
        try configure(user, "store")
        try await user.run("backend", "remove", "disk")
        for name in ["store", "kubo", "ipfs"] {
            try await user.run("backend", "create", name, "filesystem", "--path", disk, code: 2)
        }
    }

    /// What only one source has, and has damaged, is told as damage.
    @Test(arguments: ["[kubo: 'NODE']", "[store, kubo: 'NODE']", "[kubo: 'NODE', store]"])
    func damageAtASourceIsNotAbsence(_ source: String) async throws {
        let node = try await node()
        let user = try await ready(node, source: source.replacing("NODE", with: node.endpoint))
        let root = try await give(node, sampleBytes(1000))
        try await node.begin("wrong-bytes", #"{"cid": "\#(root)"}"#)
        for command in [["cat"], ["block", "get"], ["dag", "export"], ["pin", "add"]] {
            let refused = try await user.attempt(command + [root])
            #expect(refused.code == 10, "\(command): \(refused.code) \(refused.errorText)")
        }
    }

    @Test(arguments: [
        "kubbo": "did you mean “kubo”", "[store, store]": "twice", "[]": "empty", "{store: x}": "kubo: ADDRESS",
        "{kubo: 'http://user:secret@127.0.0.1:5001'}": "user", "{kubo: '/ip4/1.2.3.4/udp/1'}": "multiaddr",
        "~": "store, kubo", "'http://user:secret@127.0.0.1:5001'": "kubo: ADDRESS",
    ])
    func whatIsNoSourceIsAnErrorWithItsLine(_ source: String, _ words: String) async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(100))
        try configure(user, source)
        let refused = try await user.run("cat", root, code: 2)
        #expect(refused.errorText.contains("main.yaml:2"), "\(refused.errorText)")
        #expect(refused.errorText.contains(words) && !refused.errorText.contains("secret@"), "\(refused.errorText)")
        let status = try await user.attempt(["status"])
        #expect(!(status.text + status.errorText).contains("secret@"), "\(status.text)\(status.errorText)")
    }

    @Test func aWordThatMeansNothingIsAnErrorForEveryCommand() async throws {
        let user = try await User.ready()
        try write(Array("version: '1'\nsources: kubo\n".utf8), to: user.home + "/config/main.yaml")
        let refused = try await user.run("status", code: 2)
        #expect(refused.errorText.contains("main.yaml:2") && refused.errorText.contains("did you mean “source”"))
    }
}
