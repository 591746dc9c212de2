import BlockStore
import Catalog
import Foundation
import Multiformats
@testable import Operations
import POSIX
import Schema
import Storage
import TestKit
import Testing

/// What is told of work while it goes on, and what is kept of that.
@Suite(.scratch, .timeLimit(.minutes(2))) struct EventTests {
    private func bus() -> EventBus {
        let home = KitHome(Scratch.current + "/nowhere") { _ in nil }
        return EventBus(timing: Timing(now: { 1_700_000_000_000 }), log: EventLog(of: home))
    }

    /// An event about a backend, to tell it from others.
    private func event(_ name: String) -> Event {
        var event = Event(.working)
        event.backend = name
        return event
    }

    private func number(_ event: Event) -> Int? { event.id.split(separator: "-").last.flatMap { Int($0) } }

    @Test func `all hear everything in one order, whoever tells it`() async throws {
        let (bus, first, second) = (bus(), Locked<[Event]>([]), Locked<[Event]>([]))
        let listening = [
            bus.listen { events in first.change { $0 += events } },
            bus.listen { events in second.change { $0 += events } },
        ]
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<20 {
                group.addTask { for _ in 0..<50 { bus.tell([event("a\(task)"), event("b\(task)")]) } }
            }
        }
        for listener in listening { await listener.flush() }
        let heard = first.read { $0 }
        #expect(heard.compactMap(number) == Array(1...2000))
        #expect(heard.map(\.backend) == second.read { $0 }.map(\.backend))
        withExtendedLifetime(listening) {}
    }

    @Test func `a listener of a call hears of no other, and of nothing once it is let go`() async {
        let (bus, heard) = (bus(), Locked<[Event]>([]))
        var listening: Listening? = Listening(wantsProgress: false) { events in heard.change { $0 += events } }
        let own = bus.begin(event("own"), isKept: true, for: listening)
        let other = bus.begin(event("other"), isKept: true, for: nil)
        bus.tell([event("x")], in: .init(call: own, operation: "sync", isKept: true))
        bus.tell([event("y")], in: .init(call: other, operation: "sync", isKept: true))
        bus.tell([Event(.progress)], in: .init(call: own, operation: "sync", isKept: true))
        await listening?.flush()
        listening = nil
        bus.tell([event("z")], in: .init(call: own, operation: "sync", isKept: true))
        #expect(heard.read { $0.map(\.backend) } == ["own", "x"])
    }

    /// One who never comes back from what he was told keeps nobody; of what he misses he hears how much it was.
    @Test func `a listener that is slow holds up nobody`() async {
        let (bus, heard, gate) = (bus(), Locked<[Event]>([]), DispatchSemaphore(value: 0))
        let slow = bus.listen { events in
            gate.wait()
            gate.signal()
            heard.change { $0 += events }
        }
        let others = (0..<40).map { _ in
            bus.listen { _ in
                gate.wait()
                gate.signal()
            }
        }
        let quick = Locked(0)
        let other = bus.listen { events in quick.change { $0 += events.count } }
        for number in 0..<12_000 { bus.tell([event("b\(number)")]) }
        await other.flush()
        #expect(quick.read { $0 } == 12_000 && heard.read { $0.isEmpty })
        gate.signal()
        await slow.flush()
        for other in others { await other.flush() }
        let notes = heard.read { $0.filter { $0.kind == .warning } }
        #expect(notes.count == 1 && notes[0].message?.contains("left out") == true)
        #expect(heard.read { $0.last?.backend } == "b11999")
    }

    /// Who reads the log learns what is so now from its last line.
    @Test func `the order of events is that of the commits`() async throws {
        let home = try await KitSample()
        let kit = home.again
        let heard = Locked<[Event]>([])
        let listening = kit.events.listen { events in heard.change { $0 += events } }
        let catalog = try kit.catalog()
        let root = try CID("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    if number.isMultiple(of: 2) {
                        try await catalog.addPins([Pin(cid: root, createdAt: catalog.time)], reason: "a")
                    } else {
                        _ = try await catalog.removePins([root], reason: "b")
                    }
                }
            }
            try await group.waitForAll()
        }
        await listening.flush()
        let words = heard.read { $0.map(\.kind.word) }
        for (first, second) in zip(words, words.dropFirst()) { #expect(first != second, "\(words)") }
        let isPinned = try await catalog.pin(root) != nil
        #expect(words.last == (isPinned ? "pinned" : "unpinned"))
    }

    @Test func `what is not in the catalog is not told`() async throws {
        let home = try await KitSample()
        try await home.disk("a")
        let kit = home.again
        let heard = Locked<[Event]>([])
        let listening = kit.events.listen { events in heard.change { $0 += events } }
        let catalog = try kit.catalog()
        let lease = try await catalog.takeLease("a", for: 60_000).get()
        let root = try CID("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
        let seen = Observation(root, .missing, method: "asked", place: nil, at: catalog.time, by: "test")
        try await catalog.record([seen], under: lease)
        try await catalog.release(lease)
        await #expect(throws: CatalogError.self) { try await catalog.record([seen], under: lease) }
        await listening.flush()
        #expect(heard.read { $0.map(\.kind.word) } == ["missing"])
        #expect(heard.read { $0.map(\.cid) } == [root.description])
        withExtendedLifetime(listening) {}
    }

    @Test func `what two processes append is whole, also while files are put aside`() async throws {
        let home = try await KitSample()
        // Two openings of the file, as two processes have it.
        let logs = [1, 2].map { _ in EventLog(of: home.kit.home, longest: 20_000) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, log) in logs.enumerated() {
                group.addTask {
                    for number in 1...100 {
                        var event = event("b\(index)")
                        (event.id, event.message) = ("x-\(number)", String(repeating: "m", count: 100))
                        try log.write([event])
                    }
                }
            }
            try await group.waitForAll()
        }
        let files = EventLog.files(of: home.kit.home)
        #expect((2...EventLog.kept + 1).contains(files.count))
        for file in files {
            let info = try fileInfo(file)
            #expect(info.permissions & 0o077 == 0 && info.length < 21_000)
        }
        var reader = try LogReader(home.kit.home)
        var events: [Event] = []
        while let next = try reader.next() { events += next }
        let own = events.filter { $0.id.hasPrefix("x-") }
        #expect(own.count == 200 && reader.unreadable == 0)
        for index in 0...1 {
            #expect(own.filter { $0.backend == "b\(index)" }.compactMap(number) == Array(1...100))
        }
    }

    /// One who was left so far behind that lines have gone is told so.
    @Test func `a reader that is too late knows that lines are missing`() async throws {
        let home = try await KitSample()
        let log = EventLog(of: home.kit.home, longest: 3000)
        var reader = try LogReader(home.kit.home)
        var seen: [Int] = []
        for number in 1...400 {
            var event = event("b")
            event.id = "x-\(number)"
            try log.write([event])
            if number == 10 {
                while let events = try reader.next() { seen += events.compactMap(self.number) }
            }
        }
        #expect(seen.last == 10 && !reader.hasGap)
        while let events = try reader.next(), !reader.hasGap { seen += events.compactMap(self.number) }
        #expect(reader.hasGap)
    }

    /// Files are put aside, and the oldest removed, while it reads.
    @Test func `a reader that follows sees every line once, whatever is put aside meanwhile`() async throws {
        let home = try await KitSample()
        let log = EventLog(of: home.kit.home, longest: 3000)
        var reader = try LogReader(home.kit.home)
        var seen: [Int] = []
        for number in 1...400 {
            var event = event("b")
            event.id = "x-\(number)"
            try log.write([event])
            guard number.isMultiple(of: 7) else { continue }
            while let events = try reader.next() {
                seen += events.filter { $0.id.hasPrefix("x-") }.compactMap(self.number)
            }
        }
        #expect(seen == Array(1...399))
        #expect(reader.unreadable == 0)
    }

    /// Broken lines are told of and cost nothing else, and a line that was only begun spoils no other.
    @Test func `a log that somebody spoiled is read as far as it is one`() async throws {
        let home = try await KitSample()
        let root = try await home.add("kept")
        let good = try String(contentsOfFile: home.kit.home.log, encoding: .utf8).split(separator: "\n")
        let pinned = try #require(good.first { $0.contains(#""kind":"pinned""#) })
        let bad: [String] = [
            "{}", "[", "\u{0}", #"{"type":"event"}"#, String(pinned.replacing("pinned", with: "eaten")),
            String(pinned.replacing(root, with: "../../etc")), String(repeating: "[", count: 100_000),
            String(repeating: "x", count: 3 << 20),
        ]
        let lines = bad + [String(pinned), String(pinned.prefix(20))]
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: home.kit.home.log))
        try await home.add("more")
        let shown = try await home.run(ShowLog.self, ["cid": .text(root)])
        #expect(shown.events == 1)
        let all = try await home.run(ShowLog.self)
        #expect(all.unreadable == bad.count + 1)
        #expect(all.events == 1 + 3)
    }

    @Test(arguments: [("backend", "a", 2), ("backend", "b", 0), ("since", "1d", 5), ("since", "2999-01-01", 0)])
    func `the log is shown as it is asked for`(field: String, value: String, count: Int) async throws {
        let home = try await KitSample()
        try await home.disk("a")
        let root = try await home.add("kept")
        let shown = try await home.run(ShowLog.self, [field: .text(value)])
        #expect(shown.events == count)
        // The pin, and how the command began and ended that made it.
        #expect(try await home.run(ShowLog.self, ["cid": .text(root)]).events == 3)
    }

    /// Whoever stopped reading goes on where he was, and is told where that is gone.
    @Test func `the log is read on after an event`() async throws {
        let home = try await KitSample()
        let root = try await home.add("kept")
        let heard = Locked<[Event]>([])
        func read(_ inputs: [String: FieldValue]) async throws -> [Event] {
            heard.change { $0 = [] }
            let call = Call(
                kit: home.again,
                from: .commandLine,
                emit: { item in if let event = item as? Event { heard.change { $0.append(event) } } }
            )
            _ = try await call.perform(ShowLog.self, inputs)
            return heard.read { $0 }
        }
        let all = try await read([:])
        for index in all.indices {
            let rest = try await read(["after": .text(all[index].id)])
            #expect(rest.map(\.id) == all[(index + 1)...].map(\.id))
        }
        // Also where what is looked for began before.
        let pinned = try #require(all.last { $0.kind == .written(.pinned) })
        #expect(try await read(["after": .text(pinned.id), "cid": .text(root)]).map(\.kind) == [.ended])
        let gone = all[0].id + "0"
        await #expect { try await read(["after": .text(gone)]) } throws: { error in
            (error as? KitError)?.json["reason"] == "event_gone"
        }
    }

    @Test func `what is removed and what is found damaged is in the log`() async throws {
        let home = try await KitSample()
        try await home.disk("a")
        let root = try await home.add("kept")
        for text in ["one", "two"] {
            try await home.run(Sync.self)
            try await home.add(text)
        }
        try await home.run(Sync.self)
        let gone = try await home.run(SnapshotPrune.self, ["backend": .text("a"), "keep": .integer(1)])
        let pruned = gone.names.map(\.identifier)
        let packs = home.kit.home.store + "/packs"
        let pack = try #require(try FileManager.default.contentsOfDirectory(atPath: packs).sorted().first)
        let bytes = try Data(contentsOf: URL(filePath: packs + "/" + pack))
        try flip(packs + "/" + pack, at: #require(bytes.range(of: Data("content of kept".utf8))).lowerBound)
        let problems = try await home.run(StoreVerify.self).found.problems
        let lines = try String(contentsOfFile: home.kit.home.log, encoding: .utf8).split(separator: "\n")
        let events = try lines.map { try #require(Event(reading: JSON(reading: Array($0.utf8)))) }
        #expect(!pruned.isEmpty && events.filter { $0.kind == .pruned }.compactMap(\.message) == pruned)
        let found = events.filter { $0.kind == .found }
        #expect(!problems.isEmpty && found.map(\.cid) == problems.map { $0.cid?.description })
        #expect(found.contains { $0.cid == root }, "\(found)")
    }

    @Test(arguments: ["yesterday", "-3", "99999999999999w", ""])
    func `a time that is none is refused`(text: String) async throws {
        let home = try await KitSample()
        await #expect { try await home.run(ShowLog.self, ["since": .text(text)]) } throws: {
            ($0 as? KitError)?.code == .usage
        }
    }

    @Test func `what only reads, and dry runs, leave no line`() async throws {
        let home = try await KitSample()
        try await home.disk("a")
        let root = try await home.add("kept")
        let before = try Data(contentsOf: URL(filePath: home.kit.home.log))
        try await home.run(Status.self)
        try await home.run(PinList.self)
        try await home.run(PinRemove.self, ["cids": .list([root]), "dry_run": .flag(true)])
        #expect(try Data(contentsOf: URL(filePath: home.kit.home.log)) == before)
    }

    @Test func `a log that cannot be written to is told of, and stops nothing`() async throws {
        let home = try await KitSample()
        let log = home.kit.home.log
        try? FileManager.default.removeItem(atPath: log)
        try FileManager.default.createDirectory(atPath: log, withIntermediateDirectories: true)
        let heard = Locked<[Event]>([])
        let call = Call(kit: home.again, from: .commandLine, hear: { events in heard.change { $0 += events } })
        _ = try await call.perform(PinList.self, [:])
        #expect(heard.read { $0.filter { $0.kind == .warning } }.isEmpty)
        _ = try await call.perform(BackendMarkDirty.self, ["all": .flag(true)])
        let warnings = heard.read { $0.filter { $0.kind == .warning } }
        #expect(warnings.count == 1 && warnings.first?.message?.contains(log) == true, "\(warnings)")
        // What was said is not kept for those who never ask.
        #expect(call.kit.events.logFailure(of: try #require(warnings.first?.call)) == nil)
    }
}
