import Foundation
import Samples
import TestKit
import Testing

/// What a wrong command gets: its own exit code, the name of what is wrong, and the command that helps.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct BadInputTests {
    struct Wrong: Sendable, CustomTestStringConvertible {
        let command: String
        let code: Int
        let says: [String]
        var testDescription: String { command }

        init(_ command: String, _ code: Int, _ says: String...) {
            (self.command, self.code, self.says) = (command, code, says)
        }
    }

    private static let unknown = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"

    static let commands = [
        Wrong("backend show dusk", 3, "“dusk”", "did you mean “disk”?", "Run: ipfs-kit backend list"),
        Wrong("sync dusk", 3, "“dusk”"), Wrong("verify dusk", 3, "“dusk”"), Wrong("recover --from dusk", 3, "“dusk”"),
        Wrong("backend mark-dirty disk dusk", 3, "“dusk”"), Wrong("backend remove dusk", 3, "“dusk”"),
        Wrong("backend pin add dusk \(unknown) a.car", 3, "“dusk”"), Wrong("backend pin list ../disk", 3, "../disk"),
        Wrong("backend create x filesistem --path /tmp", 3, "filesystem", "Run: ipfs-kit backend types"),
        Wrong("backend create x filesystem --pth /tmp", 2, "--path"),
        Wrong("backend create x filesystem --settings pth=/tmp", 2, "path", "Run: ipfs-kit backend types filesystem"),
        Wrong("backend create x filesystem", 2, "connection.path is required"),
        Wrong("backend create ../x filesystem --path /tmp", 2, "../x"),
        Wrong("backend create disk filesystem --path /tmp", 2, "already", "ipfs-kit backend update disk"),
        Wrong("backend update disk --timeout soon", 2, "--timeout", "soon"),
        Wrong("pin add nonsense", 2, "“nonsense” is not a CID"), Wrong("cat bafynonsense", 2, "bafynonsense"),
        Wrong("whereis Qm0OIl", 2, "Qm0OIl"), Wrong("dag export /ipfs/", 2, "CID"),
        Wrong("cat \(unknown)", 4, unknown, "Run: ipfs-kit restore \(unknown)"),
        Wrong("pin add \(unknown)", 4, unknown), Wrong("pin rm \(unknown)", 4, unknown, "Run: ipfs-kit pin ls"),
        Wrong("pin show \(unknown)", 4, unknown), Wrong("dag export \(unknown)", 4, unknown),
        Wrong("whereis \(unknown)", 4, unknown, "Run: ipfs-kit pin add \(unknown)"), Wrong("ls \(unknown)", 4, unknown),
        Wrong("get \(unknown)", 4, unknown), Wrong("dag stat \(unknown)", 4, unknown),
        Wrong("backend pin remove disk \(unknown)", 4, unknown), Wrong("verify --cid \(unknown)", 4, unknown),
        Wrong("add /no/such/file", 4, "/no/such/file"), Wrong("dag import /no/such/file", 4, "/no/such/file"),
        Wrong("add --profile unixfs-v9 .", 2, "unixfs-v1-2025"), Wrong("nosuch", 2, "nosuch", "ipfs-kit help"),
        Wrong("sync --forse", 2, "--force"), Wrong("pin add", 2, "CIDS"), Wrong("add --replicas two .", 2, "two"),
        Wrong("verify --sample 0", 2, "--sample"), Wrong("completion tcsh", 2, "tcsh", "bash"),
        Wrong("cat \(unknown) --offset -1", 2, "offset"),
    ]

    @Test(arguments: commands)
    func aWrongCommandSaysWhatHelps(_ wrong: Wrong) async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let before = try Trees.files(in: user.home + "/backend_configs")
        let words = wrong.command.split(separator: " ").map(String.init)
        let result = try await user.attempt(words)
        #expect(result.code == wrong.code, "\(result.text)\(result.errorText)")
        #expect(result.text.isEmpty)
        for part in wrong.says { #expect(result.errorText.contains(part), "\(result.errorText)") }
        #expect(try Trees.files(in: user.home + "/backend_configs") == before)
        // Machines are told the same.
        let told = try await user.attempt(words + ["--json"])
        let line = told.errorText.split(separator: "\n").last.map(String.init)
        // In the place of content nothing else stands.
        let writesContent = wrong.command.hasPrefix("cat ") || wrong.command.hasPrefix("dag export ")
        #expect(told.text.isEmpty == writesContent)
        let answer = try Answer.parse(writesContent ? line ?? "" : told.text)
        #expect(answer.error.code.int == wrong.code && answer.error.message.text?.isEmpty == false)
    }

    @Test(arguments: ["add .", "pin ls", "sync", "status", "backend list", "recover --from x", "backend create a s3"])
    func withoutAHomeInitIsNamed(_ command: String) async throws {
        let user = try User()
        let result = try await user.attempt(command.split(separator: " ").map(String.init))
        #expect(result.code == 1 && result.errorText.contains("Run: ipfs-kit init"), "\(result.errorText)")
        #expect(!FileManager.default.fileExists(atPath: user.home))
    }

    static let files: [(text: String, says: [String])] = [
        ("type: s3\nconnection: {bucket: b\n", ["bad.yaml:"]),
        ("type: s3\nconnection:\n  bukket: b\n", ["bad.yaml:3", "bukket", "“bucket”"]),
        ("type: s3\nconection:\n  bucket: b\n", ["bad.yaml:2", "conection", "“connection”"]),
        ("type: s4\n", ["bad.yaml:1", "s4", "“s3”"]),
        ("name: bad\n", ["bad.yaml:1", "“type” is required"]),
        ("name: other\ntype: s3\nconnection: {bucket: b}\n", ["bad.yaml:1", "other"]),
        ("type: s3\nconnection:\n  bucket: b\noperational:\n  timeout: soon\n", ["bad.yaml:5", "operational.timeout"]),
        ("type: s3\nenabled: perhaps\nconnection: {bucket: b}\n", ["bad.yaml:2", "enabled"]),
        ("type: s3\nconnection:\n  region: x\n", ["bad.yaml", "connection.bucket is required"]),
        ("type: s3\nconnection:\n  bucket: b\n  secret_access_key: x\n", ["bad.yaml:4", "credentials"]),
        ("- a\n- b\n", ["bad.yaml:1"]), ("\u{0}\u{1}", ["bad.yaml"]),
        ("type: s3\nconnection:\n  bucket: b\n  bucket: c\n", ["bad.yaml:4", "bucket"]),
        ("type: s3\nconnection: {bucket: b}\ncreated_at: yesterday\n", ["bad.yaml:3", "created_at"]),
    ]

    @Test(arguments: files.indices)
    func aMalformedFileIsToldByLine(_ index: Int) async throws {
        let user = try await User.ready()
        let (text, says) = Self.files[index]
        try write(Array(text.utf8), to: user.home + "/backend_configs/bad.yaml")
        let result = try await user.run("backend", "show", "bad", code: 2)
        for part in says { #expect(result.errorText.contains(part), "\(result.errorText)") }
        #expect(result.errorText.contains("Run: ipfs-kit "))
        #expect(!result.errorText.contains(".."), "\(result.errorText)")
        #expect(try bytes(at: user.home + "/backend_configs/bad.yaml") == Array(text.utf8))
    }

    /// What can never be right is refused at once, and what may be a secret is not repeated.
    @Test(arguments: [
        ["backend", "pin", "add", "disk", sampleRoot, "x.car", "--size", "-5"],
        ["backend", "pin", "add", "disk", sampleRoot, "x.car", "--size=-5"],
        ["backend", "create", "other", "filesystem", "--path", "relative"],
        ["backend", "update", "disk", "--path", "a"],
        ["backend", "create", "other", "s3", "--bucket", "b", "--settings", "secret_access_key", "CANARY"],
        ["--json", "backend", "create", "other", "s3", "--bucket", "b", "--secret-access-key", "x", "CANARY"],
        ["backend", "create", "other", "s3", "--bucket", "b", "--endpoint", "user:CANARY@h"],
        ["backend", "create", "other", "filesystem", "--path", "/data", "--description", "https://u:CANARY@h"],
    ])
    func whatCanNeverBeRightIsRefusedAtOnce(_ words: [String]) async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let before = try Trees.files(in: user.home + "/backend_configs")
        let result = try await user.attempt(words)
        #expect(result.code == 2 && !(result.text + result.errorText).contains("CANARY"), "\(result.errorText)")
        #expect(try Trees.files(in: user.home + "/backend_configs") == before)
        #expect(try await user.json("backend", "pin", "list", "disk").mappings.items.isEmpty)
    }

    private static let sampleRoot = "bafkreiaizvryq5xjnyue4zgwezbteubqr4iok2ewdi32tubyqgc4pekcgi"

    @Test func anUnsetVariableIsNamedWithItsKey() async throws {
        var user = try await User.ready()
        try await user.run("backend", "create", "disk", "filesystem", "--path", "${E2E_NOT_SET}/")
        let result = try await user.run("backend", "test", "disk", code: 2)
        #expect(result.errorText.contains("connection.path") && result.errorText.contains("E2E_NOT_SET"))
        try await user.run("sync", code: 2)
        user.environment["E2E_NOT_SET"] = Scratch.current
        try await user.run("sync")
        #expect(try await user.run("backend", "show", "disk").text.contains("${E2E_NOT_SET}/"))
    }

    @Test func damagedArchivesAreRefused() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(700_000))
        let other = try await user.add(sampleBytes(100, seed: 9), name: "other")
        let whole = [UInt8](try await user.run("dag", "export", root).output)
        let second = [UInt8](try await user.run("dag", "export", other).output)
        let fresh = try await User.ready("fresh")
        var flipped = whole
        flipped[whole.count / 2] ^= 1
        // The head of one archive before the blocks of another: its root is not among them.
        let head = Int(whole[0]) + 1
        let wrongRoot = Array(whole[..<head]) + Array(second[(Int(second[0]) + 1)...])
        let version2: [UInt8] = [0x0A, 0xA1, 0x67] + Array("version".utf8) + [0x02] + sampleBytes(100)
        let damaged: [(String, [UInt8], Set<Int>)] = [
            ("cut", Array(whole.dropLast(10)), [10]), ("flipped", flipped, [10]), ("wrong root", wrongRoot, [4, 10]),
            ("version 2 of nonsense", version2, [10]),
            ("page", Array("<html><body>Not found</body></html>".utf8), [10]),
            ("empty", [], [10]), ("only a head", Array(whole[..<head]), [4, 10]),
            ("cut head", Array(whole[..<9]), [10]),
            ("length that lies", [0xFF, 0xFF, 0xFF, 0xFF, 0x7F] + whole, [10, 12]),
        ]
        for (title, content, codes) in damaged {
            let path = fresh.folder + "/bad.car"
            try write(content, to: path)
            let result = try await fresh.attempt(["dag", "import", path])
            #expect(codes.contains(result.code), "\(title): \(result.code) \(result.text)\(result.errorText)")
            #expect(result.errorText.contains("ipfs-kit: "), "\(title)")
            #expect(try await fresh.pins().isEmpty, "\(title)")
        }
        #expect(try await fresh.run("cat", root, code: 4).output.isEmpty)
        // The undamaged archive as the payload of a CARv2 without an index.
        var container = version2[..<11] + [UInt8](repeating: 0, count: 16)
        for value in [51, whole.count, 0] {
            for shift in 0..<8 { container.append(UInt8(value >> (8 * shift) & 0xFF)) }
        }
        try write(container + whole, to: fresh.folder + "/good.car")
        try await fresh.run("dag", "import", fresh.folder + "/good.car")
        #expect(try await fresh.run("cat", root).output == Data(sampleBytes(700_000)))
    }

    @Test func nothingIsOverwrittenOrLeftHalf() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(1000))
        try write([1], to: user.folder + "/there")
        try await user.run("get", root, "--output", user.folder + "/there", code: 12)
        #expect(try bytes(at: user.folder + "/there") == [1])
        try await user.run("dag", "export", root, "--output", user.folder + "/no/such/folder.car", code: 4)
    }
}
