import Catalog
import Foundation
import Multiformats
@testable import Operations
import Schema
import Storage
import TestKit
import Testing

/// Plans that are kept and applied once.
@Suite(.scratch, .timeLimit(.minutes(2))) struct PlanTests {
    /// Makes a plan; gives its identifier.
    private func plan(_ home: KitSample, _ operation: String, _ inputs: String = "{}") async throws -> String {
        let made = try await home.run(PlanMake.self, ["operation": .text(operation), "inputs": .text(inputs)])
        return try #require(made.plan).plan.id
    }

    private func apply(_ home: KitSample, _ id: String) async throws -> PlanApply.Output {
        try await home.run(PlanApply.self, ["id": .text(id)])
    }

    private static func isRefusal(_ error: (any Error)?, _ reason: KitError.Reason) -> Bool {
        let error = error as? KitError
        return error?.code == .refused && error?.json["reason"] == .string(reason.rawValue)
    }

    private func pins(_ home: KitSample) async throws -> Int { try await home.run(PinList.self).pins.count }

    @Test func `a plan is applied once, whoever applies it at the same time`() async throws {
        let home = try await KitSample()
        let root = try await home.add("kept")
        let id = try await plan(home, "pin rm", #"{"cids": ["\#(root)"]}"#)
        #expect(try await pins(home) == 1)
        let codes = await withTaskGroup(of: ExitCode.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    do { return try await apply(home, id).exitCode } catch { return KitError(any: error).code }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.count { $0 == .ok } == 1 && codes.count { $0 == .refused } == 7, "\(codes)")
        #expect(try await pins(home) == 0)
        let shown = try await home.run(PlanShow.self, ["id": .text(id)])
        #expect(shown.plan.plan.state(at: home.kit.now) == .applied && shown.plan.plan.code == 0)
    }

    @Test func `a plan that would be another by now is refused, and does nothing`() async throws {
        let home = try await KitSample()
        let folder = try await home.disk("a")
        try await home.add("one")
        let id = try await plan(home, "sync")
        try await home.add("two")
        await #expect { try await apply(home, id) } throws: { Self.isRefusal($0, .planChanged) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        // It was not begun, and is good again when all is as it was.
        let two = try await home.run(PinList.self).pins.first { $0.name == "two" }
        try await home.run(PinRemove.self, ["cids": .list([try #require(two).cid.description])])
        #expect(try await apply(home, id).exitCode == .ok)
    }

    /// Times are another each time; they make no other plan.
    @Test func `a plan whose answer has times in it can be applied`() async throws {
        let home = try await KitSample()
        let inputs = #"{"name": "b", "type": "filesystem", "settings": ["path=\#(home.folder)"]}"#
        let id = try await plan(home, "backend create", inputs)
        #expect(try await apply(home, id).exitCode == .ok)
        #expect(try home.again.backendNames() == ["b"])
    }

    @Test func `a plan lasts as long as it says`() async throws {
        let home = try await KitSample()
        let root = try await home.add("kept")
        let now = Locked<Int64>(1_800_000_000_000)
        let timing = Timing(now: { now.read { $0 } })
        let kit = Kit(home: home.kit.home, timing: timing, environment: { _ in nil })
        let call = Call(kit: kit, from: .commandLine)
        let inputs = FieldValue.text(#"{"cids": ["\#(root)"]}"#)
        let made = try await call.perform(
            PlanMake.self,
            ["operation": .text("pin rm"), "inputs": inputs, "expires": .integer(60)]
        )
        let id = try #require(made.plan).plan.id
        now.change { $0 += 60_000 }
        let error = await #expect(throws: KitError.self) {
            try await call.perform(PlanApply.self, ["id": .text(id)])
        }
        #expect(Self.isRefusal(error, .planExpired) && error?.message.contains("expired") == true)
        // What ended long ago is forgotten when the next one is made.
        now.change { $0 += 31 * 86_400_000 }
        _ = try await call.perform(PlanMake.self, ["operation": .text("pin rm"), "inputs": inputs])
        #expect(try await call.perform(PlanList.self, [:]).plans.count == 1)
    }

    @Test(arguments: [
        ("status", "{}"), ("plan apply", #"{"id": "x"}"#), ("no such", "{}"), ("sync", "[]"),
        ("sync", #"{"nmaes": []}"#), ("sync", #"{"dry_run": true}"#),
        ("snapshot prune", #"{"backend": "a", "keep": 0}"#), ("sync", #"{"names": "a"}"#),
        ("pin rm", #"{"cids": [["x"]]}"#), ("sync", #"{"prune": "true"}"#),
        ("sync", #"{"names": [1]}"#), ("sync", #"{"prune": "perhaps"}"#), ("add", #"{"paths": ["-"]}"#),
        ("get", #"{"path": "x", "output": "-"}"#),
        ("backend create", #"{"name": "c", "type": "s3", "settings": ["bucket=b", "secret_access_key=hush"]}"#),
    ])
    func `what can be no plan is refused, and none is kept`(operation: String, inputs: String) async throws {
        let home = try await KitSample()
        await #expect { try await plan(home, operation, inputs) } throws: { error in
            let error = error as? KitError
            return error?.code == .usage && error?.message.contains("hush") != true
        }
        #expect(try await home.run(PlanList.self).plans.isEmpty)
    }

    /// Whoever may not do something may not have it done by a plan, either.
    @Test(arguments: [Surface.rest, .mcp]) func `a plan gives nobody what is the owner's`(
        _ surface: Surface
    ) async throws {
        let home = try await KitSample()
        let file = home.folder + "/x"
        try write([1], to: file)
        let call = Call(kit: home.again, from: surface)
        await #expect {
            try await call.perform(
                PlanMake.self,
                ["operation": .text("add"), "inputs": .text(#"{"paths": ["\#(file)"]}"#)]
            )
        } throws: { ($0 as? KitError)?.code == .refused }
        let id = try await plan(home, "add", #"{"paths": ["\#(file)"]}"#)
        await #expect {
            try await call.perform(PlanApply.self, ["id": .text(id)])
        } throws: { ($0 as? KitError)?.code == .refused }
        #expect(try await pins(home) == 0)
        #expect(try await apply(home, id).exitCode == .ok)
    }

    @Test func `files are those of the folder in which the plan was made`() async throws {
        let home = try await KitSample()
        let made = try await home.run(
            PlanMake.self,
            ["operation": .text("add"), "inputs": .text(#"{"paths": ["Package.swift"]}"#)]
        )
        let here = FileManager.default.currentDirectoryPath
        #expect(made.plan?.plan.values["paths"] == .array([.string(here + "/Package.swift")]))
    }

    /// What has the same name may be something else by now.
    private enum Change: String, CaseIterable {
        case anotherBackend, movedBackend, anotherPin, otherSettings
    }

    @Test(arguments: Change.allCases) private func `a plan is of what its names meant`(_ change: Change) async throws {
        let home = try await KitSample()
        try await home.disk("a", at: home.folder + "/one")
        let root = try await home.add("kept")
        let other = home.folder + "/two"
        try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
        let id: String
        switch change {
        case .anotherBackend:
            id = try await plan(home, "backend remove", #"{"name": "a", "force": true}"#)
            try await home.run(BackendRemove.self, ["name": .text("a"), "force": .flag(true)])
            try await home.disk("a", at: other)
        case .movedBackend:
            id = try await plan(home, "sync")
            let settings = FieldValue.list(["path=\(other)"])
            try await home.run(BackendUpdate.self, ["name": .text("a"), "settings": settings])
        case .anotherPin:
            id = try await plan(home, "pin rm", #"{"cids": ["\#(root)"]}"#)
            try await home.run(PinRemove.self, ["cids": .list([root])])
            try await home.run(PinAdd.self, ["cids": .list([root]), "name": .text("precious")])
        case .otherSettings:
            id = try await plan(home, "sync")
            let file = home.kit.home.mainConfiguration
            try write(try Data(contentsOf: URL(filePath: file)) + Array("# another\n".utf8), to: file)
        }
        await #expect { try await apply(home, id) } throws: { Self.isRefusal($0, .planChanged) }
        #expect(try await pins(home) == 1 && FileManager.default.contentsOfDirectory(atPath: other).isEmpty)
    }

    @Test func `a plan that is applied now stays`() async throws {
        let home = try await KitSample()
        let id = try await plan(home, "gc")
        #expect(try await home.kit.catalog().beginPlan(id, by: "somebody"))
        await #expect {
            try await home.run(PlanRemove.self, ["id": .text(id)])
        } throws: { Self.isRefusal($0, .planBegun) }
        #expect(try await home.run(PlanList.self).plans.count == 1)
    }

    @Test func `a plan that was forgotten is applied by nobody`() async throws {
        let home = try await KitSample()
        let root = try await home.add("kept")
        let id = try await plan(home, "pin rm", #"{"cids": ["\#(root)"]}"#)
        let other = try await plan(home, "gc")
        try await home.run(PlanRemove.self, ["id": .text(String(id.prefix(8)))])
        await #expect { try await apply(home, id) } throws: { ($0 as? KitError)?.code == .notFound }
        #expect(try await home.run(PlanList.self).plans.map(\.plan.id) == [other])
        #expect(try await pins(home) == 1)
    }

    /// A plan of one home is not applied a second time in its copy.
    @Test func `a copy of a home has no plans`() async throws {
        let home = try await KitSample()
        let root = try await home.add("kept")
        let id = try await plan(home, "pin rm", #"{"cids": ["\#(root)"]}"#)
        try FileManager.default.copyItem(atPath: home.folder + "/kit", toPath: home.folder + "/copy")
        let copy = Kit(home: KitHome(home.folder + "/copy") { _ in nil }, environment: { _ in nil })
        await #expect {
            try await Call(kit: copy, from: .commandLine).perform(PlanApply.self, ["id": .text(id)])
        } throws: { ($0 as? KitError)?.code == .notFound }
    }

    /// What was killed while it was applied is not begun again.
    @Test func `a plan that was begun stays begun`() async throws {
        let home = try await KitSample()
        let root = try await home.add("kept")
        let id = try await plan(home, "pin rm", #"{"cids": ["\#(root)"]}"#)
        #expect(try await home.kit.catalog().beginPlan(id, by: "somebody"))
        await #expect { try await apply(home, id) } throws: { Self.isRefusal($0, .planBegun) }
        let list = try await home.run(PlanList.self).plans
        #expect(list.map { $0.plan.state(at: home.kit.now) } == [.begun])
        #expect(try await pins(home) == 1)
    }
}
