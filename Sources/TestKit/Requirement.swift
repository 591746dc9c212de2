internal import Testing
internal import Foundation

/// Something outside that a test cannot do without: a server, a program, root.
package struct Requirement: Error, CustomStringConvertible {
    /// The word for it in `IPFS_KIT_MUST_RUN`.
    package let word: String
    /// Why it is not here.
    package let reason: String

    package var description: String { "\(word): \(reason)" }

    /// Ends the test when `reason` says why something is missing; nil means that it is there.
    ///
    /// The test is cancelled, which is counted and shown with the reason. Where the comma list in the environment
    /// variable `IPFS_KIT_MUST_RUN` has the word or `all`, it fails instead.
    package static func check(_ word: String, missing reason: String?) throws {
        guard let reason else { return }
        let requirement = Requirement(word: word, reason: reason)
        if mustRun(word, in: ProcessInfo.processInfo.environment["IPFS_KIT_MUST_RUN"]) { throw requirement }
        try Test.cancel("\(requirement.description)")
    }

    /// Ends the test when the program is neither in `.tools/venv/bin` of the package nor on the path.
    package static func check(_ word: String, program: String) throws {
        try check(word, missing: Programs.find(program) == nil ? "there is no \(program) on this machine" : nil)
    }

    /// Whether a comma list of words demands the tests of `word`.
    package static func mustRun(_ word: String, in list: String?) -> Bool {
        let words = (list ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        return words.contains(word) || words.contains("all")
    }
}
