import Foundation
import Glibc
import TestKit
import Testing

@testable import POSIX

@Suite(.scratch) struct FileTests {
    private func path(_ name: String) -> String { Scratch.current + "/" + name }

    // MARK: Calls

    @Test(arguments: [0, 1, 3, 128]) func `a call that was interrupted is made again`(_ interruptions: Int) {
        var left = interruptions
        let answer = systemCall { () -> Int32 in
            guard left > 0 else { return 7 }
            left -= 1
            errno = EINTR
            return -1
        }
        #expect(answer.value == 7 && answer.number == 0)
    }

    @Test func `a call that is interrupted for ever fails in the end`() {
        var calls = 0
        let answer = systemCall { () -> Int32 in
            calls += 1
            errno = EINTR
            return -1
        }
        #expect(answer.number == EINTR && calls < 1000)
        #expect(throws: FileError.self) { try answer.get("open", "x") }
    }

    @Test func `a number that another call left over is never taken for an error`() {
        errno = ENOENT
        let success = systemCall { Int32(0) }
        #expect(success.number == 0)
        errno = ENOENT
        let failure = systemCall { Int32(-1) }
        #expect(failure.number == EIO)
        let end = systemCall(failing: { $0 == nil }) { () -> Int? in nil }
        #expect(end.number == 0)
    }

    // MARK: Locks

    @Test(arguments: [true, false], [true, false]) func `a lock keeps others out, unless both are shared`(
        isHeldShared: Bool,
        isWantedShared: Bool
    ) throws {
        let holder = try File(path("lock"), .update)
        #expect(try holder.tryLock(shared: isHeldShared))
        let other = try File(path("lock"), .update)
        #expect(try other.tryLock(shared: isWantedShared) == (isHeldShared && isWantedShared))
    }

    @Test func `a lock ends with its file`() throws {
        do {
            let holder = try File(path("lock"), .update)
            #expect(try holder.tryLock())
            withExtendedLifetime(holder) {}
        }
        #expect(try File(path("lock"), .update).tryLock())
    }

    @Test(arguments: [File.Mode.read, .readFile, .stream, .update])
    func `a lock of this process outlasts every path that leads to its file`(mode: File.Mode) async throws {
        let (locked, other) = (path("locked"), path("other"))
        try replaceFile(locked, with: [1, 2, 3])
        try FileManager.default.createSymbolicLink(atPath: other, withDestinationPath: locked)
        let descriptor = unsafe open(locked, O_RDWR)
        var wanted = flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
        #expect(unsafe fcntl(descriptor, F_SETLK, &wanted) == 0)
        let held = LockedFiles.hold([locked, path("nothing")])
        for _ in 0..<3 {
            let error = #expect(throws: FileError.self) { try File(other, mode) }
            #expect(error?.code == .notAFile)
        }
        #expect(throws: FileError.self) { try readFile(other) }
        let probe = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
        let env = URL(filePath: "/usr/bin/env")
        #expect(try await ProcessRunner.run(env, ["python3", "-c", probe, locked]).code == 1)
        LockedFiles.release(held)
        #expect(try readFile(other) == [1, 2, 3])
        #expect(try await ProcessRunner.run(env, ["python3", "-c", probe, locked]).code == 0)
        close(descriptor)
    }

    @Test func `nobody waits for a process that is stopped, whatever lock it has`() async throws {
        let (flock, sqlite) = (path("lock"), path("database"))
        let python = """
            import fcntl, signal, sys, os
            one, two = (open(name, "a+") for name in sys.argv[1:])
            fcntl.flock(one, fcntl.LOCK_EX)
            fcntl.lockf(two, fcntl.LOCK_EX)
            os.kill(os.getpid(), signal.SIGSTOP)
            """
        let holder = try Child(Child.Start("/usr/bin/env", ["python3", "-c", python, flock, sqlite]))
        defer { holder.signal(SIGKILL) }
        #expect(try await holds { lockHolder(of: [sqlite])?.contains("is stopped") == true })
        #expect(lockHolder(of: [sqlite]) == "The process \(holder.identifier) has it locked, and is stopped.")
        let error = await #expect(throws: FileError.self) {
            try await BlockingThreads.shared.run { () throws(FileError) in try File(flock, .update).lock() }
        }
        #expect(
            error?.code == .wouldBlock && error?.description.contains("process \(holder.identifier) has it") == true
        )
    }

    @Test func `what is made is for its owner, unless something else is said`() throws {
        try replaceFile(path("replaced"), with: [1])
        _ = try File(path("made"), .createNew)
        try replaceFile(path("open"), with: [1], permissions: 0o444)
        let permissions = try ["replaced", "made", "open"].map { try fileInfo(path($0)).permissions }
        #expect(permissions == [0o600, 0o600, 0o444])
    }

    // MARK: What is no file

    @Test(arguments: ["pipe", "socket", "device", "folder"], [true, false])
    func `what is no file is refused at once`(_ kind: String, _ isBehindALink: Bool) throws {
        let place = path("thing")
        switch kind {
        case "pipe": try #require(unsafe mkfifo(place, 0o600) == 0)
        case "socket": try #require(listen(at: place))
        case "device": try makeLink(place, to: "/dev/zero")
        default: try makeDirectory(place)
        }
        if isBehindALink { try makeLink(path("link"), to: place) }
        let asked = path(isBehindALink ? "link" : "thing")
        let error = #expect(throws: FileError.self) { try File(asked, .readFile) }
        #expect(error?.code == (kind == "folder" ? .isADirectory : .notAFile))
        #expect(throws: FileError.self) { try readFile(asked) }
    }

    /// Leaves a socket at a path, which nobody listens to any more.
    private func listen(at path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8.prefix(107))) }
        return unsafe withUnsafeBytes(of: &address) { bytes in
            let start = unsafe bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            return unsafe start.map { unsafe bind(descriptor, $0, socklen_t(bytes.count)) } == 0
        }
    }

    @Test func `a path in an error cannot write to a terminal`() {
        let error = FileError("open", "/a\u{1B}[2J\n\u{202E}b", ENOENT)
        #expect(error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202E })
        #expect(error.path.contains("\u{1B}"))
    }

    // MARK: Folders

    @Test func `folders are made down to the last, and one that is there is left`() throws {
        try makeDirectory(path("a/b/c"))
        try replaceFile(path("a/b/c/f"), with: [1])
        try makeDirectory(path("a/b/c"))
        #expect(try readFile(path("a/b/c/f")) == [1])
        let error = #expect(throws: FileError.self) { try makeDirectory(path("a/b/c/f")) }
        #expect(error?.code == .notADirectory)
        let below = #expect(throws: FileError.self) { try makeDirectory(path("a/b/c/f/g")) }
        #expect(below?.code == .notADirectory)
    }

    @Test func `a root is never made`() throws {
        let root = path("root")
        #expect(throws: FileError.self) { try makeDirectory(root + "/a/b", below: root) }
        #expect(try !fileExists(root))
        try makeDirectory(root)
        try makeDirectory(root + "/a/b", below: root)
        #expect(try fileInfo(root + "/a/b").kind == .directory)
        #expect(throws: FileError.self) { try makeDirectory(path("elsewhere"), below: root) }
    }

    // MARK: Publication

    @Test func `a file is published in place of another`() throws {
        try replaceFile(path("new"), with: [2])
        try replaceFile(path("old"), with: [1])
        try publish(path("new"), as: path("old")).get()
        #expect(try readFile(path("old")) == [2])
        #expect(try !fileExists(path("new")))
    }

    @Test(arguments: ["nowhere/name", "folder", "new/below"])
    func `what cannot be published is said to be not published, and stays`(_ name: String) throws {
        try makeDirectory(path("folder/inner"))
        try replaceFile(path("new"), with: [2])
        let publication = publish(path("new"), as: path(name))
        #expect(!publication.mayBeSeen)
        #expect(throws: FileError.self) { try publication.get() }
        #expect(try readFile(path("new")) == [2])
    }

    @Test func `a replacement that fails leaves the old file and nothing beside it`() throws {
        try makeDirectory(path("taken/inner"))
        #expect(throws: FileError.self) { try replaceFile(path("taken"), with: [1]) }
        #expect(try listDirectory(Scratch.current) == [Array("taken".utf8)])
    }

    @Test func `a name as long as a name may be can be written`() throws {
        let name = String(repeating: "n", count: 255)
        try replaceFile(path(name), with: [1])
        #expect(try readFile(path(name)) == [1])
    }

    @Test func `what could not be flushed is never flushed again`() throws {
        try #require(unsafe mkfifo(path("pipe"), 0o600) == 0)
        // The system cannot flush a pipe, and says so each time.
        let file = try File(path("pipe"), .update)
        let first = #expect(throws: FileError.self) { try file.syncData() }
        let second = #expect(throws: FileError.self) { try file.syncData() }
        #expect(first?.number == EINVAL && second?.number == EIO)
    }

    @Test func `another content is another version, whatever its length`() throws {
        try replaceFile(path("f"), with: [1, 2, 3])
        let first = try fileInfo(path("f")).version
        #expect(try fileInfo(path("f")).version == first)
        try replaceFile(path("f"), with: [3, 2, 1])
        #expect(try fileInfo(path("f")).version != first)
    }
}
