import Foundation
import Samples
import TestKit
import Testing

/// Answers say how old they are, and are asked for anew where somebody wants that.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct AnswerAgeTests {
    @Test func `what is known of a backend has a time, and a fresh look corrects it`() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        try await user.createDisk("other")
        let root = try await user.add(sampleBytes(1000))
        try await user.run("sync")
        let row = try await user.json("backend", "show", "disk")
        #expect(row.mapping_counts.oldest_evidence.verify_method == .text("read-back"))
        #expect(row.mapping_counts.oldest_evidence == row.mapping_counts.newest_evidence && row.last_test == .null)
        try await user.run("backend", "test", "disk")
        let tested = try await user.json("status")
        #expect(tested.backends[0].last_test.ok == .flag(true) && tested.backends[1].last_test == .null)
        let words = try await user.run("status").text
        #expect(words.contains("disk: last test: ok, just now."))
        #expect(words.contains("other: what is stored was looked at "))

        try FileManager.default.removeItem(atPath: "\(disk)/cars/\(root).car")
        #expect(try await user.json("whereis", root).mappings[0].status.text == "stored")
        let fresh = try await user.json("whereis", root, "--fresh")
        #expect(fresh.asked[0].answer == .text("absent") && fresh.asked[1].answer == .text("present"))
        #expect(fresh.mappings[0].status == .text("missing") && fresh.mappings[1].status == .text("stored"))
        #expect(try await user.json("whereis", root).mappings[0].status == .text("missing"))
        #expect(try await user.dirty() == ["disk"])
        // What stands for a disk that is not mounted says nothing of what was there.
        try FileManager.default.moveItem(atPath: user.folder + "/other", toPath: user.folder + "/away")
        let silent = try await user.json("pin", "show", root, "--fresh", code: 6)
        #expect(silent.replicas[1].status == .text("stored") && silent.asked[1].answer == .text("unknown"))
    }

    @Test func `a list of snapshots is told with its age, and a sync makes it void`() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        try await user.add(sampleBytes(10))
        try await user.run("sync")
        let first = try await user.json("snapshot", "list", "disk")
        let second = try await user.json("snapshot", "list", "disk")
        #expect(first.fresh == .flag(true) && second.fresh == .flag(false) && second.asked_at == first.asked_at)
        let text = try await user.run("snapshot", "list", "disk").text
        #expect(text.contains("disk answered this ") && text.contains("snapshot list disk --fresh"))
        #expect(try await user.json("snapshot", "list", "disk", "--fresh").fresh == .flag(true))
        try await user.add(sampleBytes(20), name: "more")
        try await user.run("sync")
        let third = try await user.json("snapshot", "list", "disk")
        #expect(third.fresh == .flag(true) && third.snapshots.items.count == 2)
        try write(Array("version: '1'\nmetadata: {keep_days: 0}\n".utf8), to: user.home + "/config/main.yaml")
        #expect(try await user.json("snapshot", "list", "disk").fresh == .flag(true))
        #expect(try await user.json("snapshot", "list", "disk").fresh == .flag(true))
        #expect(try Trees.files(in: user.home + "/metadata").isEmpty)
    }
}
