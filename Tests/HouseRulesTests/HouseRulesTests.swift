import Foundation
import Operations
import Schema
import Services
import Storage
import TestKit
import Testing

/// The rules of the house that a machine can check; each was seen to fail when it is broken.
@Suite struct HouseRulesTests {
    /// Modules of the lowest floor, which know nothing of what is kept, nor where.
    private static let lowest: Set<String> = wrappers.union(["AnnexClient", "FTPClient", "SFTPClient"])
    /// Modules that talk to C, where the word `unsafe` may stand.
    private static let wrappers: Set<String> = [
        "Digests", "HTTPClient", "JSONReading", "Parquet", "POSIX", "SQLite", "TLS", "XML", "YAML",
    ]
    private static let floorZero: Set<String> = ["Arguments", "IPLD", "Multiformats", "Schema"]

    struct File: Sendable, CustomTestStringConvertible {
        let path: String
        let text: String

        var testDescription: String { path }
        var module: String { String(path.split(separator: "/")[1]) }
        /// The code without comments.
        var code: String {
            text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                line.range(of: "//").map { String(line[..<$0.lowerBound]) } ?? String(line)
            }.joined(separator: "\n")
        }
    }

    static let sources = swiftFiles(in: "Sources")
    static let tests = swiftFiles(in: "Tests")

    static func swiftFiles(in folder: String) -> [File] {
        let root = packageRoot.path(percentEncoded: false)
        let paths = FileManager.default.enumerator(atPath: root + "/" + folder)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(".swift") }.sorted().compactMap { path in
            (try? String(contentsOfFile: "\(root)/\(folder)/\(path)", encoding: .utf8)).map {
                File(path: folder + "/" + path, text: $0)
            }
        }
    }

    private func found(_ pattern: String, in files: [File]) -> [String] {
        files.filter { $0.code.range(of: pattern, options: .regularExpression) != nil }.map(\.path)
    }

    @Test func `there are sources to look at`() {
        #expect(Self.sources.count > 150)
        #expect(Self.tests.count > 30)
    }

    @Test func `source files have at most 400 lines, test files 600`() {
        func lines(_ file: File) -> Int { file.text.split(separator: "\n", omittingEmptySubsequences: false).count }
        #expect(Self.sources.filter { lines($0) > 401 }.map(\.path) == [])
        #expect(Self.tests.filter { lines($0) > 601 }.map(\.path) == [])
    }

    @Test func `lines of comments have at most 120 characters, as the formatter keeps lines of code`() {
        let long = (Self.sources + Self.tests).flatMap { file in
            file.text.split(separator: "\n").filter { $0.count > 120 && $0.drop { $0 == " " }.hasPrefix("//") }
                .map { "\(file.path): \($0)" }
        }
        #expect(long == [])
    }

    @Test func `unsafe and unchecked stand only where C begins`() {
        let others = Self.sources.filter { !Self.wrappers.contains($0.module) && $0.module != "TestKit" }
        #expect(found(#"\bunsafe\b|@unchecked|nonisolated\(unsafe\)"#, in: others) == [])
        #expect(found(#"\bDispatchQueue\b|\bNSLock\b"#, in: others) == [])
    }

    @Test func `no promise is forced and no error is thrown away by force`() {
        let product = Self.sources.filter { $0.module != "TestKit" }
        #expect(found(#"\btry!|\bas!|: Any\b|\[String: Any\]"#, in: product) == [])
        let outside = product.filter { !Self.wrappers.contains($0.module) }
        #expect(found(#"\bfatalError\(|\bpreconditionFailure\("#, in: outside) == [])
    }

    @Test func `the system's error number is read in one place`() {
        let files = Self.sources.filter { $0.module != "TestKit" }
        #expect(found(#"\berrno\b"#, in: files) == ["Sources/POSIX/SystemCall.swift"])
    }

    @Test func `nothing but the database opens the files of the catalog`() {
        // Closing any descriptor of them drops SQLite's locks.
        let product = Self.sources.filter { $0.module != "TestKit" }
        #expect(found(#"\b(File|\w+File)\([^)\n]*\.catalog\b"#, in: product) == [])
        // Where a new one is made nobody has a lock yet.
        let opened = found(#"\bFile\(path\b"#, in: product.filter { $0.module == "Catalog" })
        #expect(opened == ["Sources/Catalog/Catalog.swift"])
    }

    @Test func `no two results are awaited side by side`() {
        // Decision 0005: Swift 6.3.1 compiles that wrongly.
        #expect(found(#"\basync let\b"#, in: Self.sources) == [])
        // Nor a group of tasks that give tuples.
        #expect(found(#"TaskGroup\(\s*of: *\("#, in: Self.sources) == [])
    }

    @Test func `no type has a name that says nothing`() {
        #expect(
            found(
                #"(class|struct|enum|actor|protocol) \w*(Manager|Helper|Util|Utils|Utility|Wrapper)\b"#,
                in: Self.sources
            ) == []
        )
    }

    @Test func `the lower floors do without Foundation`() {
        let low = Self.sources.filter { $0.module != "TestKit" && $0.module != "kit-bench" }
        #expect(found(#"import Foundation"#, in: low) == [])
        let zero = Self.sources.filter { Self.floorZero.contains($0.module) }
        #expect(found(#"import (Glibc|POSIX|Storage|HTTPClient)\b"#, in: zero) == [])
    }

    @Test func `the lowest floor knows nothing of those above`() {
        let above = Set(Self.sources.map(\.module)).subtracting(Self.lowest).subtracting(["C"])
        let words = above.sorted().joined(separator: "|")
        #expect(found(#"import (\#(words))\b"#, in: Self.sources.filter { Self.lowest.contains($0.module) }) == [])
    }

    @Test func `folders of services, rows of the table and subjects of the laws are the same`() throws {
        let folder = packageRoot.path(percentEncoded: false) + "/Sources/Services"
        let folders = try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { !$0.hasSuffix(".swift") && $0 != "Shared" }
        #expect(folders.count == ServiceRow.all.count)
        let subjects = Self.tests.filter {
            $0.path.range(of: #"/\w+Subjects?\.swift$"#, options: .regularExpression) != nil
        }
        for row in ServiceRow.all {
            #expect(subjects.contains { $0.text.contains("type: \"\(row.type)\"") }, "no subject for \(row.type)")
        }
        for name in folders {
            let others = folders.filter { $0 != name }
            #expect(subjects.contains { $0.path.hasPrefix("Tests/ServicesTests/\(name)/") }, "no subject for \(name)")
            let files = Self.sources.filter { $0.path.hasPrefix("Sources/Services/\(name)/") }
            // What types share is elsewhere: the least is a definition and its settings.
            #expect((2...20).contains(files.count))
            // What several need is shared. S3 is to lose what no server needs.
            let lines = files.reduce(0) { $0 + $1.text.split(separator: "\n", omittingEmptySubsequences: false).count }
            #expect(lines <= (name == "S3" ? 1400 : 1200), "\(name) has \(lines) lines")
            for other in others { #expect(found(#"\b\#(other)\w*\b"#, in: files) == [], "\(name) names \(other)") }
        }
    }

    @Test func `names and aliases of types are used once`() {
        let names = ServiceRow.all.flatMap { [$0.type] + $0.aliases }
        #expect(names.count == Set(names).count)
    }

    /// The command line has one flag for a word, whatever type it is for.
    @Test func `a word for a setting means no other setting of another type`() {
        let fields = ServiceRow.all.flatMap(\.fields)
        for field in fields {
            let others = Set(fields.filter { $0.name != field.name }.flatMap { [$0.name] + $0.aliases })
            #expect(others.intersection(field.aliases).isEmpty, "\(field.name) is also called as another setting")
        }
    }

    @Test func `every operation has one name, a summary, and says what its inputs are`() {
        #expect(Set(operationTable.map { $0.operation.name }).count == operationTable.count)
        for operation in operations(on: .commandLine) {
            #expect(operation.summary.hasSuffix("."))
            for field in operation.fieldInfo { #expect(field.help.hasSuffix("."), "\(operation.name) \(field.name)") }
        }
    }

    @Test func `no path or tool of one machine is in the project`() {
        // Put together so that this file does not hold what it looks for.
        let words = [
            "/" + "work/", "/" + "farm/", "farm" + "-studio", "farm" + "-bench", "/" + "root/", "." + "library/",
        ]
        for file in Self.sources + Self.tests {
            for word in words { #expect(!file.text.contains(word), "\(file.path) names \(word)") }
        }
    }
}
