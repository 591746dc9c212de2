import Foundation
import TestKit
import Testing

/// The example of the library does what it says.
@Suite(.scratch, .timeLimit(.minutes(5))) struct ExampleTests {
    @Test func keepsAFolderAndBringsItBack() async throws {
        let example = try #require(Programs.built("example-keep-a-folder"), "the example was not built")
        let (folder, disk, work) = (Scratch.current + "/folder", Scratch.current + "/disk", Scratch.current + "/work")
        for path in [disk, work] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        try Trees.make(at: folder)
        let result = try await ProcessRunner.run(example, [folder, disk, work])
        #expect(result.code == 0, "\(result.errorText)")
        #expect(result.text.contains("in step: true"))
        #expect(result.text.contains("whole: true"))
        let compare = try await ProcessRunner.run(
            URL(filePath: "/usr/bin/diff"),
            ["-r", "--no-dereference", folder, work + "/folder"]
        )
        #expect(compare.code == 0, "\(compare.text)")
    }
}
