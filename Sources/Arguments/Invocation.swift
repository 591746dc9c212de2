package import Schema

/// What the words on a command line ask for.
package struct Invocation: Sendable {
    /// A command, or a word that several commands begin with; "" stands for all of them.
    package enum Topic: Sendable {
        case command(Command)
        case group(String)
    }

    package let topic: Topic
    /// The inputs of the command by the names of their fields; empty where help is asked for.
    package let values: [String: FieldValue]
    package let global: GlobalFlags
}
