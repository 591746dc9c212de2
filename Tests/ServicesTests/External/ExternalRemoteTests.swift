import Foundation
import Samples
import Schema
import Services
import Storage
import TestKit
import Testing

/// Special remotes of others, and what settings say.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct ExternalRemoteTests {
    /// Debian's special remote for rclone, which names what it stores as the file is called.
    @Test func aSpecialRemoteOfOthersKeepsObjects() async throws {
        try FolderProgram.check("git-annex-remote-rclone", "rclone")
        let rclone = try #require(Programs.find("rclone")).deletingLastPathComponent().path
        let (folder, configuration) = (Scratch.current + "/place", Scratch.current + "/rclone.conf")
        try write(Array("[disk]\ntype = local\n".utf8), to: configuration)
        let content = try await Subject.open(
            "external",
            [
                "program": .list([
                    "env", "PATH=\(rclone):/usr/bin:/bin", "RCLONE_CONFIG=\(configuration)", "git-annex-remote-rclone",
                ]),
                "program_options": .list(["target=disk", "prefix=\(folder)", "rclone_layout=lower"]),
            ],
            retries: 0,
            state: Scratch.current + "/state"
        )
        try await Subject.closing(content) { content in
            let objects = try #require(content.objects)
            let names = try (0..<4).map { try #require(ObjectName("cars/object-\($0).car")) }
            for (index, name) in names.enumerated() {
                _ = try await objects.put(name, Body(sampleBytes(1000 + index)))
                #expect(try await objects.stat(name).length == nil)
                #expect(try await collect(objects.read(name), limit: 2000) == sampleBytes(1000 + index))
                #expect(
                    try await collect(objects.read(name, 10..<20), limit: 2000)
                        == Array(sampleBytes(1000 + index)[10..<20])
                )
            }
            // What has the name of another is another.
            _ = try await objects.put(names[0], Body(sampleBytes(77)))
            #expect(try await collect(objects.read(names[0]), limit: 2000) == sampleBytes(77))
            try await objects.delete(names[1])
            let error = await #expect(throws: StorageError.self) { try await objects.stat(names[1]) }
            #expect(error?.code == .notFound)
        }
    }

    @Test(arguments: [
        ("remote", "box", "is not of the form REMOTE:PATH"), ("remote", "box:", "has no path behind the colon"),
        ("remote", ":local,a=\"x:y\":z", "has settings in it"), ("program_options", "no value", "NAME=VALUE"),
        ("program_environment", "A=b", "names variables"), ("uuid", "a\nb", "line end"),
        ("rclone_config", "x", "absolute"),
    ])
    func whatCanNeverBeRightIsRefused(_ name: String, _ value: String, _ words: String) throws {
        let isList = ["program_options", "program_environment"].contains(name)
        let row = try #require(ServiceRow.named("external"))
        let error = #expect(throws: StorageError.self) { try row.check([name: isList ? .list([value]) : .text(value)]) }
        #expect(error?.code == .badSettings && error?.message.contains(words) == true, "\(String(describing: error))")
        #expect(error?.message.contains("x:y") == false)
    }

    /// Over HTTP and the like nobody says what is executed here.
    @Test func onlyTheOwnerSaysWhatIsExecuted() throws {
        let row = try #require(ServiceRow.named("external"))
        let others = row.fields.filter { $0.meaning?.isLocal != true }.map(\.name)
        #expect(others == ["min_free", "user", "password"])
    }
}
