import Foundation
import Samples
import TestKit
import Testing

/// The example of the library does what it says.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct ExampleTests {
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

    @Test func packsAFileAndReadsItBack() async throws {
        let example = try #require(Programs.built("example-pack-a-file"), "the example was not built")
        let (file, archive) = (Scratch.current + "/file", Scratch.current + "/file.car")
        try write(sampleBytes(3_000_000), to: file)
        let result = try await ProcessRunner.run(example, [file, archive])
        #expect(result.code == 0, "\(result.errorText)")
        #expect(result.text.contains("bytes 5 to 9: \(Array(sampleBytes(3_000_000)[5..<10]))"))
        let user = try await User.ready()
        let report = try await user.json("car", "verify", archive)
        #expect(report.archives[0].whole == .flag(true))
        try await user.run("car", "extract", archive, "-o", user.folder + "/out")
        #expect(try bytes(at: user.folder + "/out/content") == sampleBytes(3_000_000))
    }

    @Test func keepsBlocksAndCollectsThem() async throws {
        let example = try #require(Programs.built("example-keep-blocks"), "the example was not built")
        let file = Scratch.current + "/file"
        try write(sampleBytes(3_000_000), to: file)
        let result = try await ProcessRunner.run(example, [file, Scratch.current + "/store"])
        #expect(result.code == 0, "\(result.errorText)")
        let lines = result.text.split(separator: "\n")
        #expect(lines[1] == "content 3000000 bytes" && lines[2].hasPrefix("folder bafybei"))
        // The file and three leaves; the folder, and "photos" in it.
        #expect(Array(lines[3...]) == ["problems 0", "live 6, dead 0", "live 0, dead 6"])
        let root = result.text.split(separator: "\n").first?.dropFirst("root ".count)
        let user = try await User.ready()
        #expect(try await root.map(String.init) == user.add(sampleBytes(3_000_000)))
        let exported = try await user.run("dag", "export", root.map(String.init) ?? "").output
        #expect(try bytes(at: Scratch.current + "/store.car") == [UInt8](exported))
    }

    @Test func changesADirectory() async throws {
        let example = try #require(Programs.built("example-change-a-directory"), "the example was not built")
        let result = try await ProcessRunner.run(example, [])
        #expect(result.code == 0, "\(result.errorText)")
        let lines = result.text.split(separator: "\n")
        #expect(lines[1] == "new blocks 3" && lines[3] == "read back true")
        #expect(lines[4].hasPrefix("more bafkrei") && lines[5] == "name-1 is not there")
        // The same names in folders on a disk give the same root.
        let folder = Scratch.current + "/folder"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for number in 1...10_000 { try write(Array("content \(number)".utf8), to: folder + "/name-\(number)") }
        let user = try await User.ready()
        #expect(try await "root " + user.run("add", folder, "-Qn").text == lines[0] + "\n")
    }

    /// The articles show the programs that the tests above run.
    @Test(arguments: [("PackAFile", "IPLD", 8), ("ChangeADirectory", "IPLD", 6), ("KeepBlocks", "BlockStore", 8)])
    func theArticleIsTheProgram(name: String, module: String, count: Int) throws {
        let program = try String(
            contentsOf: packageRoot.appending(path: "Examples/\(name)/main.swift"),
            encoding: .utf8
        )
        let path = "Sources/\(module)/\(module).docc/\(name).md"
        let article = try String(contentsOf: packageRoot.appending(path: path), encoding: .utf8)
        let parts = article.components(separatedBy: "```swift\n").dropFirst()
        #expect(parts.count == count)
        for part in parts {
            let code = try #require(part.components(separatedBy: "\n```").first)
            #expect(program.contains(code), "\(code)")
        }
    }
}
