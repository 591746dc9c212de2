package import Schema

/// What the command `help` takes.
package struct HelpInputs: Described {
    package var topic: [String] = []
    package var documents: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("topic", \.topic, help: "The words of a command, or the first of them.", positional: true),
        Field("documents", \.documents, help: "Write operations.md, backends.md and schema.json into this folder."),
    ]

    /// The command itself.
    package static let command = Command(
        name: "help",
        summary: "Explain a command, or list all of them.",
        details: "",
        inputs: { Command.Inputs(HelpInputs.self) }
    )
}
