import Foundation
import Glibc
import Samples
import Schema
import Storage
import TestKit
import Testing

@testable import Services

/// What is special to directories; everything else is in the laws.
@Suite(.scratch, .inTurn) struct LocalDirectoryTests {
    private func open(_ path: String) async throws -> any StorageService {
        try #require(try await Subject.open("filesystem", ["path": .text(path)], retries: 0).objects)
    }

    @Test func `a directory that is not there says nothing about what it holds, and is not made`() async throws {
        let path = Scratch.current + "/not-mounted"
        let service = try await open(path)
        let name = try #require(ObjectName("cars/a.car"))
        var codes: [StorageError.Code] = []
        do throws(StorageError) { _ = try await service.stat(name) } catch { codes.append(error.code) }
        do throws(StorageError) { _ = try await service.read(name, nil) } catch { codes.append(error.code) }
        do throws(StorageError) { _ = try await service.put(name, Body([1])) } catch { codes.append(error.code) }
        do throws(StorageError) { try await service.delete(name) } catch { codes.append(error.code) }
        do throws(StorageError) { for try await _ in service.list("") {} } catch { codes.append(error.code) }
        #expect(codes == Array(repeating: .unavailable, count: 5))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `what a killed writer left is removed after a day, and not before`() async throws {
        let folder = Scratch.current + "/cars"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (old, young) = (folder + "/.a.car.1.2.part", folder + "/.b.car.1.2.part")
        for path in [old, young] { try Data([1]).write(to: URL(filePath: path)) }
        let yesterday = Date(timeIntervalSinceNow: -90_000)
        try FileManager.default.setAttributes([.modificationDate: yesterday], ofItemAtPath: old)
        let service = try await open(Scratch.current)
        _ = try await service.put(try #require(ObjectName("cars/c.car")), Body([1, 2, 3]))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [".b.car.1.2.part", "c.car"])
    }

    @Test func `folders that are empty go with what was left there, the directory itself never`() async throws {
        let files = FileManager.default
        let root = Scratch.current + "/root"
        try files.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await open(root)
        let (deep, other) = (try #require(ObjectName("a/b/c/object")), try #require(ObjectName("a/other")))
        for name in [deep, other] { _ = try await service.put(name, Body([1])) }
        try await service.delete(deep)
        try await service.clear(deep, mayResume: false)
        #expect(try files.subpathsOfDirectory(atPath: root).sorted() == ["a", "a/other"])
        try await service.delete(other)
        try await service.clear(other, mayResume: false)
        #expect(try files.subpathsOfDirectory(atPath: root) == [] && files.fileExists(atPath: root))
        _ = try await service.put(deep, Body([2]))
        #expect(try await collect(service.read(deep), limit: 9) == [2])
    }

    @Test func `a link to a file is no copy, and names with a dot in front are not shown`() async throws {
        let folder = Scratch.current + "/kept"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data([1, 2]).write(to: URL(filePath: Scratch.current + "/elsewhere"))
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/link.car",
            withDestinationPath: Scratch.current + "/elsewhere"
        )
        try Data([1]).write(to: URL(filePath: folder + "/.hidden"))
        let service = try await open(folder)
        var names: [String] = []
        for try await page in service.list("") {
            names += page.map(\.name.text)
            #expect(page.map(\.length) == [nil])
        }
        #expect(names == ["link.car"])
        let link = try #require(ObjectName("link.car"))
        #expect(await code { _ = try await service.stat(link) } == .corrupt)
        #expect(await code { _ = try await service.read(link) } == .corrupt)
        // What is stored takes the place of the link, and not of what it leads to.
        _ = try await service.put(link, Body([3]))
        #expect(try bytes(at: folder + "/link.car") == [3])
        #expect(try bytes(at: Scratch.current + "/elsewhere") == [1, 2])
    }

    // MARK: What a directory can hold beside objects

    private func list(_ service: any StorageService, _ prefix: String = "") async throws -> [String] {
        var names: [String] = []
        for try await page in service.list(prefix) { names += page.map(\.name.text) }
        return names.sorted()
    }

    private func code(_ work: () async throws -> Void) async -> StorageError.Code? {
        do {
            try await work()
            return nil
        } catch {
            return (error as? StorageError)?.code
        }
    }

    @Test func `what is no file neither hangs nor is absent`() async throws {
        let service = try await open(Scratch.current)
        let object = try #require(ObjectName("cars/a.car"))
        try FileManager.default.createDirectory(atPath: Scratch.current + "/cars", withIntermediateDirectories: true)
        try #require(unsafe mkfifo(Scratch.current + "/cars/a.car", 0o600) == 0)
        #expect(await code { _ = try await service.read(object) } == .corrupt)
        #expect(await code { _ = try await service.stat(object) } == .corrupt)
        #expect(try await list(service) == [])
        // What is sent again takes its place.
        _ = try await service.put(object, Body([1, 2]))
        #expect(try await collect(service.read(object), limit: 9) == [1, 2])
    }

    @Test func `what is replaced while it is opened is no damage`() async throws {
        let service = try await open(Scratch.current)
        let object = try #require(ObjectName("a"))
        _ = try await service.put(object, Body([0]))
        let isDone = Locked(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { isDone.change { $0 = true } }
                for number in 0..<500 { _ = try await service.put(object, Body([UInt8(truncatingIfNeeded: number)])) }
            }
            for _ in 0..<4 {
                group.addTask {
                    while !isDone.read({ $0 }) {
                        let found = try await collect(service.read(object), limit: 9)
                        #expect(found.count == 1)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `links that lead back lead nowhere, and no name is given twice`() async throws {
        let files = FileManager.default
        let service = try await open(Scratch.current)
        for text in ["a.car", "cars/b.car", "cars/deep/c.car"] {
            _ = try await service.put(try #require(ObjectName(text)), Body([1]))
        }
        let links = [
            ("loop", "loop"), ("one", "two"), ("two", "one"), ("cars/up", ".."), ("cars/here", "."), ("acars", "cars"),
            ("cars/deep/root", Scratch.current), ("nowhere", "/nowhere/at/all"), ("cars/gone.car", "gone"),
        ]
        for (name, target) in links {
            try files.createSymbolicLink(atPath: Scratch.current + "/" + name, withDestinationPath: target)
        }
        #expect(try await list(service) == ["a.car", "cars/b.car", "cars/deep/c.car"])
        #expect(try await list(service, "cars/") == ["cars/b.car", "cars/deep/c.car"])
        #expect(try await service.usage(mayWalk: true).objects == 3)
        let loop = try #require(ObjectName("loop"))
        #expect(await code { _ = try await service.stat(loop) } == .corrupt)
        let nowhere = try #require(ObjectName("nowhere"))
        #expect(await code { _ = try await service.read(nowhere) } == .corrupt)
    }

    @Test func `names that are none of ours are passed over`() async throws {
        let files = FileManager.default
        let service = try await open(Scratch.current)
        _ = try await service.put(try #require(ObjectName("cars/a.car")), Body([1]))
        for name in ["with space", "tab\tname", "\u{1B}[2J", "ünï", "new\nline", ".hidden", "a+b"] {
            try Data([1]).write(to: URL(filePath: "\(Scratch.current)/cars/\(name)"))
            try files.createDirectory(atPath: "\(Scratch.current)/\(name)", withIntermediateDirectories: true)
            try Data([1]).write(to: URL(filePath: "\(Scratch.current)/\(name)/b.car"))
        }
        let bytes: [CChar] = Array("\(Scratch.current)/cars/".utf8CString.dropLast()) + [-1, -2, 0]
        try #require(unsafe mkdir(bytes, 0o700) == 0)
        #expect(try await list(service) == ["cars/a.car"])
    }

    @Test func `a time that no calendar has is none`() async throws {
        let folder = "/dev/shm/ipfs-kit-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let service = try await open(folder)
        let object = try #require(ObjectName("a"))
        _ = try await service.put(object, Body([1]))
        let times = [timespec(tv_sec: 0, tv_nsec: 0), timespec(tv_sec: 1 << 60, tv_nsec: 0)]
        try #require(unsafe utimensat(AT_FDCWD, folder + "/a", times, 0) == 0)
        #expect(try await service.stat(object).modified == nil)
        #expect(try await list(service) == ["a"])
    }

    // MARK: Absence

    @Test func `absence is said of the directory that was there, and of nothing else`() async throws {
        let files = FileManager.default
        let root = Scratch.current + "/disk"
        try files.createDirectory(atPath: root, withIntermediateDirectories: true)
        let service = try await open(root)
        let (object, other) = (try #require(ObjectName("cars/a.car")), try #require(ObjectName("cars/b.car")))
        _ = try await service.put(object, Body([1]))
        #expect(await code { _ = try await service.stat(other) } == .notFound)
        // Unmounted: an empty directory lies where the disk was.
        try files.moveItem(atPath: root, toPath: root + "-away")
        try files.createDirectory(atPath: root, withIntermediateDirectories: true)
        for name in [object, other] {
            #expect(await code { _ = try await service.stat(name) } == .unavailable)
            #expect(await code { _ = try await service.read(name) } == .unavailable)
            #expect(await code { try await service.delete(name) } == .unavailable)
            #expect(await code { _ = try await service.put(name, Body([2])) } == .unavailable)
        }
        #expect(await code { _ = try await list(service) } == .unavailable)
        #expect(try files.contentsOfDirectory(atPath: root).isEmpty)
        try files.removeItem(atPath: root)
        try files.moveItem(atPath: root + "-away", toPath: root)
        #expect(try await service.stat(object).length == 1)
    }

    @Test func `a folder that is a link, or a file, holds nobody knows what`() async throws {
        let files = FileManager.default
        let service = try await open(Scratch.current)
        try files.createSymbolicLink(atPath: Scratch.current + "/cars", withDestinationPath: "/not/mounted")
        // There may be a place that is another backend's.
        try files.createDirectory(atPath: Scratch.current + "/there", withIntermediateDirectories: true)
        try Data([1]).write(to: URL(filePath: Scratch.current + "/there/a.car"))
        try files.createSymbolicLink(atPath: Scratch.current + "/kits", withDestinationPath: "there")
        try Data([1]).write(to: URL(filePath: Scratch.current + "/flat"))
        let cases: [(String, StorageError.Code)] = [
            ("cars/a.car", .badSettings), ("kits/a.car", .badSettings), ("flat/a.car", .exists),
        ]
        for (text, expected) in cases {
            let object = try #require(ObjectName(text))
            #expect(await code { _ = try await service.stat(object) } == expected)
            #expect(await code { _ = try await service.read(object) } == expected)
            #expect(await code { try await service.delete(object) } == expected)
        }
        #expect(await code { _ = try await list(service, "cars/") } == .badSettings)
        #expect(await code { _ = try await list(service, "kits/") } == .badSettings)
        #expect(try await list(service) == ["flat", "there/a.car"])
        let inside = try #require(ObjectName("kits/b"))
        #expect(await code { _ = try await service.put(inside, Body([1])) } == .badSettings)
        let folder = try #require(ObjectName("below"))
        _ = try await service.put(try #require(ObjectName("below/a")), Body([1]))
        #expect(await code { _ = try await service.stat(folder) } == .notFound)
        #expect(await code { _ = try await service.put(folder, Body([1])) } == .exists)
    }

    // MARK: Reads

    @Test func `what would take the room that is to stay free is not begun`() async throws {
        let service = try #require(
            try await Subject.open("filesystem", ["path": .text(Scratch.current), "min_free": .integer(1 << 20)])
                .objects
        )
        let object = try #require(ObjectName("a"))
        _ = try await service.put(object, Body([1]))
        let system = try FileManager.default.attributesOfFileSystem(forPath: Scratch.current)
        let free = UInt64(try #require(system[.systemFreeSize] as? Int))
        let isOpened = Locked(false)
        // Others may make room meanwhile, but not so much.
        let large = Body(length: free + 1 << 40) { _ in
            isOpened.change { $0 = true }
            return Body([]).open()
        }
        #expect(await code { _ = try await service.put(object, large) } == .quotaExceeded)
        #expect(!isOpened.read { $0 })
        #expect(try await list(service) == ["a"])
    }

    @Test func `a read belongs to one version`() async throws {
        let service = try await open(Scratch.current)
        let object = try #require(ObjectName("a"))
        let (old, new) = (sampleBytes(3 << 20), sampleBytes(3 << 20, seed: 7))
        _ = try await service.put(object, Body(old))
        let opened = try await service.get(object, nil, version: nil)
        let cursor = StreamCursor(opened.stream)
        var bytes = try await cursor.next() ?? []
        _ = try await service.put(object, Body(new))
        // The open file is still the old one, to its end.
        while let chunk = try await cursor.next() { bytes += chunk }
        #expect(bytes == old)
        #expect(await code { _ = try await service.get(object, nil, version: opened.version) } == .changed)
        // Somebody writes into the file that is read.
        let again = StreamCursor(try await service.read(object))
        _ = try await again.next()
        let handle = try #require(FileHandle(forWritingAtPath: Scratch.current + "/a"))
        try handle.write(contentsOf: old)
        try handle.close()
        #expect(await code { while try await again.next() != nil {} } == .changed)
    }

    @Test func `the service itself opens only the version that was asked for`() async throws {
        let policy = CallPolicy(backend: "disk", timing: ManualClock().timing, gate: OpenGate())
        let bare = DirectoryService(RootDirectory(Scratch.current, home: nil), policy)
        let object = try #require(ObjectName("a"))
        _ = try await bare.put(object, Body([1, 2]))
        let first = try #require(try await bare.get(object, nil, version: nil).version)
        #expect(try await collect(bare.get(object, nil, version: first).stream, limit: 10) == [1, 2])
        _ = try await bare.put(object, Body([3, 4]))
        #expect(await code { _ = try await bare.get(object, nil, version: first) } == .changed)
    }

    // MARK: The gate

    private struct ClosingGate: ChangeGate {
        let isOpen: Locked<Bool>
        func admit(_ change: Change) async throws(StorageError) {
            if !isOpen.read({ $0 }) { throw StorageError(.unsupported, "The right to change things was lost.") }
        }
    }

    /// A process that is stopped while its change waits for a thread was admitted long ago when it gets one.
    @Test(arguments: ["put", "delete"]) func `what waited for long is admitted anew`(change: String) async throws {
        let path = Scratch.current + "/a"
        try Data([1]).write(to: URL(filePath: path))
        // The admission, and before a removal the look at its age, see one moment, and the thread a later one.
        let (looks, early) = (Locked(0), change == "put" ? 1 : 2)
        let timing = Timing(
            now: { 0 },
            uptime: {
                looks.change { looks in
                    looks += 1
                    return .seconds(looks > early ? 5 : 0)
                }
            }
        )
        let policy = CallPolicy(backend: "disk", timing: timing, gate: ClosingGate(isOpen: Locked(false)))
        let bare = DirectoryService(RootDirectory(Scratch.current, home: nil), policy)
        let object = try #require(ObjectName("a"))
        let found = await code {
            if change == "put" { _ = try await bare.put(object, Body([2])) } else { try await bare.delete(object) }
        }
        #expect(found == .unsupported)
        #expect(try Data(contentsOf: URL(filePath: path)) == Data([1]))
    }

    @Test func `what took long to write is asked about again before it appears`() async throws {
        let (clock, isOpen) = (ManualClock(), Locked(true))
        let row = try #require(ServiceRow.named("filesystem"))
        let context = ServiceContext(
            backend: "disk",
            type: "filesystem",
            operational: OperationalSettings(),
            policy: CallPolicy(backend: "disk", timing: clock.timing, gate: ClosingGate(isOpen: isOpen)),
            environment: { _ in nil }
        )
        let backend = try await row.open(["path": .text(Scratch.current)], in: context).content()
        let service = try #require(backend.objects)
        let object = try #require(ObjectName("a"))
        let slow = Body(length: 2) { _ in
            Body([1, 2]).through { stream in
                clock.advance(by: .seconds(5))
                isOpen.change { $0 = false }
                return stream
            }.open()
        }
        #expect(await code { _ = try await service.put(object, slow) } == .unsupported)
        #expect(try FileManager.default.contentsOfDirectory(atPath: Scratch.current).isEmpty)
        #expect(await code { try await service.delete(object) } == .unsupported)
    }
}
