import Foundation
import POSIX
import TestKit
import Testing

/// Names of files: those that are no text, those that are new, and those that nobody should take for content.
@Suite(.scratch) struct PathTests {
    private func path(_ name: String) -> String { Scratch.current + "/" + name }

    @Test func whetherSomethingIsThereIsSaidOnlyWhereItCanBeTold() throws {
        try replaceFile(path("file"), with: [1])
        try makeLink(path("nowhere"), to: "missing")
        try makeLink(path("loop"), to: "loop")
        for (name, isThere) in [
            ("file", true), ("nowhere", true), ("loop", true), ("missing", false), ("file/x", false),
        ] {
            #expect(try fileExists(path(name)) == isThere, "\(name)")
        }
        for name in ["loop/x", String(repeating: "x", count: 300)] {
            #expect(throws: FileError.self, "\(name)") { try fileExists(path(name)) }
        }
    }

    @Test(
        arguments: [
            (".out.car.812.18446744073709551615.part", true), (".a.1.2.part", true), ("..hidden.1.2.part", true),
            (".x.y.z.1.2.part", true), ("out.car.1.2.part", false), (".a.part", false), (".1.2.part", false),
            (".a.1.x.part", false), (".a..2.part", false), (".a.1.2.parts", false), (".a.1.2.part.", false),
            ("", false),
        ]
    )
    func namesOfTheProgramsOwnScratchFilesAreKnown(name: String, isOne: Bool) {
        #expect(isTemporaryName(Array(name.utf8)) == isOne)
    }

    @Test(arguments: ["out.car", ".hidden", "with.dots.2.part", "日本", "a b", "x"])
    func everyNameThatIsMadeIsKnown(name: String) {
        let made = temporaryName(beside: "/folder/" + name)
        #expect(made.hasPrefix("/folder/.") && isTemporaryName(baseName(made).systemBytes))
        #expect(!isTemporaryName(name.systemBytes))
    }

    /// Where a server keeps the usual ending for itself, names have another one, and are known by that alone.
    @Test func suchNamesMayEndOtherwise() throws {
        let made = baseName(temporaryName(beside: "/folder/x.car", ending: ".upload"))
        #expect(made.hasPrefix(".x.car.") && made.hasSuffix(".upload"))
        #expect(temporaryBase(in: made, ending: ".upload") == "x.car" && temporaryBase(in: made) == nil)
        #expect(temporaryNumbers(of: made, beside: "x.car", ending: ".upload") != nil)
        #expect(temporaryNumbers(of: made, beside: "y.car", ending: ".upload") == nil)
        #expect(temporaryNumbers(of: ".x.car..upload", beside: "x.car", ending: ".upload") == nil)
        #expect(temporaryNumbers(of: ".x.car.1.2.part", beside: "x.car", ending: ".upload") == nil)
    }

    @Test func aNameThatIsTakenStaysTaken() throws {
        let (one, other) = (Scratch.current + "/one", Scratch.current + "/other")
        for kind in ["file", "folder"] {
            if kind == "file" { try replaceFile(one, with: [1]) } else { try makeNewDirectory(one) }
            try renameNew(one, to: other)
            #expect(try !fileExists(one))
            #expect(try fileExists(other))
            try replaceFile(one, with: [2])
            let error = #expect(throws: FileError.self) { try renameNew(one, to: other) }
            #expect(error?.code == .exists)
            #expect(try fileExists(one))
            try removeTree(other)
            try removeTree(one)
        }
        let error = #expect(throws: FileError.self) { try renameNew(one, to: other) }
        #expect(error?.code == .notFound)
    }

    @Test func treesAreRemovedWhateverTheirNamesAndPermissions() throws {
        let root = Scratch.current + "/root"
        let inner = root.systemBytes + [0x2F, 0x64, 0xFF]
        try makeNewDirectory(root)
        try makeNewDirectory(inner)
        _ = try File(inner + [0x2F, 0xE9], .createNew)
        try makeLink(inner + [0x2F, 0x6C], to: "/nowhere")
        try setPermissions(inner, 0)
        try setPermissions(root, 0o500)
        try removeTree(root)
        #expect(try !fileExists(root))
    }

    @Test func namesAreShownAsWhatTheyAre() {
        #expect([0x63, 0x61, 0x66, 0xE9].shown == #"caf\xE9"# && Array("café".utf8).shown == "café")
    }

    @Test func hardLinksAreSeen() throws {
        let (one, other) = (Scratch.current + "/one", Scratch.current + "/other")
        try replaceFile(one, with: [1])
        #expect(try !fileInfo(one).hasOtherNames)
        try FileManager.default.linkItem(atPath: one, toPath: other)
        #expect(try fileInfo(one).hasOtherNames && fileInfo(one).identity == fileInfo(other).identity)
    }

    @Test func aPipeIsReadAsItComes() async throws {
        let pipe = Scratch.current + "/pipe"
        #expect(try await ProcessRunner.run(URL(filePath: "/usr/bin/mkfifo"), [pipe]).code == 0)
        let file = try File(pipe, .stream)
        // Nobody writes yet: that is no end.
        let error = #expect(throws: FileError.self) { try file.readNext(count: 10) { true } }
        #expect(error?.code == .interrupted)
        let writer = try #require(FileHandle(forWritingAtPath: pipe))
        try writer.write(contentsOf: Data([1, 2, 3]))
        #expect(try file.readNext(count: 10) == [1, 2, 3])
        try writer.close()
        #expect(try file.readNext(count: 10).isEmpty)
    }
}
