package import Schema

/// Gives a shell what it needs to complete commands and flags.
package struct Completion: Operation {
    package static let name = "completion"
    package static let summary = "Print a script that lets a shell complete commands and flags."
    package static let details = """
        Examples:
          source <(ipfs-kit completion bash)
          ipfs-kit completion zsh > "${fpath[1]}/_ipfs-kit"
          ipfs-kit completion fish > ~/.config/fish/completions/ipfs-kit.fish
        """

    /// The shells for which there is a script.
    package enum Shell: String, CaseIterable, FieldChoice { case bash, zsh, fish }

    package var shell: Shell?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("shell", \.shell, help: "The shell.", required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        guard let shell else { throw KitError(SchemaError.missing("shell")) }
        return Output(shell: shell, lines: Words(operations(on: .commandLine)).script(for: shell))
    }

    /// The script.
    package struct Output: OperationOutput {
        let shell: Shell
        let lines: [String]

        package static let outputFields: [OutputField<Self>] = [
            OutputField("shell", "The shell that it is for.") { $0.shell.rawValue },
            OutputField("script", "The script.") { $0.lines.joined(separator: "\n") + "\n" },
        ]
        package var report: Report { Report(lines.map { .line($0) }) }
    }
}
