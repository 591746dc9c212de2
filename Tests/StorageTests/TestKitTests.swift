import Foundation
import Storage
import TestKit
import Testing

@Suite(.scratch) struct TestKitTests {
    @Test(arguments: [1, 2])
    func eachArgumentHasAnEmptyFolder(_ number: Int) throws {
        let files = FileManager.default
        #expect(try files.contentsOfDirectory(atPath: Scratch.current).isEmpty)
        try Data([1]).write(to: URL(filePath: Scratch.current).appending(path: "file-\(number)"))
    }

    @Test(arguments: [("s3", true), ("sftp", true), ("ftp", false)])
    func wordsDemandTests(_ word: String, _ demanded: Bool) {
        #expect(Requirement.mustRun(word, in: "s3, sftp") == demanded)
        #expect(Requirement.mustRun(word, in: "all"))
        #expect(!Requirement.mustRun(word, in: nil))
    }

    @Test func programsRunWithInputAndBothOutputs() async throws {
        let shell = URL(filePath: "/bin/sh")
        let script = "cat; echo \"$WORD\" >&2; exit 3"
        let result = try await ProcessRunner.run(
            shell,
            ["-c", script],
            input: Data("in".utf8),
            environment: ["WORD": "out"]
        )
        #expect(result.code == 3 && result.text == "in" && result.errorText == "out\n" && !result.timedOut)
    }

    @Test func aProgramThatHangsIsKilled() async throws {
        let result = try await ProcessRunner.run(
            URL(filePath: "/bin/sh"),
            ["-c", "exec sleep 60"],
            timeout: .milliseconds(200)
        )
        #expect(result.timedOut && result.code == 137)
    }

    @Test func lagsUntilItCatchesUp() async throws {
        let service = LaggingService(MemoryService())
        _ = try await service.put(try name("a"), Body([1]))
        #expect(try await names(service) == [])
        service.catchUp()
        #expect(try await names(service) == ["a"])
        try await service.delete(try name("a"))
        #expect(try await names(service) == ["a"])
    }

    private func names(_ service: some StorageService) async throws -> [String] {
        var names: [String] = []
        for try await page in service.list("") { names += page.map(\.name.text) }
        return names
    }
}
