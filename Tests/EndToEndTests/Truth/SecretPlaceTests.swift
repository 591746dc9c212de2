import Foundation
import Samples
import TestKit
import Testing

/// A secret where none may stand is refused, and not repeated.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct SecretPlaceTests {
    private static let canary = "CANARY-91ab37c2"

    @Test(arguments: [
        ["--endpoint", "https://somebody:\(canary)@s3.test"], ["--endpoint", "https://\(canary)@s3.test"],
        ["--endpoint", "somebody:\(canary)@s3.test"], ["--endpoint", "https://s3.test/?token=\(canary)"],
        ["--settings", "endpoint=https://somebody:\(canary)@s3.test"],
        ["--settings", "secret_access_key:\(canary)"],
    ])
    func itIsRefusedByWhoeverIsToldIt(_ words: [String]) async throws {
        let user = try await User.ready()
        let disk = try await user.createDisk("disk")
        let good = ["backend", "create", "good", "s3", "--bucket", "b", "--endpoint", "http://127.0.0.1:1"]
        #expect(try await user.attempt(good + ["--retry-count", "0"]).code == 0)
        let before = try bytes(at: user.home + "/backend_configs/good.yaml")
        for command in [["backend", "create", "bad", "s3", "--bucket", "b"], ["backend", "update", "good"]] {
            for flags in [[], ["--json"], ["--verbose"], ["--dry-run"]] {
                let result = try await user.attempt(command + words + flags)
                #expect(result.code == 2, "\(command) \(words): \(result.code) \(result.text)")
                #expect(!(result.text + result.errorText).contains(Self.canary), "\(result.text)\(result.errorText)")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: user.home + "/backend_configs/bad.yaml"))
        #expect(try bytes(at: user.home + "/backend_configs/good.yaml") == before)
        // Somebody writes it into the file all the same: it goes nowhere from there.
        if words[0] == "--endpoint" {
            let text = "name: bad\ntype: s3\nconnection:\n  bucket: b\n  endpoint: '\(words[1])'\n"
            try write(Array(text.utf8), to: user.home + "/backend_configs/bad.yaml")
        }
        try await user.add(sampleBytes(1000))
        for command in [
            "sync", "backend show bad", "backend list", "status", "backend test bad", "verify", "sync --force",
        ] {
            for flags in [[], ["--json"]] {
                let result = try await user.attempt(command.split(separator: " ").map(String.init) + flags)
                #expect(!(result.text + result.errorText).contains(Self.canary), "\(command): \(result.text)")
            }
        }
        let wanted = Data(Self.canary.utf8)
        for folder in [disk, user.home] {
            let holders = try Trees.files(in: folder).filter { name in
                try Data(contentsOf: URL(filePath: folder + "/" + name)).range(of: wanted) != nil
            }
            #expect(holders.filter { $0 != "backend_configs/bad.yaml" } == [], "\(holders)")
        }
    }
}
