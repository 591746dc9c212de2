import Foundation
import Samples
import TestKit
import Testing

/// A secret in the settings goes to the service and nowhere else.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct SecretTests {
    private static let canary = "CANARY-4f1c9e7d2b"

    @Test func aSecretNeverShows() async throws {
        let user = try await User.ready()
        let bucket = try await Bucket.make()
        let create = [
            "backend", "create", "cloud", "s3", "--endpoint", bucket.server.endpoint, "--bucket", bucket.name,
            "--prefix", bucket.prefix, "--access-key-id", bucket.server.accessKeyID, "--secret-access-key",
            Self.canary,
        ]
        let disk = try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(1000))
        let commands = [
            create, ["backend", "show", "cloud"], ["backend", "list"], ["backend", "test", "cloud"], ["sync"],
            ["backend", "update", "cloud", "--region", "us-east-1"], ["status"], ["verify"], ["whereis", root],
            ["recover", "--from", "cloud"], ["backend", "dirty"], ["backend", "types", "s3"], ["restore"],
            ["backend", "update", "cloud", "--timeout", Self.canary],
            ["backend", "create", "cloud2", "s3", "--bucket", "b", "--secret-access-key", Self.canary, "--nope", "x"],
            ["sync", "--dry-run", "--force"], ["backend", "disable", "cloud"], ["backend", "enable", "cloud"],
        ]
        for command in commands {
            for flags in [[], ["--json"], ["--verbose"]] {
                let result = try await user.attempt(command + flags)
                let isTold = command.contains("--timeout")
                #expect(isTold || !(result.text + result.errorText).contains(Self.canary), "\(command + flags)")
            }
        }
        #expect(try await user.run("backend", "show", "cloud").text.contains("••••"))
        let holders = try Self.files(below: user.home, holding: Self.canary)
        #expect(holders == ["backend_configs/cloud.yaml"])
        #expect(try Self.files(below: disk, holding: Self.canary).isEmpty)
        // A reference gives nothing away, so it travels.
        try await user.run("backend", "update", "cloud", "--secret-access-key", "${MY_SECRET}")
        #expect(try await user.run("backend", "show", "cloud").text.contains("${MY_SECRET}"))
    }

    @Test func secretsFromOutsideNeverShow() async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        try await user.createS3("cloud", bucket)
        let disk = try await user.createDisk("disk")
        try await user.add(sampleBytes(1000))
        user.environment["E2E_SECRET"] = Self.canary
        for command in ["sync", "backend test cloud", "verify cloud", "recover --from cloud", "backend show cloud"] {
            for flags in [[], ["--json"], ["--verbose"]] {
                let result = try await user.attempt(command.split(separator: " ").map(String.init) + flags)
                #expect(!(result.text + result.errorText).contains(Self.canary), "\(command)")
            }
        }
        #expect(try Self.files(below: user.home, holding: Self.canary).isEmpty)
        #expect(try Self.files(below: disk, holding: Self.canary).isEmpty)
        let snapshot = try #require(Trees.files(in: disk).first { $0.hasPrefix("kits/") })
        #expect(String(decoding: try bytes(at: disk + "/" + snapshot), as: UTF8.self).contains("${E2E_SECRET}"))
    }

    /// A server, or a proxy before it, that repeats in its errors what it was sent.
    @Test(arguments: [
        "bad header: x-amz-security-token: \(canary)", "you sent \(canary.dropLast(3)) and something else",
        "Authorization: AWS4-HMAC-SHA256 Credential=\(canary), Signature=abc", "token=\(canary.uppercased())",
    ])
    func whatAServerRepeatsDoesNotShow(_ said: String) async throws {
        var user = try await User.ready()
        let bucket = try await Bucket.make()
        user.environment["E2E_TOKEN"] = Self.canary
        let answer = "<Error><Code>InvalidRequest</Code><Message>\(said)</Message></Error>"
        let proxy = try await FaultyProxy.start(before: bucket.server.endpoint, [.status(400, body: answer)])
        try await user.createS3("cloud", bucket, endpoint: proxy.endpoint, "--session-token", "${E2E_TOKEN}")
        try await user.add(sampleBytes(1000))
        let shown = Self.canary.dropLast(3).lowercased()
        for command in ["sync", "backend test cloud", "status", "verify", "backend show cloud", "recover --from cloud"]
        {
            for flags in [[], ["--json"], ["--verbose"]] {
                let result = try await user.attempt(command.split(separator: " ").map(String.init) + flags)
                #expect(!(result.text + result.errorText).lowercased().contains(shown), "\(command) \(flags)")
            }
        }
        #expect(try Self.files(below: user.home, holding: String(Self.canary.dropLast(3))).isEmpty)
    }

    /// Also in a home that was open, and with files that an editor made as it makes all.
    @Test(arguments: [false, true]) func onlyTheOwnerMayRead(_ wasOpen: Bool) async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        try await user.add(sampleBytes(1000))
        try await user.run("sync")
        if wasOpen {
            try await user.shell(
                "chmod -R a+rX '\(user.home)'; echo mine > '\(user.home)/mine'; chmod 644 '\(user.home)/mine'"
            )
            try await user.run("pin", "ls")
        }
        let open = try await user.shell("find '\(user.home)' -perm /077 ! -name mine -printf '%m %P\n'")
        #expect(open == "", "open to others")
        // What lies in the folder and is no part of the home stays as it is.
        if wasOpen { try await user.shell("test $(stat -c %a '\(user.home)/mine') = 644") }
    }

    private static func files(below folder: String, holding text: String) throws -> [String] {
        let wanted = Data(text.utf8)
        return try Trees.files(in: folder).filter { name in
            try Data(contentsOf: URL(filePath: folder + "/" + name)).range(of: wanted) != nil
        }
    }
}
