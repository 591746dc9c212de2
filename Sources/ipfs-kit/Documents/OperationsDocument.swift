internal import Arguments
internal import Operations
internal import Schema

/// The lines of operations.md: every command with all that it takes, and what the program gives back.
func operationsDocument(_ commands: [Command]) -> [String] {
    var lines = [
        "# Commands", "", "This file is made by `ipfs-kit help --documents`; it says what `ipfs-kit help` says.", "",
        "Results go to standard output, everything else to standard error. A flag may stand anywhere after the words of",
        "its command; `--flag=value` and `--flag value` are the same, `--no-flag` is `--flag=false`, and `--` ends the",
        "flags. Underscores and dashes in names of flags are the same.", "",
        "`-` is standard input where a file is read, and standard output where one is written. What is written appears",
        "whole, under a name that nothing had, or not at all. What is no text goes to a terminal only with `--output -`.",
        "Words are UTF-8, and so is the path of the kit home; others are refused with 2. A file whose name is no UTF-8",
        "is added with the folder that it is in, or from standard input. The program without a command ends with 2.",
        "",
        "## Flags of all commands", "",
    ]
    lines += flagTable(GlobalFlags.fieldInfo, defaults: [:]) { "`\($0.usage(GlobalFlags.defaults[$0.name]))`" }
    lines += ["", "`-h`, `-q`, `-v` are `--help`, `--quiet`, `--verbose`; `-n` is `--dry-run` where a command has it."]
    lines += ["", "## Exit codes", "", "| code | name | meaning |", "|---:|---|---|"]
    lines += ExitCode.allCases.map { "| \($0.rawValue) | \($0) | \($0.meaning) |" }
    lines += ["| \(Program.brokenPipeCode) | | Nobody read standard output to its end. |"]
    lines += [
        "", "A number that is not here is a failure as well.", "", "## JSON", "",
        "With `--json` the result is one JSON value; commands whose results come bit by bit print one value a line.",
        "On a terminal a single value is indented, elsewhere it is one line. A failure is one more line on standard",
        "output, besides the sentence on standard error:", "", "```json",
        KitError(.notFound, "A whole sentence.", hint: "ipfs-kit pin ls", backend: nil, cid: nil).json.compact, "```",
        "", "`code` is the exit code and `kind` its name; `hint` is a command that helps, or null.", "",
        "A name out of content that is no UTF-8 is not text but an object with its bytes, as dag-json writes them:",
        "`{\"/\":{\"bytes\":\"Y2Fm6Q\"}}`. For people such bytes are shown as `caf\\xE9`.",
    ]
    for command in commands { lines += section(command) }
    return lines
}

private func section(_ command: Command) -> [String] {
    let inputs = command.inputs()
    var lines = ["", "## `\(command.name)`", "", escaped(command.summary)]
    if !command.details.isEmpty {
        lines +=
            ["", "```text"] + command.details.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            + ["```"]
    }
    lines += ["", "```sh", "ipfs-kit " + command.usageLine(inputs), "```"]
    if let operation = operations.first(where: { $0.name == command.name }) {
        lines += ["", operation.changes ? "It may change something." : "It changes nothing."]
    }
    if !inputs.fields.isEmpty {
        lines.append("")
        lines += flagTable(inputs.fields, defaults: inputs.defaults) { field in
            field.isPositional ? "`\(field.name.uppercased())`" : "`\(field.usage(inputs.defaults[field.name]))`"
        }
    }
    if !inputs.openFields.isEmpty {
        lines += ["", "It takes the settings of the type of backend as flags too: see [backends](backends.md)."]
    }
    return lines
}

private func flagTable(
    _ fields: [FieldInfo],
    defaults: [String: FieldValue],
    _ name: (FieldInfo) -> String
) -> [String] {
    ["| input | meaning |", "|---|---|"]
        + fields.map { "| \(escaped(name($0))) | \(escaped($0.explanation(defaults[$0.name]))) |" }
}

/// Text that does not end a cell of a table.
func escaped(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
}
