import Foundation
import POSIX
import Schema
import Storage
import TestKit
import Testing

@testable import Services

/// What ends a command of rclone is told as what it is, and the command is only given again where that helps.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct ExternalRcloneTests {
    private var log: String { Scratch.current + "/log" }

    /// The commands that were begun.
    private func asked() throws -> [String] {
        try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// A program in Python in the place of rclone, which does `acts` for `stat`, `list` or `cat`, and says of every
    /// object whether it is there.
    private func lend<Value>(
        _ acts: String,
        _ values: [String: FieldValue] = [:],
        isThere: Bool = false,
        state: String? = nil,
        _ body: (any StorageService, ObjectName) async throws -> Value
    ) async throws -> Value {
        let path = Scratch.current + "/rclone-\(UUID().uuidString)"
        let code = """
            import json, sys
            command = next(word for word in sys.argv if word in ("gitannex", "lsjson", "cat"))
            with open("\(log)", "a") as file: print(command, file=file)
            act = {"lsjson": "stat" if "--stat" in sys.argv else "list"}.get(command, command)
            def stat(size, is_folder=False): print(json.dumps({"Size": size, "IsDir": is_folder}))
            def send(count):
                while count > 0:
                    sys.stdout.buffer.write(bytes(min(count, 1 << 16)))
                    count -= 1 << 16
            \(acts)
            if act == "gitannex":
                def say(*words): print(*words, flush=True)
                say("VERSION 1")
                for line in sys.stdin:
                    request, _, rest = line.rstrip("\\n").partition(" ")
                    if request in ("INITREMOTE", "PREPARE"): say(request + "-SUCCESS")
                    elif request == "CHECKPRESENT": say("CHECKPRESENT-\(isThere ? "SUCCESS" : "FAILURE")", rest)
                    elif request == "TRANSFER": say("TRANSFER-FAILURE", *rest.split(" ")[:2], "not found")
                    else: say("UNSUPPORTED-REQUEST")
            """
        try write(Array(code.utf8), to: path)
        let program = [try #require(Programs.python).path, path]
        let usual: [String: FieldValue] = ["program": .list(program), "remote": .text("box:place")]
        let content = try await Subject.open(
            "rclone",
            usual.merging(values) { $1 },
            retries: 2,
            state: state ?? Scratch.current + "/state"
        )
        return try await Subject.closing(content) { content in
            try await body(try #require(content.objects), try #require(ObjectName("cars/x.car")))
        }
    }

    /// What has no room here is a matter of this machine, whether the disk is full, or has to keep some.
    @Test(arguments: [Int64(0), 4 << 20]) func aFullDiskIsToldAsOne(_ kept: Int64) async throws {
        let acts = """
            if act == "stat": stat(64 << 20)
            if act == "cat": send(32 << 20)
            """
        try await Disk.mounted(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]) { disk in
            try await lend(acts, ["min_free": .integer(kept)], state: disk + "/state") { (objects, name) in
                let error = await #expect(throws: StorageError.self) {
                    try await collect(objects.read(name, 0..<(32 << 20)), limit: 64 << 20)
                }
                #expect(error?.code == .unavailable && error?.retry == .never, "\(String(describing: error))")
                #expect((error?.cause as? FileError)?.code == .full, "\(String(describing: error))")
                #expect(error?.message.contains("Make room there") == true, "\(String(describing: error))")
            }
            #expect(try asked() == ["lsjson", "cat"])
        }
    }

    /// Whoever sends without end is ended, and neither believed nor asked again.
    @Test func moreThanWasAskedForIsToldAsThat() async throws {
        let acts = """
            if act == "stat": stat(1000)
            if act == "cat": send(1 << 50)
            """
        try await lend(acts) { (objects, name) in
            let error = await #expect(throws: StorageError.self) {
                try await collect(objects.read(name, 5..<15), limit: 1000)
            }
            #expect(error?.code == .corrupt && error?.retry == .never, "\(String(describing: error))")
            #expect(error?.message.contains("more than the 10 bytes") == true, "\(String(describing: error))")
        }
        #expect(try asked() == ["lsjson", "cat"])
    }

    @Test func whatRcloneRefusesIsARefusal() async throws {
        let acts = """
            if act == "stat": stat(1000)
            if act == "cat": sys.exit("the quota is used up")
            """
        try await lend(acts) { (objects, name) in
            let error = await #expect(throws: StorageError.self) {
                try await collect(objects.read(name, 5..<15), limit: 1000)
            }
            #expect(error?.code == .quotaExceeded, "\(String(describing: error))")
            #expect(error?.message.contains("says that it did not do it") == true, "\(String(describing: error))")
        }
    }

    /// An answer of which no more is read is told with the bound.
    @Test(arguments: [
        ("send(1 << 50)", StorageError.Code.tooLarge, "at most 1048576 bytes of an answer"),
        ("print('neither here nor there')", .unexpected, "is no JSON"),
    ])
    func whatCannotBeReadOfAnObjectIsSaid(_ act: String, _ code: StorageError.Code, _ words: String) async throws {
        try await lend("if act == 'stat': \(act)") { (objects, name) in
            let error = await #expect(throws: StorageError.self) { try await objects.stat(name) }
            #expect(error?.code == code && error?.retry == .never, "\(String(describing: error))")
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
        }
        #expect(try asked() == ["lsjson"])
    }

    @Test(arguments: [
        ("send(1 << 50)", StorageError.Code.tooLarge, "at most 65536 bytes of a line"),
        ("print('[\\nneither here nor there,')", .unexpected, "is no JSON"),
    ])
    func whatCannotBeReadOfAListIsSaid(_ act: String, _ code: StorageError.Code, _ words: String) async throws {
        try await lend("if act == 'list': \(act)") { (objects, _) in
            let error = await #expect(throws: StorageError.self) { for try await _ in objects.list("") {} }
            #expect(error?.code == code && error?.retry == .never, "\(String(describing: error))")
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
        }
        #expect(try asked() == ["lsjson"])
    }

    @Test func aListOfTooManyNamesIsToldWithTheBound() throws {
        var list = ExternalListing()
        try list.add(Array("[\n{},\n{},\n{".utf8), "Listing box:place", most: 2)
        #expect(list.lines.count == 2 && !list.isWhole)
        do throws(StorageError) {
            try list.add(Array("}\n]\n".utf8), "Listing box:place", most: 2)
            Issue.record("It took more than two.")
        } catch {
            #expect(error.code == .tooLarge && error.retry == .never, "\(error)")
            #expect(error.message.contains("at most 2 names"), "\(error)")
        }
    }

    /// A list is handed out in pages, each name once and in its order.
    @Test func aLongListIsWhole() async throws {
        let acts = """
            if act == "list":
                print("[")
                for n in reversed(range(2500)):
                    item = json.dumps({"Name": f"XIPFSKIT--cars~{n:04}", "Size": n, "IsDir": False})
                    print(item + ("," if n else ""))
                print("]")
            """
        try await lend(acts) { (objects, _) in
            var found: [ObjectInfo] = []
            for try await page in objects.list("cars/") {
                #expect(!page.isEmpty && page.count <= 1000)
                found += page
            }
            let names: [String] = (0..<2500).map { "cars/" + String(format: "%04d", $0) }
            let lengths: [UInt64?] = (0..<2500).map { UInt64($0) }
            #expect(found.map(\.name.text) == names && found.map(\.length) == lengths)
        }
        #expect(try asked() == ["lsjson"])
    }

    /// What rclone has is found by one question.
    @Test func whatIsThereIsFoundAtOnce() async throws {
        try await lend("if act == 'stat': stat(5)") { (objects, name) in
            let found = try await objects.stat(name)
            #expect(found.length == 5)
        }
        #expect(try asked() == ["lsjson"])
    }

    /// Where a remote has buckets, rclone takes what is not there for an empty folder, and nothing is absent by that.
    @Test(arguments: [(false, StorageError.Code.notFound), (true, .unavailable)])
    func anEmptyFolderIsNoAbsence(_ isThere: Bool, _ code: StorageError.Code) async throws {
        try await lend("if act == 'stat': stat(-1, is_folder=True)", isThere: isThere) { (objects, name) in
            let error = await #expect(throws: StorageError.self) { try await objects.stat(name) }
            #expect(error?.code == code, "\(String(describing: error))")
            let other = await #expect(throws: StorageError.self) {
                try await collect(objects.read(name, 0..<5), limit: 10)
            }
            #expect(other?.code == code, "\(String(describing: other))")
        }
        #expect(try Array(asked().prefix(2)) == ["lsjson", "gitannex"])
    }
}
