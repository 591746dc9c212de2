import Catalog
import Foundation
import Multiformats
@testable import Operations
import Replication
import Schema
import Storage
import TestKit
import Testing

/// Backends are asked side by side, and each answers for itself.
@Suite(.scratch) struct FreshLookTests {
    /// A root on two backends of which the first lost it.
    private func sample() async throws -> (KitSample, root: CID) {
        let sample = try await KitSample()
        let disk = try await sample.disk("first")
        try await sample.disk("second")
        let root = try CID(try await sample.add("a"))
        try await sample.run(Sync.self)
        try FileManager.default.removeItem(atPath: disk + "/cars/\(root).car")
        return (sample, root)
    }

    private func status(_ sample: KitSample, _ root: CID, _ backend: String) async throws -> Mapping.Status? {
        try await sample.again.catalog().mappings(of: [root]).first { $0.backend == backend }?.status
    }

    @Test func `who hangs keeps nobody from answering, and ends when it is told to`() async throws {
        let (sample, root) = try await sample()
        let kit = sample.again
        let door = Doorway()
        let work = Task {
            try await kit.lookAnew(for: [root]) { (file) async throws(KitError) in
                guard file.name == "second" else { return try await kit.openAtKnownAddress(file) }
                await door.pass()
                try? await hangUntilCancelled()
                throw KitError(.interrupted, "The work was stopped.", backend: file.name)
            }
        }
        await door.arrived()
        door.open()
        // What one has said is written down while the other hangs.
        #expect(try await holds { try await status(sample, root, "first") == .missing })
        work.cancel()
        let look = try await work.value
        #expect(look.exitCode == .interrupted && look.rows.map(\.backend) == ["first", "second"])
        #expect(look.rows.map(\.verdict) == [.missing, .unknown])
        #expect(try await status(sample, root, "second") == .stored)
        await kit.close()
    }

    @Test func `something else in the place of a root is a failure`() async throws {
        let (sample, root) = try await sample()
        try write(Array("no archive".utf8), to: sample.folder + "/second/cars/\(root).car")
        let look = try await sample.again.lookAnew(for: [root])
        #expect(look.rows.map(\.verdict) == [.missing, .corrupt] && look.exitCode == .verification)
    }

    @Test func `who cannot be asked is told, and what was known of it stays`() async throws {
        let (sample, root) = try await sample()
        let second = sample.folder + "/second"
        try FileManager.default.moveItem(atPath: second, toPath: second + "-away")
        let before = try await sample.again.catalog().mappings(of: [root]).first { $0.backend == "second" }
        for words in [WhereIs.name, BackendPinFind.name] {
            let values: [String: FieldValue] = ["cid": .text("\(root)"), "fresh": .flag(true)]
            let output =
                words == WhereIs.name
                ? try await sample.run(WhereIs.self, values) : try await sample.run(BackendPinFind.self, values)
            #expect(output.exitCode == .partlyFailed && output.report.failures.count == 1)
            #expect(output.mappings.map(\.status) == [.missing, .stored])
            #expect(output.mappings.last == before)
        }
        let shown = try await sample.run(PinShow.self, ["cid": .text("\(root)"), "fresh": .flag(true)])
        #expect(shown.exitCode == .partlyFailed && shown.mappings.last == before)
        // Nobody is asked without being told to.
        #expect(try await sample.run(WhereIs.self, ["cid": .text("\(root)")]).look.rows.isEmpty)
    }

    @Test func `what no catalog knows is found where it is, and not missed where nobody answers`() async throws {
        let (sample, root) = try await sample()
        let other = try await KitSample("other")
        try await other.disk("mine", at: sample.folder + "/second")
        let values: [String: FieldValue] = ["cid": .text("\(root)"), "fresh": .flag(true)]
        let found = try await other.run(WhereIs.self, values)
        #expect(found.exitCode == .ok && found.mappings.map(\.status) == [.pending])
        #expect(found.look.rows.map(\.verdict) == [.present])
        let empty = try await KitSample("empty")
        let away = try await empty.disk("away")
        let nobody = await #expect(throws: KitError.self) { try await empty.run(WhereIs.self, values) }
        #expect(nobody?.code == .notFound)
        try FileManager.default.removeItem(atPath: away)
        let silent = await #expect(throws: KitError.self) { try await empty.run(WhereIs.self, values) }
        #expect(silent?.code == .temporary && silent?.message.contains("could be asked") == true)
    }

    @Test func `who is disabled, or leads elsewhere, is not asked`() async throws {
        let (sample, root) = try await sample()
        try await sample.run(BackendDisable.self, ["name": .text("first")])
        let values: [String: FieldValue] = ["cid": .text("\(root)"), "fresh": .flag(true)]
        let output = try await sample.run(WhereIs.self, values)
        #expect(output.exitCode == .ok && output.look.rows.map(\.backend) == ["second"])
        #expect(output.look.warnings.contains { $0.hasPrefix("first is disabled") })
        let elsewhere = sample.folder + "/elsewhere"
        try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
        try await sample.run(BackendUpdate.self, ["name": .text("second"), "settings": .list(["path=\(elsewhere)"])])
        let astray = try await sample.run(WhereIs.self, values)
        #expect(astray.exitCode == .refused && astray.look.rows.map(\.verdict) == [.unknown])
    }
}
