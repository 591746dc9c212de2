import Catalog
import Foundation
@testable import Operations
import POSIX
import Schema
import Storage
import TestKit
import Testing

/// What services answered is kept with its time, and is nothing that anybody has to believe.
@Suite(.scratch) struct KeptAnswerTests {
    private static let here = BackendState.Address(place: "here", account: "me")
    private static let day: Int64 = 86_400_000

    private func answers(days: Int64 = 30, at now: Int64 = 1_000_000_000_000) -> KeptAnswers {
        KeptAnswers(folder: Scratch.current + "/answers", days: days, now: Timestamp(milliseconds: now))
    }

    /// Keeps an answer at the usual time.
    private func keep(_ answer: JSON = "yes", _ kind: KeptAnswers.Kind = .test) throws {
        try #require(answers().expect(kind, at: Self.here, by: "somebody")).keep(answer)
    }

    private var files: [String] { (try? Trees.files(in: Scratch.current + "/answers").sorted()) ?? [] }

    @Test func `an answer is kept with when it was asked, and by whom`() throws {
        try keep()
        let kept = try #require(answers().find(.test, at: Self.here))
        #expect(kept.answer == "yes" && kept.askedBy == "somebody" && kept.askedAt.milliseconds == 1_000_000_000_000)
        #expect(answers().find(.snapshots, at: Self.here) == nil)
        let path = Scratch.current + "/answers/test.json"
        #expect(try fileInfo(path).permissions & 0o777 == 0o600 && files == ["test.json"])
    }

    @Test(arguments: [
        (0, 30, true), (29, 30, true), (30, 30, false), (-1, 30, false), (5, 5, false), (4, 5, true), (0, 0, false),
    ]) func `what is too old, or of a time that has not come, is not used and goes by itself`(
        age: Int64,
        days: Int64,
        isUsed: Bool
    ) throws {
        try keep()
        try keep("list", .snapshots)
        let later = answers(days: days, at: 1_000_000_000_000 + age * Self.day)
        #expect((later.find(.test, at: Self.here) != nil) == isUsed)
        // Whoever looks for the one has the other removed too.
        #expect(files == (isUsed ? ["snapshots.json", "test.json"] : []))
    }

    @Test func `with no days nothing is kept`() {
        #expect(answers(days: 0).expect(.test, at: Self.here, by: "somebody") == nil)
        #expect(files.isEmpty)
    }

    @Test(arguments: [
        ("here", "me", true), ("here", "", true), ("here", "other", false), ("there", "me", false), ("", "", false),
    ]) func `an answer of another place is not one of this`(place: String, account: String, isUsed: Bool) throws {
        try keep()
        let address = BackendState.Address(place: place, account: account)
        #expect((answers().find(.test, at: address) != nil) == isUsed)
        #expect(files == ["test.json"])
    }

    /// A file that is none of ours, and what is in its place.
    @Test(arguments: [
        "", "{", "[]", "null", "\"x\"", "{\"version\":2}", #"{"version":1,"asked_at":"x"}"#,
        #"{"version":1,"asked_at":"2001-09-09T01:46:40.000Z","asked_by":7,"place":"here","account":"","answer":1}"#,
        #"{"version":1,"asked_at":"2001-09-09T01:46:40.000Z","asked_by":"x","place":"here","account":""}"#,
        String(repeating: "[", count: 100_000), String(repeating: " ", count: 2 << 20), "\u{0}\u{1}",
    ]) func `a damaged file is no answer, and keeps none from coming`(text: String) throws {
        try keep()
        try write(Array(text.utf8), to: Scratch.current + "/answers/test.json")
        #expect(answers().find(.test, at: Self.here) == nil)
        try keep()
        #expect(answers().find(.test, at: Self.here) != nil)
    }

    /// What may stand where the file should be.
    enum Obstacle: CaseIterable { case folder, pipe, link, noFolder }

    @Test(arguments: Obstacle.allCases) func `what is no file is no answer, and stops nobody`(
        obstacle: Obstacle
    ) async throws {
        let folder = Scratch.current + "/answers"
        if obstacle == .noFolder {
            try write([], to: folder)
        } else {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        switch obstacle {
        case .folder:
            try FileManager.default.createDirectory(atPath: folder + "/test.json", withIntermediateDirectories: true)
        case .pipe: _ = try await ProcessRunner.run(URL(filePath: "/usr/bin/mkfifo"), [folder + "/test.json"])
        case .link: try makeLink(folder + "/test.json", to: "/dev/zero")
        case .noFolder: break
        }
        #expect(answers().find(.test, at: Self.here) == nil)
        answers().expect(.test, at: Self.here, by: "somebody")?.keep("yes")
        answers().forget([.test])
    }

    @Test func `what is made void is so on its way too`() throws {
        let (test, list) = (
            answers().expect(.test, at: Self.here, by: "a"), answers().expect(.snapshots, at: Self.here, by: "a")
        )
        answers().forget([.snapshots])
        test?.keep("ok")
        list?.keep("old")
        #expect(files == ["test.json"])
        answers().forget(KeptAnswers.Kind.allCases)
        #expect(files.isEmpty)
    }

    @Test func `what did not come, and what is too long, leaves nothing`() throws {
        try #require(answers().expect(.test, at: Self.here, by: "a")).drop()
        try keep(.string(String(repeating: "x", count: 2 << 20)))
        #expect(files.isEmpty)
    }

    @Test func `no secret is kept`() throws {
        Redactor.shared.learn("secret-of-kept-answers")
        try keep(["message": "it said secret-of-kept-answers"])
        let text = String(decoding: try bytes(at: Scratch.current + "/answers/test.json"), as: UTF8.self)
        #expect(!text.contains("secret-of-kept") && text.contains(Redactor.mark))
    }

    // MARK: What the home says of it

    @Test(arguments: [
        ("metadata: {keep_days: 7}", 7), ("metadata: {}", 30), ("source: store", 30), ("metadata: {keep_days: 0}", 0),
    ]) func `the home says for how long`(line: String, days: Int64) async throws {
        let sample = try await KitSample()
        try write(Array("version: '1'\n\(line)\n".utf8), to: sample.again.home.mainConfiguration)
        #expect(try sample.again.configuration().keepDays == days)
    }

    @Test(arguments: [
        ("metadata: 30", "keep_days"), ("metadata: {keep_day: 30}", "did you mean “keep_days”?"),
        ("metadata: {keep_days: -1}", "from 0 to 36525"), ("metadata: {keep_days: many}", "from 0 to 36525"),
        ("metadata: {keep_days: '5'}", "from 0 to 36525"), ("metadata: {keep_days: 99999999999999999999}", "from 0"),
        ("metadat: {keep_days: 30}", "did you mean “metadata”?"), ("metadata:\n  keep_days: [1]", ":3: "),
    ]) func `what means nothing is an error with its line`(line: String, phrase: String) async throws {
        let sample = try await KitSample()
        let path = sample.again.home.mainConfiguration
        try write(Array("version: '1'\n\(line)\n".utf8), to: path)
        let error = await #expect(throws: KitError.self) { try await sample.run(PinList.self) }
        #expect(error?.code == .usage && error?.message.hasPrefix(path + ":") == true)
        #expect(error?.message.contains(phrase) == true, "\(error?.message ?? "")")
    }

    // MARK: What operations keep

    private func lastTest(_ sample: KitSample, _ name: String = "disk") async throws -> LastTest? {
        try await sample.run(BackendShow.self, ["name": .text(name)]).row.lastTest
    }

    @Test func `the last test of a backend is told with its time, whatever came of it`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        #expect(try await lastTest(sample) == nil)
        try await sample.run(BackendTest.self, ["name": .text("disk")])
        let good = try #require(try await lastTest(sample))
        #expect(good.error == nil && good.steps.map(\.title).contains("remove"))
        #expect(good.words(at: Timestamp(milliseconds: good.askedAt.milliseconds + 3 * Self.day)) == "ok, 3 days ago")
        try FileManager.default.removeItem(atPath: disk)
        await #expect(throws: KitError.self) { try await sample.run(BackendTest.self, ["name": .text("disk")]) }
        let bad = try #require(try await lastTest(sample))
        #expect(bad.error?.code == .temporary && bad.error?.backend == "disk" && bad.steps.isEmpty)
        #expect(bad.words(at: bad.askedAt).hasPrefix("failed just now: The directory "))
        let listed = try await sample.run(BackendList.self).rows.first?.lastTest
        #expect(listed?.askedAt == bad.askedAt)
        // Other settings were not tried.
        try await sample.run(BackendUpdate.self, ["name": .text("disk"), "settings": .list(["path=\(disk)2"])])
        #expect(try await lastTest(sample) == nil)
    }

    @Test func `a list of snapshots is kept until something may have changed it`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        func list(_ name: String = "disk", fresh: Bool = false) async throws -> (names: Int, isFresh: Bool) {
            let output = try await sample.run(SnapshotList.self, ["backend": .text(name), "fresh": .flag(fresh)])
            let isFresh = output.json["fresh"] == .bool(true)
            return (output.names.count, isFresh)
        }
        func expect(_ names: Int, fresh: Bool, asking: Bool = false, _ comment: Comment) async throws {
            let found = try await list(fresh: asking)
            #expect(found.names == names && found.isFresh == fresh, comment)
        }
        try await expect(0, fresh: true, "nothing is kept at first")
        try await expect(0, fresh: false, "what was answered is kept")
        for number in 1...2 {
            try await sample.add("\(number)")
            try await sample.run(Sync.self)
            try await expect(number, fresh: true, "a sync leaves a snapshot")
            try await expect(number, fresh: false, "it is kept again")
        }
        // Whatever somebody else did there is seen by who asks.
        let folder = disk + "/kits/" + (try await sample.again.identity().kit)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".car") }
        let oldest = try #require(names.min())
        let car = try bytes(at: folder + "/" + oldest)
        try FileManager.default.removeItem(atPath: folder + "/" + oldest)
        try await expect(2, fresh: false, "nobody was asked")
        try await expect(1, fresh: true, asking: true, "somebody was asked")
        try await expect(1, fresh: false, "and that is kept")
        try write(car, to: folder + "/" + oldest)
        try await sample.run(SnapshotPrune.self, ["backend": .text("disk"), "dry_run": .flag(true)])
        try await expect(1, fresh: false, "a dry run changes nothing")
        try await sample.run(SnapshotPrune.self, ["backend": .text("disk"), "keep": .integer(1)])
        try await expect(1, fresh: true, "a prune makes it void")
        // Under another name of the place too.
        try await sample.disk("twin", at: disk)
        for isFresh in [true, false] { #expect(try await list("twin").isFresh == isFresh) }
        try await sample.add("3")
        try await sample.run(Sync.self, ["names": .list(["disk"])])
        for name in ["disk", "twin"] {
            let (names, isFresh) = try await list(name)
            #expect(names == 2 && isFresh, "\(name)")
        }
        try await sample.add("4")
        try await sample.run(Sync.self, ["names": .list(["twin"])])
        #expect(try await list().isFresh)
    }

    /// As where the folder could not be written to when the sync began.
    @Test func `a list that lacks what this home left is no answer`() async throws {
        let sample = try await KitSample()
        try await sample.disk("disk")
        let values: [String: FieldValue] = ["backend": .text("disk")]
        for number in 1...2 {
            try await sample.add("\(number)")
            let path = sample.again.home.answers(of: "disk") + "/snapshots.json"
            let old = try? bytes(at: path)
            try await sample.run(Sync.self)
            if let old { try write(old, to: path) }
            let output = try await sample.run(SnapshotList.self, values)
            #expect(output.names.count == number && output.json["fresh"] == .bool(true))
        }
    }

    @Test func `nothing is kept that was asked for while somebody may change it`() async throws {
        let sample = try await KitSample()
        try await sample.disk("disk")
        let lease = try await sample.again.catalog().takeLease("disk", for: 60_000).get()
        let values: [String: FieldValue] = ["backend": .text("disk")]
        for _ in 0..<2 { #expect(try await sample.run(SnapshotList.self, values).json["fresh"] == .bool(true)) }
        try await sample.again.catalog().release(lease)
        _ = try await sample.run(SnapshotList.self, values)
        #expect(try await sample.run(SnapshotList.self, values).json["fresh"] == .bool(false))
    }

    @Test func `kept answers go with their backend`() async throws {
        let sample = try await KitSample()
        let disk = try await sample.disk("disk")
        try await sample.run(BackendTest.self, ["name": .text("disk")])
        try await sample.run(BackendRemove.self, ["name": .text("disk")])
        #expect(try Trees.files(in: sample.again.home.path + "/metadata").isEmpty)
        try await sample.disk("disk", at: disk)
        #expect(try await lastTest(sample) == nil)
    }

    /// Names of snapshots that somebody wrote into the file by hand.
    @Test(arguments: [
        #"[{"name":"kits/x/../1.car","left_at":"2001-09-09"}]"#, "[1]", "7", #"[{"name":"kits/a/b.txt"}]"#,
    ]) func `a list that makes no sense is asked for anew`(answer: String) async throws {
        let sample = try await KitSample()
        try await sample.disk("disk")
        let values: [String: FieldValue] = ["backend": .text("disk")]
        try await sample.run(SnapshotList.self, values)
        let path = sample.again.home.answers(of: "disk") + "/snapshots.json"
        let text = String(decoding: try bytes(at: path), as: UTF8.self)
        try write(Array(text.replacing("\"answer\":[]", with: "\"answer\":" + answer).utf8), to: path)
        #expect(try await sample.run(SnapshotList.self, values).json["fresh"] == .bool(true))
        #expect(try await sample.run(SnapshotList.self, values).json["fresh"] == .bool(false))
    }
}
