import Foundation
import Samples
import TestKit
import Testing

/// Pins of a Kubo node that are taken over: the node is a simulator that is held to recorded exchanges.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct PinImportTests: FromSources {
    @Test func pinsAreTakenOverOnce() async throws {
        let node = try await node()
        let user = try await ready(node)
        let first = try await give(node, sampleBytes(100), name: "theirs")
        let mine = try await user.add(sampleBytes(200, seed: 2))
        #expect(try await give(node, sampleBytes(200, seed: 2), name: "not-mine") == mine)
        try await user.run("pin", "add", mine, "--name", "mine")
        let planned = try await user.attempt(["pin", "import", "--from-node", "--dry-run", "--json"])
        #expect(try Answer.lines(planned.text).last?.dry_run == .flag(true))
        #expect(try await user.pins() == [mine])
        let taken = try await user.attempt(["pin", "import", "--from-node", "--json"])
        let lines = try Answer.lines(taken.text)
        #expect(lines.contains { $0.cid == .text(first) && $0.type == .text("taken_over") }, "\(taken.text)")
        #expect(lines.last?.already_here.int == 1 && lines.last?.vanished.int == 0)
        let names = try await user.json("pin", "ls").pins.items
        #expect(names.first { $0.cid == .text(mine) }?.name == .text("mine"))
        #expect(names.first { $0.cid == .text(first) }?.name == .text("theirs"))
        // Nothing changes when nothing changed.
        try await user.run("sync")
        let again = try await user.json("pin", "import", "--from-node")
        #expect(again.taken_over.int == 0 && again.already_here.int == names.count)
        #expect(try await user.dirty() == [])
        // What the node has no more stays here, and each run tells of it.
        try await node.command("pin/rm?arg=\(first)")
        for _ in 0..<2 {
            let gone = try await user.run("pin", "import", "--from-node")
            #expect(gone.text.contains("vanished \(first) theirs") && gone.text.contains("1 vanished"), "\(gone.text)")
        }
        #expect(try await user.pins().contains(first))
        // A pin that this home made by itself is none of the node's affairs.
        try await node.command("pin/rm?arg=\(mine)")
        #expect(try await user.run("pin", "import", "--from-node").text.contains("1 vanished"))
    }

    /// What its owner unpinned here stays so, whatever the node pins, until he pins it again.
    @Test func whatWasUnpinnedHereIsNotPinnedAgain() async throws {
        let node = try await node()
        let user = try await ready(node)
        let root = try await give(node, sampleBytes(100))
        // The node has pins of its own.
        let taken = try await user.attempt(["pin", "import", "--from-node", "--json"])
        let others = try #require(try Answer.lines(taken.text).last?.taken_over.int) - 1
        try await user.run("pin", "rm", root)
        for _ in 0..<2 {
            let again = try await user.run("pin", "import", "--from-node")
            let told = "0 taken over, \(others) already here, 1 unpinned here, 0 vanished"
            #expect(again.text.contains(told), "\(again.text)")
            #expect(again.errorText.contains("`ipfs-kit pin add \(root)`"), "\(again.errorText)")
        }
        #expect(try await !user.pins().contains(root))
        try await user.run("pin", "add", root)
        #expect(try await user.json("pin", "import", "--from-node").already_here.int == others + 1)
        let both = try await user.run("pin", "import", "--from-node", "--follow", "--dry-run", code: 2)
        #expect(both.errorText.contains("--follow"), "\(both.errorText)")
    }

    /// A pin that its owner made while the node was listing stays his own.
    @Test func whatIsPinnedMeanwhileIsNotTakenOver() async throws {
        let node = try await node()
        let user = try await ready(node)
        let bytes = sampleBytes(100)
        let root = try await give(node, bytes, name: "theirs")
        #expect(try await user.attempt(["block", "put", "-"], input: bytes).code == 0)
        try await node.begin("hang", #"{"command": "pin/ls"}"#)
        try await node.forgetRequests()
        let importer = try Running(user, "pin", "import", "--from-node", "--json")
        #expect(try await holds { try await node.requests().contains { $0.contains("pin/ls") } })
        try await user.run("pin", "add", root, "--name", "mine")
        try await node.end("hang")
        #expect(await importer.end() == 0)
        let lines = try Answer.lines(importer.output)
        #expect(lines.last?.already_here.int == 1 && !lines.contains { $0.cid == .text(root) }, "\(importer.output)")
        let pin = try await user.json("pin", "show", root).pin
        #expect(pin.name == .text("mine") && pin.metadata.from_node == .null, "\(pin)")
    }

    /// A name that is too long for a pin here is told of.
    @Test func aLongNameIsToldOf() async throws {
        let node = try await node()
        let user = try await ready(node)
        let (fits, long) = (try await give(node, sampleBytes(1)), try await give(node, sampleBytes(1, seed: 2)))
        // A node does not let anybody give such names.
        let pins = [(fits, 4096), (long, 4097)].map { cid, length in
            let name = String(repeating: "n", count: length)
            return #"{\"Cid\":\"\#(cid)\",\"Type\":\"recursive\",\"Name\":\"\#(name)\"}"#
        }
        let lines = #""text": "\#(pins.joined(separator: "\\n"))", "headers": {"X-Chunked-Output": "1"}"#
        try await node.begin("status", #"{"status": 200, "command": "pin/ls", \#(lines)}"#)
        func take() async throws -> Answer? {
            try Answer.lines(try await user.attempt(["pin", "import", "--from-node", "--json"]).text).last
        }
        let taken = try #require(try await take())
        let names = try await user.json("pin", "ls").pins.items
        #expect(names.first { $0.cid == .text(fits) }?.name.text?.utf8.count == 4096)
        #expect(names.first { $0.cid == .text(long) }?.name == .text(""))
        #expect(taken.warnings.items.count == 1, "\(taken)")
        #expect(taken.warnings[0].text?.contains("\(long) on the node has 4097") == true)
        #expect(try await take()?.warnings.items.isEmpty == true)
    }

    /// Another node may come to stand where this one stood: nobody looked at the pins of the first.
    @Test func anotherNodeMakesNothingVanish() async throws {
        let node = try await node()
        let user = try await ready(node)
        let first = try await give(node, sampleBytes(100))
        let follower = try Running(user, "pin", "import", "--from-node", "--follow", "--interval", "1")
        try await follower.wait { follower.output.contains("taken over \(first)") }
        let answer = #"{\"ID\":\"12D3KooWOther\",\"AgentVersion\":\"kubo\"}"#
        let type = #""headers": {"Content-Type": "application/json"}"#
        try await node.begin("status", #"{"status": 200, "command": "id", "text": "\#(answer)", \#(type)}"#)
        try await node.command("pin/rm?arg=\(first)")
        #expect(await follower.end() == 12)
        #expect(!follower.output.contains("vanished \(first)"), "\(follower.output)")
        #expect(follower.errors.contains("12D3KooWOther"), "\(follower.errors)")
    }

    /// What cannot be kept here is told of, and not pinned: it would keep every command from its end.
    @Test func whatCannotBeKeptIsLeftOut() async throws {
        let node = try await node()
        let user = try await ready(node)
        let fits = try await give(node, sampleBytes(1))
        // Content by its MD5, and 200 bytes in the CID itself.
        let long = "bafkqbsab" + String(repeating: "geytcmjr", count: 40) + ""
        // And a commit of Git, whose links are not known here.
        let bad = ["bafk5kaiqgeytcmjrgeytcmjrgeytcmjrge", long, "baf4bcfbrgeytcmjrgeytcmjrgeytcmjrgeytcmi"]
        let pins = (bad + [fits]).map { #"{\"Cid\":\"\#($0)\",\"Type\":\"recursive\"}"# }
        let lines = #""text": "\#(pins.joined(separator: "\\n"))", "headers": {"X-Chunked-Output": "1"}"#
        try await node.begin("status", #"{"status": 200, "command": "pin/ls", \#(lines)}"#)
        let taken = try await user.attempt(["pin", "import", "--from-node", "--json"])
        let summary = try #require(try Answer.lines(taken.text).last)
        #expect(taken.code == 6 && summary.taken_over.int == 1 && summary.not_taken.items.count == 3, "\(taken.text)")
        #expect(try await user.pins() == [fits])
    }

    /// A list that does not come to its end says nothing of what it lacks.
    @Test func aListThatBreaksOffMakesNothingVanish() async throws {
        let node = try await node()
        let user = try await ready(node)
        let root = try await give(node, sampleBytes(100))
        try await user.run("pin", "import", "--from-node")
        try await node.command("pin/rm?arg=\(root)")
        try await node.begin("trailer", #"{"message": "context canceled", "command": "pin/ls"}"#)
        let broken = try await user.attempt(["pin", "import", "--from-node"])
        #expect(broken.code == 5 && !broken.text.contains("vanished"), "\(broken.text)\(broken.errorText)")
    }

    @Test(arguments: [SIGINT, SIGTERM]) func aFollowerGoesOnUntilItIsStopped(_ signal: Int32) async throws {
        let node = try await node()
        let user = try await ready(node)
        let first = try await give(node, sampleBytes(100))
        let follower = try Running(user, "pin", "import", "--from-node", "--follow", "--interval", "1")
        try await follower.wait { follower.output.contains("taken over \(first)") }
        let second = try await give(node, sampleBytes(200, seed: 2))
        try await follower.wait { follower.output.contains("taken over \(second)") }
        // A node that is away for a while is told of, and asked again.
        try await node.begin("status", #"{"status": 500, "message": "out of luck"}"#)
        try await follower.wait { follower.errors.contains("asked again") }
        #expect(follower.errors.contains("out of luck"), "\(follower.errors)")
        try await node.end("status")
        try await node.command("pin/rm?arg=\(first)")
        try await follower.wait { follower.output.contains("vanished \(first)") }
        try await node.command("pin/add?arg=\(first)")
        try await follower.wait { follower.output.contains("back \(first)") }
        follower.signal(signal)
        #expect(await follower.end() == 130)
        #expect(follower.output.contains("0 vanished from the node"), "\(follower.output)")
        #expect(try await Set(user.pins()).isSuperset(of: [first, second]))
    }
}
