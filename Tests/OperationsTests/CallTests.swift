import Catalog
import Foundation
import Multiformats
@testable import Operations
import Replication
import Schema
import Storage
import TestKit
import Testing

/// What one caller of a kit gives and takes, as a surface does it.
private final class Caller: Sendable {
    let input: Locked<ArraySlice<UInt8>>
    let output = Locked<[UInt8]>([])
    let items = Locked(0)
    let events = Locked<[Event]>([])

    init(input: [UInt8] = []) { self.input = Locked(input[...]) }

    /// A call in the name of this caller, whose output goes through `gate`.
    func call(_ kit: Kit, gate: @escaping @Sendable () async throws -> Void = {}) -> Call {
        Call(
            kit: kit,
            from: .commandLine,
            write: { [self] (bytes) async throws(KitError) in
                do { try await gate() } catch { throw KitError(any: error) }
                output.change { $0 += bytes }
            },
            emit: { [self] _ in items.change { $0 += 1 } },
            read: { [self] (count) async throws(KitError) in
                input.change { left in
                    defer { left = left.dropFirst(count) }
                    return Array(left.prefix(count))
                }
            },
            showsProgress: true,
            hear: { [self] heard in events.change { $0 += heard } }
        )
    }
}

/// The memory that this process has resident, in bytes.
private func residentMemory() throws -> Int {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
    return try #require(Int(pages)) * 4096
}

/// Many callers in one process, over one kit.
@Suite(.scratch, .timeLimit(.minutes(5))) struct CallTests {
    /// Fifty at once, of many kinds: each gets what is his, and says how far his own work is.
    @Test func `operations run side by side over one kit`() async throws {
        let home = try await KitSample()
        try await home.disk("a")
        try await home.disk("b")
        let kept = try await home.add("kept", replicas: 1)
        let kit = home.again
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<50 {
                group.addTask { try await Self.work(number, kit, kept, home.folder) }
            }
            try await group.waitForAll()
        }
        // In the end all that was added is on both, by whomever it was brought.
        _ = try await Call(kit: kit, from: .commandLine).perform(Sync.self, [:])
        let verified = try await Call(kit: kit, from: .commandLine).perform(Verify.self, [:])
        #expect(verified.exitCode == .ok, "\(verified.json.compact)")
        let pins = try await Call(kit: kit, from: .commandLine).perform(PinList.self, [:])
        #expect(pins.pins.count == 1 + 25)
        await kit.close()
    }

    private static func work(_ number: Int, _ kit: Kit, _ kept: String, _ folder: String) async throws {
        let content = Array("caller \(number)".utf8) + [UInt8](repeating: UInt8(number), count: 300_000)
        let caller = Caller(input: content)
        let call = caller.call(kit)
        switch number % 10 {
        case 0, 2, 4, 6, 8:
            let added = try await call.perform(Add.self, ["paths": .list(["-"])])
            let root = try #require(added.roots.first).cid
            #expect(caller.items.read { $0 } == 1)
            let reader = Caller()
            _ = try await reader.call(kit).perform(Cat.self, ["paths": .list([root.description])])
            #expect(reader.output.read { $0 } == content)
            let heard = caller.events.read { $0 }
            let sent = heard.last { $0.kind == .progress }?.progress?.bytes
            #expect(sent == UInt64(content.count), "a caller hears of his own work, and of no other")
            #expect(heard.first?.kind == .began && heard.last?.kind == .ended && Set(heard.map(\.call)).count == 1)
            #expect(heard.filter { $0.kind == .written(.pinned) }.map(\.cid) == [root.description])
        case 1:
            // Another one may be at work on the backend; he says so, and brings what is there by then.
            let synced = try await call.perform(Sync.self, [:])
            #expect(synced.results.allSatisfy { $0.failure == nil || $0.failure?.code == .locked }, "\(synced.json)")
        case 3:
            _ = try await call.perform(Status.self, [:])
        case 5:
            _ = try await call.perform(Get.self, ["path": .text(kept), "output": .text("\(folder)/out-\(number)")])
        case 7:
            _ = try await call.perform(Verify.self, [:])
        default:
            _ = try await call.perform(Collect.self, [:])
        }
    }

    /// More slow readers than there are threads hold up nobody, and one that is told to stop disturbs no other.
    @Test func `a slow reader holds up nobody`() async throws {
        let home = try await KitSample()
        let root = try await home.add("slow")
        let kit = home.again
        let slow = (0..<40).map { _ in Caller() }
        let (hold, release) = AsyncStream.makeStream(of: Void.self)
        let begun = Locked(0)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for (number, caller) in slow.enumerated() {
                group.addTask {
                    let reading = Task {
                        try await caller.call(kit) {
                            begun.change { $0 += 1 }
                            if number < 20 {
                                // These never read on.
                                try await hangUntilCancelled()
                            } else {
                                for await _ in hold {}
                            }
                        }.perform(Cat.self, ["paths": .list([root])])
                    }
                    if number < 20 {
                        #expect(try await holds { begun.read { $0 } == 40 })
                        reading.cancel()
                        do {
                            _ = try await reading.value
                            Issue.record("what was stopped ended well")
                        } catch let error as KitError {
                            #expect(error.code == .interrupted)
                        }
                        return 0
                    }
                    _ = try await reading.value
                    return 1
                }
            }
            #expect(try await holds { begun.read { $0 } == 40 })
            // All of them wait for their readers, and another one is done.
            let quick = Caller()
            _ = try await quick.call(kit).perform(Cat.self, ["paths": .list([root])])
            #expect(quick.output.read { $0 } == Array("content of slow".utf8))
            release.finish()
            var whole = 0
            for try await count in group { whole += count }
            #expect(whole == 20)
        }
        #expect(slow[20...].allSatisfy { $0.output.read { $0 } == Array("content of slow".utf8) })
        await kit.close()
    }

    /// What is opened once serves all, is opened anew when its file changes, and is closed with the kit.
    @Test func `a backend is opened once`() async throws {
        let home = try await KitSample()
        try await home.disk("a")
        let kit = home.again
        let file = try kit.backend("a")
        let first = try await kit.open(file, gate: ClosedGate())
        let second = try await kit.open(file, gate: OpenGate())
        #expect(kit.openings.count == 1)
        _ = try await Call(kit: kit, from: .commandLine).perform(
            BackendUpdate.self,
            ["name": .text("a"), "settings": .list(["max_connections=3"])]
        )
        let third = try await kit.open(try kit.backend("a"), gate: ClosedGate())
        #expect(kit.openings.count == 2 && third.lanes == 3)
        // Each has his own right to change things, and his own counts.
        let name = try #require(ObjectName("x"))
        await #expect(throws: StorageError.self) { _ = try await first.content.objects?.put(name, Body([1])) }
        _ = try await second.content.objects?.put(name, Body([1]))
        #expect(first.meter.counts.puts == 0 && second.meter.counts.puts == 1)
        await kit.close()
        #expect(kit.openings.count == 0)
    }

    /// What is not used is closed after a while, and not while somebody holds anything that it gave.
    @Test func `an opening lasts as long as what it gave`() async throws {
        let home = try await KitSample()
        try await home.disk("a")
        let clock = ManualClock()
        let kit = Kit(home: home.kit.home, timing: clock.timing, environment: { _ in nil })
        var roots: (any RootStream)? = try await kit.open(try kit.backend("a"), gate: ClosedGate()).content.roots()
        _ = try await Call(kit: kit, from: .commandLine).perform(BackendTest.self, ["name": .text("a")])
        #expect(kit.openings.count == 1)
        if let roots { for try await _ in roots {} }
        roots = nil
        // The clock of the kit does not wait.
        #expect(try await holds { kit.openings.count == 0 })
        await kit.close()
    }

    /// A home that was put back while a process lives is the one that is used from then on.
    @Test func `a kit sees that its home was replaced`() async throws {
        let home = try await KitSample()
        let root = try await home.add("first")
        let kit = home.again
        #expect(try await Call(kit: kit, from: .commandLine).perform(PinList.self, [:]).pins.count == 1)
        let folder = home.folder + "/kit"
        try FileManager.default.moveItem(atPath: folder, toPath: folder + ".old")
        await #expect(throws: KitError.self) {
            _ = try await Call(kit: kit, from: .commandLine).perform(PinList.self, [:])
        }
        try await kit.initialise()
        #expect(try await Call(kit: kit, from: .commandLine).perform(PinList.self, [:]).pins.isEmpty)
        try FileManager.default.removeItem(atPath: folder)
        try FileManager.default.moveItem(atPath: folder + ".old", toPath: folder)
        #expect(
            try await Call(kit: kit, from: .commandLine).perform(PinList.self, [:]).pins.map(\.cid.description) == [
                root
            ]
        )
        let reader = Caller()
        _ = try await reader.call(kit).perform(Cat.self, ["paths": .list([root])])
        #expect(reader.output.read { $0 } == Array("content of first".utf8))
    }

    /// A process that ran ten thousand operations needs no more memory than one that ran a thousand.
    @Test func `memory does not grow with the number of operations`() async throws {
        let home = try await KitSample()
        try await home.disk("a")
        let root = try await home.add("one")
        try await home.run(Sync.self)
        let kit = home.again
        func run(_ count: Int) async throws {
            for number in 0..<count {
                let call = Caller().call(kit)
                switch number % 5 {
                case 0: _ = try await call.perform(Cat.self, ["paths": .list([root])])
                case 1: _ = try await call.perform(WhereIs.self, ["cid": .text(root)])
                case 2: _ = try await call.perform(PinAdd.self, ["cids": .list([root])])
                case 3: _ = try await call.perform(Cat.self, ["paths": .list([root]), "from": .text("a")])
                default: _ = try await call.perform(Sync.self, [:])
                }
            }
        }
        try await run(1000)
        // Other tests of this process take memory in some of the times; what is not given back is taken in each.
        var growths: [Int] = []
        for _ in 0..<3 {
            let before = try residentMemory()
            try await run(3000)
            growths.append(try residentMemory() - before)
        }
        let least = try #require(growths.min())
        #expect(least < (8 << 20) / 3, "\(growths) bytes more")
        await kit.close()
    }
}

/// What a caller may touch who is not the owner in his shell.
@Suite(.scratch) struct SurfaceTests {
    private func refusal<Action: Operations.Operation>(
        _ action: Action.Type,
        _ values: [String: FieldValue],
        from surface: Surface,
        _ home: KitSample
    ) async throws -> ExitCode? {
        do throws(KitError) {
            _ = try await Call(kit: home.kit, from: surface).perform(action, values)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(arguments: [Surface.rest, .mcp]) func `files and programs are the owner's`(_ surface: Surface) async throws {
        let home = try await KitSample()
        let root = try await home.add("one")
        // What is not shown there, and what names a file of this machine.
        #expect(try await refusal(Add.self, ["paths": .list(["/etc/passwd"])], from: surface, home) == .refused)
        #expect(
            try await refusal(Cat.self, ["paths": .list([root]), "output": .text("/tmp/x")], from: .rest, home)
                == .refused
        )
        // Other names of a field are the same field.
        #expect(
            try await refusal(BlockGet.self, ["cid": .text(root), "o": .text("/tmp/x")], from: .rest, home) == .refused
        )
        #expect(try await refusal(Status.self, [:], from: surface, home) == nil)
    }

    /// Settings of a backend too, as a list or as one text, and what is taken away.
    @Test func `settings that name files and programs are the owner's`() {
        func code(_ type: String?, _ settings: FieldValue, _ name: String = "settings") -> ExitCode? {
            var values = ["name": FieldValue.text("b"), name: settings]
            values["type"] = type.map { .text($0) }
            do throws(KitError) {
                try Call.refuseLocal(BackendCreate.self, values)
                if type == nil { try Call.refuseLocal(BackendUpdate.self, values) }
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code("filesystem", .list(["path=/etc"])) == .refused)
        #expect(code("sftp", .list(["host=h", "path=p", "ssh-command=/bin/sh"])) == .refused)
        #expect(code("sftp", .text("ssh_command=/bin/sh")) == .refused)
        #expect(code("s3", .list(["bucket=b", "secret_access_key=${HOME}"])) == .refused)
        #expect(code("s3", .list(["ca_file=/etc/shadow"])) == .refused)
        #expect(code(nil, .list(["key_file=/k"])) == .refused)
        #expect(code("sftp", .list(["host=h", "path=p"])) == nil)
        #expect(code(nil, .list(["timeout=3"])) == nil)
    }

    /// Each name that leads to a file of the machine is marked as such, so that a new one is not forgotten.
    @Test func `what names a file is marked`() {
        for row in operationTable where row.surfaces.contains(.rest) || row.surfaces.contains(.mcp) {
            for field in row.operation.fieldInfo where field.help.lowercased().contains("file") && field.kind != .flag {
                #expect(field.meaning?.isLocal == true, "\(row.operation.name) \(field.name): \(field.help)")
            }
        }
    }
}
