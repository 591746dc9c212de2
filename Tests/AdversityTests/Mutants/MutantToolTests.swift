import Foundation
import TestKit
import Testing

extension Adversity {
    /// The tool that changes the code line by line, on a package that is small enough to know what must come out.
    @Suite(.scratch, .timeLimit(.minutes(10))) struct MutantToolTests {
        private static let manifest = """
            // swift-tools-version: 6.0
            import PackageDescription
            let package = Package(
                name: "tiny",
                targets: [.target(name: "Tiny"), .testTarget(name: "TinyTests", dependencies: ["Tiny"])]
            )
            """
        private static let source = """
            public func larger(_ a: Int, _ b: Int) -> Int {
                a > b ? a : b
            }
            public func same(_ a: Int, _ b: Int) -> Bool { a == b }
            """
        private static let tests = """
            import Testing
            import Tiny
            @Suite struct TinyTests {
                @Test func largerIsLarger() { #expect(larger(1, 2) == 2 && larger(2, 1) == 2) }
            }
            """

        @Test func `what is seen, what is not and what does not build is told apart`() async throws {
            let package = try makePackage()
            try list(
                package,
                [
                    ("a > b ? a : b", "a < b ? a : b"), ("a == b", "true"), ("a > b ? a : b", "a > b ? a : nothing"),
                ]
            )
            let result = try await run(package, [])
            #expect(result.code == 1, "\(result.text)\(result.errorText)")
            #expect(result.text.contains("1 seen, 1 unseen, 1 does not build, 0 not tried"), "\(result.text)")
            let source = try String(contentsOf: URL(filePath: package + "/Sources/Tiny/Tiny.swift"), encoding: .utf8)
            #expect(source == Self.source, "the tree itself was changed")
            try list(package, [("a > b ? a : b", "a < b ? a : b")])
            let seen = try await run(package, [])
            #expect(seen.code == 0, "\(seen.text)\(seen.errorText)")
        }

        @Test func `a change that cannot be made is told before anything is built`() async throws {
            let package = try makePackage()
            try list(package, [("a > b ? a : b", "b"), ("Int", "Int8"), ("nowhere", "x")])
            let result = try await run(package, ["--check"])
            #expect(result.code == 1 && result.text.contains("1 of 3 changes can be made"), "\(result.text)")
            #expect(result.text.contains("stands there 5 times") && result.text.contains("stands there 0 times"))
            #expect(!FileManager.default.fileExists(atPath: package + "/.build"))
        }

        @Test func `every change in the list of this package can be made`() async throws {
            let result = try await run(nil, ["--check"])
            #expect(result.code == 0, "\(result.text)\(result.errorText)")
            let count = try #require(result.text.split(separator: " ").first.flatMap { Int($0) })
            #expect(count >= 80, "too few to say anything of the tests")
        }

        private func makePackage() throws -> String {
            let package = Scratch.current + "/tiny"
            for (path, text) in [
                ("Package.swift", Self.manifest), ("Sources/Tiny/Tiny.swift", Self.source),
                ("Tests/TinyTests/TinyTests.swift", Self.tests),
            ] {
                let file = "\(package)/\(path)"
                let folder = (file as NSString).deletingLastPathComponent
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try write(Array(text.utf8), to: file)
            }
            return package
        }

        private func list(_ package: String, _ changes: [(line: String, becomes: String)]) throws {
            let rows = changes.map { change in
                """
                [[mutant]]
                file = "Sources/Tiny/Tiny.swift"
                line = "\(change.line)"
                becomes = "\(change.becomes)"
                tests = ["TinyTests"]
                """
            }
            try write(Array(rows.joined(separator: "\n").utf8), to: package + "/list.toml")
        }

        /// Runs the tool on a package with its list, or on this one.
        private func run(_ package: String?, _ words: [String]) async throws -> ProcessResult {
            let python = try #require(Programs.python)
            if let package {
                let git = try #require(Programs.find("git"))
                _ = try await ProcessRunner.run(git, ["init", "-q", package])
            }
            let choice = package.map { ["--package", $0, "--list", $0 + "/list.toml"] } ?? []
            return try await ProcessRunner.run(
                python,
                [packageRoot.appending(path: "tools/mutants").path] + choice + words,
                timeout: .seconds(400)
            )
        }
    }
}
