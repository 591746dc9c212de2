import Foundation
@testable import Operations
import TestKit
import Testing

/// References in settings.
@Suite(.scratch) struct ExpansionTests {
    private let variables = ["A": "alpha", "EMPTY": "", "NESTED": "${A}", "_x1": "under"]

    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("${A}", "alpha"), ("<${A}|${_x1}>", "<alpha|under>"), ("${A:-d}", "alpha"),
        ("${B:-d}", "d"), ("${B:-}", ""), ("${EMPTY:-d}", "d"), ("${EMPTY}", ""), ("${NESTED}", "${A}"), ("$A", "$A"),
        ("$", "$"), ("$$", "$$"), ("$${A}", "${A}"), ("100$", "100$"), ("${B:-a:-b}", "a:-b"), ("${B:-${A}", "${A"),
    ])
    func referencesAreReplacedOnce(_ text: String, _ expected: String) throws {
        #expect(try expand(text) { variables[$0] } == expected)
    }

    @Test(arguments: [
        ("${B}", "B"), ("${A", "“}”"), ("${}", "no name"), ("${A B}", "no name"),
        ("${file:/no/such/file}", "/no/such/file"),
        ("${A?x}", "no name"),
    ])
    func whatCannotBeReplacedIsNamed(_ text: String, _ part: String) {
        let problem = #expect(throws: ExpansionProblem.self) { try expand(text) { variables[$0] } }
        #expect(problem?.phrase.contains(part) == true, "\(problem?.phrase ?? "")")
    }

    @Test(arguments: [("secret", "secret"), ("secret\n", "secret"), ("a\nb\r\n\n", "a\nb"), ("", "")])
    func filesAreReadWithoutTheirLastLineEnd(_ content: String, _ expected: String) throws {
        let path = Scratch.current + "/secret"
        try Data(content.utf8).write(to: URL(filePath: path))
        #expect(try expand("${file:\(path)}") { _ in nil } == expected)
    }

    @Test func aFileThatIsTooLongIsNotRead() throws {
        let path = Scratch.current + "/long"
        try Data(count: 3 << 20).write(to: URL(filePath: path))
        let text = try? expand("${file:\(path)}") { _ in nil }
        #expect(text?.utf8.count ?? 0 <= 2 << 20)
    }
}
