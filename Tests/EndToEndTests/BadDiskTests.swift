import Foundation
import Samples
import TestKit
import Testing

/// Disks that are full, read-only or not what they seem.
@Suite(.scratch, .inTurn, .serialized, .timeLimit(.minutes(10))) struct BadDiskTests {
    /// Lends a small disk of its own, where root may mount one.
    private func withDisk(_ options: String, _ work: (String) async throws -> Void) async throws {
        try await Disk.mounted(["-t", "tmpfs", "-o", options, "tmpfs"], work)
    }

    @Test func aFullBackendIsALimit() async throws {
        try await withDisk("size=1m") { path in
            let user = try await User.ready()
            let small = try await user.add(sampleBytes(10_000), name: "small")
            try await user.add(sampleBytes(3 << 20), name: "large")
            try await user.run("backend", "create", "disk", "filesystem", "--path", path)
            let sync = try await user.json("sync", code: 6)
            #expect(sync.backends[0].uploaded.int == 1 && sync.backends[0].failures[0].error.code.int == 8)
            #expect(try Trees.files(in: path).filter { !$0.hasPrefix("kits/") }.count == 1)
            #expect(try await user.dirty() == ["disk"])
            #expect(try await user.json("whereis", small).mappings[0].status == .text("stored"))
        }
    }

    @Test func aFullHomeLosesNothing() async throws {
        try await withDisk("size=6m") { path in
            var user = try User()
            user.environment["IPFS_KIT_HOME"] = path + "/home"
            try await user.run("init")
            let kept = try await user.add(sampleBytes(100_000), name: "kept")
            try write(sampleBytes(20 << 20, seed: 7), to: user.folder + "/large")
            let full = try await user.run("add", user.folder + "/large", code: 8)
            #expect(full.errorText.contains("ipfs-kit: "))
            #expect(try await user.pins() == [kept])
            #expect(try [UInt8](await user.run("cat", kept).output) == sampleBytes(100_000))
            // What could not be kept does not take up room.
            try await user.add(sampleBytes(500_000, seed: 3), name: "after")
            // Filled to the last byte, the catalog cannot write either, and says so.
            _ = try await ProcessRunner.run(
                try #require(Programs.find("dd")),
                ["if=/dev/zero", "of=\(path)/filler", "bs=4k", "count=100000"]
            )
            let refused = try await user.attempt(["pin", "rm", kept])
            #expect(refused.code == 8 || refused.code == 0, "\(refused.code) \(refused.errorText)")
            try FileManager.default.removeItem(atPath: path + "/filler")
            #expect(try await user.pins().contains(kept) == (refused.code == 8))
            #expect(try [UInt8](await user.run("cat", kept).output) == sampleBytes(100_000))
        }
    }

    /// It is this machine that is full, each time anew, and no backend.
    @Test func aFullHomeEndsARestore() async throws {
        let owner = try await User.ready("owner")
        for seed in 0..<6 { try await owner.add(sampleBytes(1_500_000, seed: UInt64(seed)), name: "\(seed)") }
        let disk = try await owner.createDisk("disk")
        try await owner.run("sync")
        try await withDisk("size=5m") { path in
            var user = try User("other")
            user.environment["IPFS_KIT_HOME"] = path + "/home"
            try await user.run("init")
            try await user.run("backend", "create", "disk", "filesystem", "--path", disk)
            for words in [["recover", "--from", "disk"], ["restore"]] {
                let full = try await user.attempt(words)
                #expect(full.code == 8, "\(full.code) \(full.text)\(full.errorText)")
                #expect(!(full.text + full.errorText).contains("backend test"), "\(full.text)\(full.errorText)")
            }
            let mount = try #require(Programs.find("mount"))
            #expect(try await ProcessRunner.run(mount, ["-o", "remount,size=64m", path]).code == 0)
            try await user.run("restore")
            #expect(try await user.run("store", "verify").code == 0)
        }
    }

    @Test func aReadOnlyBackendRefusesAccess() async throws {
        try await withDisk("size=1m") { path in
            let user = try await User.ready()
            let root = try await user.add(sampleBytes(1000))
            let mount = try #require(Programs.find("mount"))
            #expect(try await ProcessRunner.run(mount, ["-o", "remount,ro", path]).code == 0)
            try await user.run("backend", "create", "disk", "filesystem", "--path", path)
            let sync = try await user.run("sync", code: 7)
            #expect(sync.text.contains("disk") && sync.text.contains("Run: ipfs-kit "))
            #expect(try await user.run("backend", "test", "disk", code: 7).errorText.contains(path))
            #expect(try await ProcessRunner.run(mount, ["-o", "remount,rw", path]).code == 0)
            try await user.run("sync")
            #expect(try await user.json("whereis", root).mappings[0].status == .text("stored"))
        }
    }

    @Test func aFileInThePlaceOfTheDirectoryIsAnError() async throws {
        let user = try await User.ready()
        try await user.add(sampleBytes(1000))
        try write([1], to: user.folder + "/file")
        try await user.run("backend", "create", "disk", "filesystem", "--path", user.folder + "/file/below")
        let result = try await user.attempt(["sync"])
        #expect(result.code != 0 && result.text.contains("disk"))
        #expect(try bytes(at: user.folder + "/file") == [1])
    }

    @Test func aBackendThatIsAwayIsUnknown() async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(1000))
        try await user.run("sync")
        try FileManager.default.moveItem(atPath: disk, toPath: disk + ".away")
        let verify = try await user.json("verify", code: 5)
        #expect(verify.backends[0].unknown.int == 1 && verify.backends[0].missing.int == 0)
        #expect(try await user.json("whereis", root).mappings[0].status != .text("missing"))
        try FileManager.default.moveItem(atPath: disk + ".away", toPath: disk)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }

    /// Something that is no file stands where a CAR was: it is told, nobody waits for it, and a sync puts it right.
    @Test(arguments: [
        "mkfifo", "ln -s /dev/zero", "python3 -c 'import socket,sys; socket.socket(1).bind(sys.argv[1])'",
    ])
    func whatIsNoFileIsToldAndReplaced(_ command: String) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(3000))
        try await user.run("sync")
        let car = "\(disk)/cars/\(root).car"
        // The name of a socket must be short.
        try await user.shell("rm \(car); cd \(disk)/cars && \(command) s && mv s \(car)")
        let verify = try await user.attempt(["verify"], timeout: .seconds(30))
        #expect(!verify.timedOut && verify.code != 0, "\(verify.text)")
        try await user.run("sync")
        #expect(try await user.json("verify").backends[0].whole.int == 1)
    }
}
