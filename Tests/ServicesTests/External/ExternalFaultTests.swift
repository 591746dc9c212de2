import Foundation
import Glibc
import POSIX
import Schema
import Services
import Storage
import StorageLaws
import TestKit
import Testing

/// Programs that hang, die, flood, lie, or refuse: each is told from the others, and none of them says what is there.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct ExternalFaultTests {
    /// A program in Python that keeps to the protocol up to what `faulty` does with a request.
    private func program(_ faulty: String) throws -> [String] {
        let path = Scratch.current + "/program-\(UUID().uuidString)"
        let code = """
            #!/usr/bin/env python3
            import json, os, signal, sys, time
            def say(*words): print(*words, flush=True)
            def ask(*words):
                say(*words)
                return sys.stdin.readline().rstrip("\\n")
            def fault(request, rest):
            \(faulty.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
                return False
            say("VERSION 1")
            for line in sys.stdin:
                request, _, rest = line.rstrip("\\n").partition(" ")
                if fault(request, rest): continue
                if request in ("INITREMOTE", "PREPARE"): say(request + "-SUCCESS")
                elif request == "TRANSFER": say("TRANSFER-SUCCESS", *rest.split(" ")[:2])
                elif request == "CHECKPRESENT": say("CHECKPRESENT-SUCCESS", rest)
                elif request == "REMOVE": say("REMOVE-SUCCESS", rest)
                else: say("UNSUPPORTED-REQUEST")
            """
        try Data(code.utf8).write(to: URL(filePath: path))
        return [try #require(Programs.python).path, path]
    }

    private func lend<Value>(
        _ faulty: String,
        _ values: [String: FieldValue] = [:],
        retries: Int = 0,
        timeout: Int = 5,
        state: String? = nil,
        _ body: (any StorageService) async throws -> Value
    ) async throws -> Value {
        let usual: [String: FieldValue] = ["program": .list(try program(faulty))]
        let content = try await Subject.open(
            "external",
            usual.merging(values) { $1 },
            retries: retries,
            timeout: timeout,
            state: state ?? Scratch.current + "/state-\(UUID().uuidString)"
        )
        return try await Subject.closing(content) { try await body(try #require($0.objects)) }
    }

    private let name = ObjectName("cars/x.car")

    private func failure(
        of objects: any StorageService,
        _ work: (any StorageService, ObjectName) async throws(StorageError) -> Void
    ) async throws -> StorageError {
        let name = try #require(name)
        do throws(StorageError) {
            try await work(objects, name)
        } catch {
            return error
        }
        Issue.record("It did not fail.")
        return .cancelled
    }

    /// What a program does when it is asked whether something is there, and what the error is.
    static let faults: [(code: String, error: StorageError.Code, words: String)] = [
        ("if request == 'CHECKPRESENT': time.sleep(60)", .unavailable, "hangs"),
        ("if request == 'CHECKPRESENT': print('lost', file=sys.stderr); sys.exit(3)", .unavailable, "lost"),
        ("if request == 'CHECKPRESENT': os.kill(os.getpid(), 9)", .unavailable, "exit code 137"),
        ("if request == 'CHECKPRESENT': say('ERROR', 'no more'); sys.exit(0)", .unavailable, "no more"),
        (
            "if request == 'CHECKPRESENT': say('CHECKPRESENT-UNKNOWN', rest, 'who knows'); return True", .unavailable,
            "who knows"
        ),
        (
            "if request == 'CHECKPRESENT': say('CHECKPRESENT-FAILURE', 'other'); return True", .unexpected,
            "something else"
        ),
        ("if request == 'CHECKPRESENT': say('REMOVE-SUCCESS', rest); return True", .unexpected, "REMOVE-SUCCESS"),
        ("if request == 'CHECKPRESENT': say('x' * 100000)", .unexpected, "a line of more than"),
        ("if request == 'CHECKPRESENT':\n    while True: say('DEBUG more and more')", .unexpected, "protocol"),
        ("if request == 'CHECKPRESENT':\n    while True: print('PROGRESS 1')", .unexpected, "floods"),
        ("if request == 'CHECKPRESENT': say('UNSUPPORTED-REQUEST'); return True", .unsupported, "knows no such"),
        ("if request == 'PREPARE': say('PREPARE-FAILURE', 'not today'); return True", .unavailable, "not today"),
        ("if request == 'INITREMOTE': say('INITREMOTE-FAILURE', 'no folder'); return True", .badSettings, "no folder"),
        ("if request == 'PREPARE': say('PREPARE-FAILURE', '401 Unauthorized'); return True", .badCredentials, "401"),
    ]

    @Test(arguments: faults.indices) func saysNothingOfWhatIsThere(_ index: Int) async throws {
        let fault = Self.faults[index]
        try await lend(fault.code) { objects in
            let error = try await failure(of: objects) { (objects, name) async throws(StorageError) in
                _ = try await objects.stat(name)
            }
            #expect(error.code == fault.error && error.message.contains(fault.words), "\(error)")
        }
    }

    @Test func aStoreThatIsRefusedSaysWhy() async throws {
        let refuses = """
            if request == 'CHECKPRESENT': say('CHECKPRESENT-FAILURE', rest); return True
            if request == 'TRANSFER': say('TRANSFER-FAILURE', *rest.split(' ')[:2], 'the quota is used up'); return True
            """
        try await lend(refuses) { objects in
            let error = try await failure(of: objects) { (objects, name) async throws(StorageError) in
                _ = try await objects.put(name, Body([1]))
            }
            #expect(
                error.code == .quotaExceeded && error.message.contains("used up") && !error.mayHaveHappened,
                "\(error)"
            )
        }
        // Who says that it stored it, and that it is not there, is not believed.
        try await lend("if request == 'CHECKPRESENT': say('CHECKPRESENT-FAILURE', rest); return True") { objects in
            let error = try await failure(of: objects) { (objects, name) async throws(StorageError) in
                _ = try await objects.put(name, Body([1]))
            }
            #expect(error.isBrokenPromise && error.mayHaveHappened, "\(error)")
        }
    }

    /// What is said to be there and not given, or said to be removed and still there, is a word that does not hold;
    /// what has another reason has that.
    @Test(arguments: [("", true), ("permission denied", false)])
    func aWordThatDoesNotHoldIsTold(_ reason: String, isBroken: Bool) async throws {
        let keeps =
            "if request == 'TRANSFER': say('TRANSFER-FAILURE', *rest.split(' ')[:2], '\(reason)'); return True"
        try await lend(keeps) { objects in
            let error = try await failure(of: objects) { (objects, name) async throws(StorageError) in
                _ = try await collect(objects.read(name), limit: 1 << 20)
            }
            #expect(error.isBrokenPromise == isBroken && error.code == (isBroken ? .unavailable : .permissionDenied))
            let removal = try await failure(of: objects) { (objects, name) async throws(StorageError) in
                try await objects.delete(name)
            }
            #expect(removal.isBrokenPromise && removal.mayHaveHappened, "\(removal)")
        }
    }

    @Test func oneThatDiesInTheMiddleIsStartedAnew() async throws {
        let once = """
            if request == 'CHECKPRESENT' and not os.path.exists(kept): open(kept, 'w'); sys.exit(1)
            """
        let file = Scratch.current + "/died"
        try await lend(once.replacing("kept", with: "'\(file)'"), retries: 2) { objects in
            let name = try #require(name)
            #expect(try await objects.stat(name).length == nil)
        }
        #expect(FileManager.default.fileExists(atPath: file))
    }

    /// A link, or nothing at all, is not what the program was asked to write.
    @Test(arguments: ["os.symlink('/etc/passwd', rest.split(' ', 2)[2])", "pass", "os.mkfifo(rest.split(' ', 2)[2])"])
    func whatIsNoFileIsNotRead(_ act: String) async throws {
        try await lend("if request == 'TRANSFER': \(act)") { objects in
            let error = try await failure(of: objects) { (objects, name) async throws(StorageError) in
                _ = try await collect(objects.read(name), limit: 1 << 20)
            }
            #expect(error.code == .unexpected && error.message.contains("left no file"), "\(error)")
        }
    }

    /// What nobody knows the length of gets a part of the room on the disk, and no more.
    @Test func whatIsWrittenWithoutEndFillsNoDisk() async throws {
        let endless = """
            if request == 'TRANSFER':
                with open(rest.split(' ', 2)[2], 'wb') as writer:
                    while True: writer.write(bytes(1 << 20)); writer.flush(); time.sleep(0.01)
            """
        try await Disk.mounted(["-t", "tmpfs", "-o", "size=400m", "tmpfs"]) { disk in
            try await lend(endless, timeout: 20, state: disk + "/state") { objects in
                let error = try await failure(of: objects) { (objects, name) async throws(StorageError) in
                    _ = try await collect(objects.read(name), limit: 1 << 20)
                }
                #expect(error.message.contains("half of the room that there was"), "\(error)")
            }
            #expect(try Trees.files(in: disk).filter { $0.contains("XIPFSKIT") } == [])
        }
    }

    @Test func theProgramGetsNoVariablesButAFew() async throws {
        let usual =
            "^(PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|TZ|LC_.*|XDG_.*|TMPDIR|SSL_CERT_.*|(http|https|all|no)_proxy)$"
        func isUsual(_ name: String) -> Bool {
            name.range(of: usual, options: [.regularExpression, .caseInsensitive]) != nil
        }
        let own = ProcessInfo.processInfo.environment.keys.filter { !isUsual($0) }.sorted()
        let named = try #require(own.first)
        let file = Scratch.current + "/environment"
        let dump = "if request == 'PREPARE': json.dump(dict(os.environ), open('\(file)', 'w'))"
        try await lend(dump, ["program_environment": .list([named])]) { objects in
            _ = try await objects.stat(try #require(name))
        }
        let seen = try JSONDecoder().decode([String: String].self, from: Data(contentsOf: URL(filePath: file)))
        // Python itself sets one that says how it reads texts.
        let others = seen.keys.filter { !isUsual($0) && $0 != "LC_CTYPE" }
        #expect(others == [named] && own.count > 1 && seen["PATH"] != nil)
        #expect(seen["TMPDIR"]?.contains("/transfers/") == true)
    }

    @Test func whatItAsksIsAnswered() async throws {
        let file = Scratch.current + "/answers"
        let asks = """
            if request == 'PREPARE':
                say('SETCONFIG', 'kept', 'a b'); say('SETCREDS', 'token', 'me', 'pass word'); say('SETWANTED', 'all')
                say('SETSTATE', 'a--b', 'some state'); say('SETURLPRESENT', 'a--b', 'http://one.test/'); say('SETURIPRESENT', 'a--b', 'x:2')
                say('SETURLMISSING', 'a--b', 'http://one.test/')
                answers = [ask(q) for q in ('GETCONFIG given', 'GETCONFIG kept', 'GETCONFIG none', 'GETCREDS token', 'GETCREDS other',
                    'GETWANTED', 'GETUUID', 'GETGITREMOTENAME', 'GETSTATE a--b', 'GETSTATE c--d', 'DIRHASH SHA256E-s30--abc.txt',
                    'DIRHASH-LOWER SHA256E-s30--abc.txt', 'GETURLS a--b x:')] + [sys.stdin.readline().rstrip('\\n'), ask('GETGITDIR')]
                json.dump(answers, open('\(file)', 'w'))
            """
        let values: [String: FieldValue] = [
            "program_options": .list(["given=1, 2"]), "user": .text("u"), "password": .text("p"), "uuid": .text("id"),
        ]
        try await lend(asks, values) { objects in _ = try await objects.stat(try #require(name)) }
        let seen = try JSONDecoder().decode([String].self, from: Data(contentsOf: URL(filePath: file)))
        let wanted = [
            "VALUE 1, 2", "VALUE a b", "VALUE ", "CREDS me pass word", "CREDS u p", "VALUE all", "VALUE id",
            "VALUE subject",
            "VALUE some state", "VALUE ", "VALUE 90/wM/", "VALUE 60a/247/", "VALUE x:2", "VALUE ",
        ]
        #expect(Array(seen.dropLast()) == wanted)
        #expect(seen.last?.hasSuffix("/program") == true)
    }

    /// One that keeps what it has: what is to be replaced is removed first, and one that replaces is only tried once.
    @Test(arguments: [true, false]) func whatIsKeptUnderAKeyIsReplaced(_ keeps: Bool) async throws {
        let (folder, log) = (Scratch.current + "/place", Scratch.current + "/log")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let stores = """
            open('\(log)', 'a').write(request + ' ' + rest + '\\n')
            import shutil
            place = lambda key: '\(folder)/' + key
            if request == 'TRANSFER':
                way, key, file = rest.split(' ', 2)
                if way == 'RETRIEVE': shutil.copy(place(key), file)
                elif not (\(keeps ? "True" : "False") and os.path.exists(place(key))): shutil.copy(file, place(key))
            if request == 'CHECKPRESENT' and not os.path.exists(place(rest)): say('CHECKPRESENT-FAILURE', rest); return True
            if request == 'REMOVE' and os.path.exists(place(rest)): os.remove(place(rest))
            """
        try await lend(stores) { objects in
            let name = try #require(name)
            for bytes in [[1, 2], [3, 4], [5, 6], [7]] as [[UInt8]] {
                _ = try await objects.put(name, Body(bytes))
                #expect(try await collect(objects.read(name), limit: 10) == bytes)
            }
        }
        let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
        #expect(lines.filter { $0.hasPrefix("REMOVE XIPFSKIT--cars") }.count == (keeps ? 3 : 0))
        #expect(lines.filter { $0.hasPrefix("REMOVE XIPFSKIT--~probe") }.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["XIPFSKIT--cars~x.car"])
    }

    /// A process that was killed left files of its transfers, and a program at work; one that is there still keeps its
    /// own.
    @Test func whatAKilledOneLeftIsRemoved() async throws {
        let state = Scratch.current + "/state"
        let (dead, alive) = (state + "/transfers/1-1", state + "/transfers/1-2")
        for folder in [dead, alive] {
            try FileManager.default.createDirectory(atPath: folder + "/1", withIntermediateDirectories: true)
            try Data([1]).write(to: URL(filePath: folder + "/.lock"))
        }
        let words = ["TMPDIR=\(dead)/tmp", "sh", "-c", "trap '' TERM; sleep 60; sleep 60"]
        let left = try Child(Child.Start("/usr/bin/env", words))
        let other = try Child(Child.Start("/bin/sleep", ["60"]))
        defer { for child in [left, other] { child.signal(SIGKILL) } }
        let lock = unsafe open(alive + "/.lock", O_RDWR)
        #expect(flock(lock, LOCK_EX | LOCK_NB) == 0)
        try await lend("pass", state: state) { objects in _ = try await objects.stat(try #require(name)) }
        #expect(!FileManager.default.fileExists(atPath: dead) && FileManager.default.fileExists(atPath: alive))
        #expect(try await holds { !left.isRunning } && other.isRunning)
        close(lock)
        #expect(try FileManager.default.contentsOfDirectory(atPath: state + "/transfers").sorted() == [".lock", "1-2"])
    }

    /// Who does not end when its input does is ended.
    @Test func oneThatDoesNotEndIsEnded() async throws {
        let file = Scratch.current + "/pid"
        let stubborn = """
            if request == 'PREPARE':
                open('\(file)', 'w').write(str(os.getpid()))
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            if request == 'CHECKPRESENT':
                say('CHECKPRESENT-SUCCESS', rest)
                while True: time.sleep(1)
            """
        try await lend(stubborn) { objects in _ = try await objects.stat(try #require(name)) }
        let process = try #require(Int32(try String(contentsOfFile: file, encoding: .utf8)))
        #expect(kill(process, 0) != 0)
    }
}
