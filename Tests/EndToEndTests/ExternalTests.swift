import Foundation
import Samples
import TestKit
import Testing

/// Programs that keep content, with the program that people get.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct ExternalTests {
    private func newFolder(_ name: String = "place") throws -> String {
        let folder = Scratch.current + "/\(name)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Keys are the names of files there; the CAR of a root ends as its name does.
    private func life(_ type: String, _ flags: [String], in folder: String) -> WholeLife {
        WholeLife(type: type, flags: flags, folder: folder) { name in
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    @Test func aProgramIsEnough() async throws {
        let folder = try newFolder()
        let program = try FolderProgram.python.write(to: Scratch.current + "/programs")
        try await life("external", ["--program", program, "--program-options", "directory=\(folder)"], in: folder).run()
    }

    @Test func aRemoteOfRcloneIsEnough() async throws {
        try FolderProgram.check("rclone")
        let folder = try newFolder()
        let rclone = try #require(Programs.find("rclone")).path
        try await life("rclone", ["--program", rclone, "--remote", ":local:\(folder)"], in: folder).run()
    }

    /// rclone's remotes with buckets have one as the first part of the path.
    @Test(arguments: [S3Server.Kind.rclone, .moto])
    func aRemoteWithBucketsIsEnough(_ kind: S3Server.Kind) async throws {
        let server = try await S3Server.running(kind)
        let bucket = try await server.newBucket()
        let configuration = Scratch.current + "/rclone.conf"
        let text = """
            [pile]
            type = s3
            provider = Other
            endpoint = \(server.endpoint)
            access_key_id = \(server.accessKeyID)
            secret_access_key = \(server.secretAccessKey)

            """
        try write(Array(text.utf8), to: configuration)
        let user = try await User.ready()
        let made = try await user.attempt([
            "backend", "import-rclone", "pile:\(bucket)/kept", "--as", "box", "--rclone-config", configuration,
        ])
        #expect(made.code == 0 && made.errorText.contains("a type of its own"), "\(made.errorText)")
        let rclone = try #require(Programs.find("rclone")).path
        try await user.run("backend", "update", "box", "--program", rclone)
        try await user.run("backend", "test", "box")
        let root = try await user.add(sampleBytes(100_000))
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        try await user.run("pin", "rm", root)
        #expect(try await user.json("sync", "--prune").backends[0].removed.int == 1)
    }

    @Test func anEncryptedConfigurationIsNotImported() async throws {
        let configuration = Scratch.current + "/rclone.conf"
        try write(Array("# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nAAAA\n".utf8), to: configuration)
        let user = try await User.ready()
        let answer = try await user.attempt(["backend", "import-rclone", "a:b", "--rclone-config", configuration])
        #expect(answer.code == 12 && answer.errorText.contains("is encrypted"), "\(answer.errorText)")
        try write(Array("[pile]\ntype = memory\n".utf8), to: configuration)
        for (remote, words) in [
            ("heap:x", "it has: pile."), ("pile", "Say where in pile"), ("pile,key=hidden-4711:x", "without settings"),
        ] {
            let answer = try await user.attempt(["backend", "import-rclone", remote, "--rclone-config", configuration])
            #expect(answer.code == 2 && answer.errorText.contains(words), "\(answer.errorText)")
            #expect(!answer.errorText.contains("4711"))
        }
    }

    /// A program without lists keeps content and gives it back; what needs lists says so.
    @Test func theLeastProgramKeepsContent() async throws {
        let folder = try newFolder()
        let program = try FolderProgram.shell.write(to: Scratch.current + "/programs")
        let user = try await User.ready()
        try await user.run(
            "backend",
            "create",
            "box",
            "external",
            "--program",
            program,
            "--program-options",
            "directory=\(folder)"
        )
        try await user.run("backend", "test", "box")
        let content = sampleBytes(300_000)
        let root = try await user.add(content)
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        let part = ["cat", root, "--from", "box", "--offset", "1000", "--length", "2000"]
        #expect([UInt8](try await user.attempt(part).output) == Array(content[1000..<3000]))
        let file = try #require(try Trees.files(in: folder).first { $0.hasSuffix("\(root).car") })
        var damaged = try bytes(at: "\(folder)/\(file)")
        damaged[damaged.count / 2] ^= 1
        try write(damaged, to: "\(folder)/\(file)")
        #expect(try await user.json("verify", code: 10).backends[0].corrupt.int == 1)
        #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        #expect(try await user.json("verify").backends[0].whole.int == 1)
        // Of what no list shows, nothing becomes more with each sync, and nothing is removed or said to be.
        func snapshots() throws -> Set<String> {
            Set(try Trees.files(in: folder).filter { $0.contains("XIPFSKIT--kits~") && !$0.contains("~homes~") })
        }
        for seed in 1...5 {
            try await user.add(sampleBytes(1000, seed: UInt64(seed)), name: "more\(seed)")
            #expect(try await user.json("sync").backends[0].uploaded.int == 1)
        }
        let kept = try snapshots().filter { !$0.contains("~pages~") }
        #expect(kept.count == 1, "\(kept)")
        try await user.run("pin", "rm", root)
        let dry = try await user.json("sync", "--prune", "--dry-run")
        #expect("\(dry)".contains("it lists nothing") && !"\(dry)".contains(root), "\(dry)")
        let before = try Trees.files(in: folder).sorted()
        let prune = try await user.attempt(["sync", "--prune"])
        #expect(prune.code == 12 && prune.text.contains("it lists nothing"), "\(prune.text)\(prune.errorText)")
        #expect(try !Trees.files(in: folder).contains { $0.hasSuffix(".removing") })
        #expect(try Trees.files(in: folder).count <= before.count, "\(before)")
        // Nothing of what the program was given is left.
        let left = try Trees.files(in: user.home + "/metadata").filter { $0.contains("XIPFSKIT") }
        #expect(left == [])
    }

    /// git-annex itself is the host of the programs of the page.
    @Test(arguments: FolderProgram.allCases) func gitAnnexUsesThePrograms(_ program: FolderProgram) async throws {
        try FolderProgram.check("git-annex", "git")
        let (folder, programs) = (try newFolder(), Scratch.current + "/programs")
        _ = try program.write(to: programs, as: "git-annex-remote-folder")
        let script = """
            set -e
            export PATH="$1:$PATH" HOME="$2" GIT_CONFIG_NOSYSTEM=1
            git config --global user.email a@b.test; git config --global user.name A
            git init -q repo; cd repo; git annex init here >/dev/null
            git annex initremote disk type=external externaltype=folder encryption=none "directory=$3"
            for n in 1 2 3 4 5; do head -c $((n * 30000)) /dev/urandom > file$n; done
            git annex add . >/dev/null; git commit -qm files
            sha256sum file* > ../sums
            git annex copy -J3 --to disk .
            git annex fsck --from disk .
            git annex drop .
            git annex get -J3 .
            sha256sum -c --quiet ../sums
            git annex drop --from disk .
            """
        let home = try newFolder("user")
        let result = try await ProcessRunner.run(
            URL(filePath: "/bin/sh"),
            ["-c", "cd \"$2\"; \(script)", "sh", programs, home, folder]
        )
        #expect(result.code == 0, "\(result.text) \(result.errorText)")
        #expect(try Trees.files(in: folder).filter { !$0.hasSuffix(".part") } == [])
    }
}
