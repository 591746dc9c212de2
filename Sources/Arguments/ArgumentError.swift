internal import Schema

/// Words that make no command.
package struct ArgumentError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    package enum Code: Sendable, Hashable {
        case unknownCommand, unknownFlag, missingValue, badValue, missing, tooMany
    }

    package let code: Code
    /// A whole sentence without secrets.
    package let message: String
    /// The words whose help says more; none stand for everything.
    package let topic: String

    package var description: String { message }

    init(_ code: Code, _ message: String, command: String = "") {
        self.code = code
        self.message = message
        topic = command == "ipfs-kit" ? "" : command
    }

    /// A word that no command of `group` has; `words` are those that could stand there.
    static func unknownCommand(_ word: String, in group: String, among words: [String]) -> ArgumentError {
        let lead = group.isEmpty ? "" : group + " "
        let nearby = nearest(to: word, among: words).map { "; did you mean “\(lead)\($0)”?" } ?? "."
        return ArgumentError(.unknownCommand, "“\(lead)\(word)” is not a command\(nearby)", command: group)
    }

    /// A flag that the command does not have; `flags` are those that it has.
    static func unknownFlag(_ flag: String, command: String, among flags: [String]) -> ArgumentError {
        let nearby = nearest(to: flag, among: flags).map { "; did you mean \($0)?" } ?? "."
        return ArgumentError(.unknownFlag, "“\(command)” has no flag \(flag)\(nearby)", command: command)
    }

    /// A flag that stands without the value that it needs.
    static func missingValue(_ flag: String, command: String) -> ArgumentError {
        ArgumentError(
            .missingValue,
            "\(flag) needs a value; one that begins with a dash is written \(flag)=VALUE.",
            command: command
        )
    }
}
