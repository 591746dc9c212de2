import Foundation
import Glibc
import POSIX
import Samples
import Schema
import Storage
import TestKit
import Testing

@testable import Services

/// What is special to a place that is mounted; everything else is in the laws.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(2))) struct SSHFSTests {
    private let state = Scratch.current + "/state"
    private var folder: String { state + "/mount" }

    private func name(_ text: String) throws -> ObjectName { try #require(ObjectName(text)) }

    private func isMounted() throws -> Bool { try MountTable().entry(at: folder) != nil }

    /// A backend whose mount is in the folder of the test, and the folder that the server has.
    private func open(timeout: Int = 30) async throws -> (content: any ContentService, served: String) {
        let server = try await SFTPServer.mountable()
        let served = try server.newFolder()
        let values = server.settings(for: served)
        return (try await Subject.openMounted(values, retries: 2, timeout: timeout, at: state), served)
    }

    private func put(_ text: String, _ content: any ContentService) async throws {
        _ = try await #require(content.objects).put(try name(text), Body(Array(text.utf8)))
    }

    @Test func `it is mounted while it is used, and not before or after`() async throws {
        let (content, served) = try await open()
        #expect(try !isMounted())
        try await put("one", content)
        #expect(try isMounted() && Trees.files(in: served) == ["one"])
        await content.close()
        #expect(try !isMounted())
        // It is there again for whoever comes later.
        try await put("two", content)
        #expect(try Set(Trees.files(in: served)) == ["one", "two"])
        await content.close()
        #expect(try !isMounted() && FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test func `who leaves takes it from nobody`() async throws {
        let server = try await SFTPServer.mountable()
        let values = server.settings(for: try server.newFolder())
        let first = try await Subject.openMounted(values, at: state)
        let second = try await Subject.openMounted(values, at: state)
        try await put("one", first)
        try await put("two", second)
        #expect(SSHFSMount.programs(of: folder).count == 1, "both use one mount")
        await first.close()
        #expect(try isMounted())
        try await put("three", second)
        await second.close()
        #expect(try !isMounted())
    }

    /// What can happen to a mount.
    private enum End: String, CaseIterable {
        case killed, stopped, taken
    }

    @Test(arguments: End.allCases)
    private func `a mount that ends is made anew, and nothing goes to the folder below it`(_ end: End) async throws {
        let (content, served) = try await open(timeout: 10)
        try await put("one", content)
        let old = SSHFSMount.programs(of: folder)
        try #require(old.count == 1)
        switch end {
        case .killed: kill(old[0], SIGKILL)
        case .stopped: kill(old[0], SIGSTOP)
        case .taken:
            let program = try #require(Programs.find("fusermount3"))
            #expect(try await ProcessRunner.run(program, ["-u", "-z", folder]).code == 0)
        }
        try await put("two", content)
        #expect(try Set(Trees.files(in: served)).isSuperset(of: ["one", "two"]))
        let objects = try #require(content.objects)
        #expect(try await collect(try await objects.read(try name("one")), limit: 100) == Array("one".utf8))
        await content.close()
        #expect(try !isMounted() && FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        #expect(try await holds { SSHFSMount.programs(of: folder).isEmpty })
    }

    @Test func `what a stopped program kept waiting is told`() async throws {
        let server = try await SFTPServer.mountable()
        let values = server.settings(for: try server.newFolder())
        let content = try await Subject.openMounted(values, retries: 0, timeout: 10, at: state)
        try await put("one", content)
        let program = try #require(SSHFSMount.programs(of: folder).first)
        kill(program, SIGSTOP)
        let error = await #expect(throws: StorageError.self) { try await put("two", content) }
        #expect(error?.code == .unavailable, "\(String(describing: error))")
        #expect(error?.message.contains("/proc/") == false, "\(String(describing: error))")
        await content.close()
        #expect(try await holds { SSHFSMount.programs(of: folder).isEmpty })
    }

    /// Whoever went on would open what does not answer, and keep the lock of all who want the mount.
    @Test func `who is stopped while a mount is asked opens nothing`() async throws {
        let server = try await SFTPServer.mountable()
        let values = server.settings(for: try server.newFolder())
        let first = try await Subject.openMounted(values, retries: 0, at: state)
        try await put("one", first)
        let program = try #require(SSHFSMount.programs(of: folder).first)
        kill(program, SIGSTOP)
        let second = try await Subject.openMounted(values, retries: 0, at: state)
        let lock = state + "/.mount.lock"
        let work = Task { try await put("two", second) }
        let isAsking = try await holds { try !File.ofLock(lock).tryLock() }
        work.cancel()
        let error = await #expect(throws: StorageError.self) { try await work.value }
        #expect(isAsking && error?.code == .cancelled, "\(String(describing: error))")
        #expect(try File.ofLock(lock).tryLock())
        kill(program, SIGCONT)
        try await put("three", second)
        await second.close()
        await first.close()
        #expect(try !isMounted())
    }

    /// Another mount under the same name is of another server.
    @Test func `other settings do not find the mount of the old ones`() async throws {
        let server = try await SFTPServer.mountable()
        let (old, new) = (try server.newFolder(), try server.newFolder())
        let first = try await Subject.openMounted(server.settings(for: old), at: state)
        try await put("one", first)
        let second = try await Subject.openMounted(server.settings(for: new), at: state)
        try await put("two", second)
        #expect(try Trees.files(in: old) == ["one"] && Trees.files(in: new) == ["two"])
        await second.close()
        await first.close()
        #expect(try !isMounted())
    }

    /// What is wrong with the settings.
    private enum Slip: String, CaseIterable {
        case folder, user, key, program
    }

    @Test(arguments: Slip.allCases)
    private func `what cannot be mounted is told, and leaves nothing`(_ slip: Slip) async throws {
        let server = try await SFTPServer.mountable()
        let served = try server.newFolder()
        var values = server.settings(for: served)
        let code: StorageError.Code
        switch slip {
        case .folder: (values["path"], code) = (.text(served + "/nothing"), .unavailable)
        case .user: (values["user"], code) = (.text("nobody-here"), .badCredentials)
        case .key:
            try "".write(toFile: Scratch.current + "/known", atomically: true, encoding: .utf8)
            (values["known_hosts"], code) = (.text(Scratch.current + "/known"), .badCredentials)
        case .program: (values["sshfs_command"], code) = (.list(["/no/such/sshfs"]), .badSettings)
        }
        let content = try await Subject.openMounted(values, retries: 0, at: state)
        let error = await #expect(throws: StorageError.self) { try await put("one", content) }
        #expect(error?.code == code, "\(String(describing: error))")
        await content.close()
        #expect(try !isMounted())
    }

    @Test(arguments: [
        ("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw", "/mnt2", "ext3", "/dev/root"),
        (#"1 2 0:9 / /a\040b rw - fuse.sshfs me@h\054x:/p rw"#, "/a b", "fuse.sshfs", "me@h,x:/p"),
        (#"1 2 0:9 / /a\9 rw shared:1 master:2 - x y"#, #"/a\9"#, "x", "y"),
    ])
    func `the table of mounts is read`(line: String, folder: String, type: String, source: String) throws {
        let table = MountTable("\n1 2\n- - -\n\(line)\n1 2 3 4 5 6 -\n")
        let entry = try #require(table.entry(at: folder))
        #expect(entry.type == type && entry.source == source && table.entry(at: "/other") == nil)
    }
}
