internal import Foundation
internal import Testing

/// Other people's readers, through Python.
package enum Python {
    /// Runs a script, fails the test when it fails, and reads the JSON that it printed.
    package static func run(_ script: String, _ arguments: String..., word: String = "s3") async throws -> Answer {
        try Requirement.check(word, program: "moto_server")
        let python = try #require(Programs.python)
        let result = try await ProcessRunner.run(python, ["-c", script] + arguments)
        try #require(result.code == 0, "\(result.errorText)")
        return try Answer.parse(result.text)
    }
}
