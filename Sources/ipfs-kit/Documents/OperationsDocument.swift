internal import Arguments
internal import Operations
internal import Schema

/// The lines of operations.md: every command with all that it takes, and what the program gives back.
func operationsDocument(_ commands: [Command]) -> [String] {
    var lines = [
        "# Commands", "", "This file is made by `ipfs-kit help --documents`; it says what `ipfs-kit help` says.", "",
        "Results go to standard output, everything else to standard error. A flag may stand anywhere after the words of",
        "its command. `--flag=value` and `--flag value` are the same; of what is true or false, `--flag` and `--no-flag`",
        "are said, or `--flag=false`. `--` ends the flags. Underscores and dashes in names of flags are the same.", "",
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
        "On a terminal a single value is indented, elsewhere it is one line. A command that did a part of its work answers,",
        "each failure stands in the answer, and the exit code is not 0. One that failed as a whole prints, in place of an",
        "answer, what its sentence on standard error says:", "", "```json",
        KitError(.notFound, "A whole sentence.", hint: Hint(PinList.self), backend: nil, cid: nil).answer.compact,
        "```",
        "",
        "`code` is the exit code and `kind` its name; `hint` is an operation that helps, with values, or null: values that are",
        "null have to be found, and where it `gives_up` something for good a person decides. `may_retry` says whether the",
        "same may succeed at another time, and `retry_after` after how many seconds, where somebody said that.",
        "Where content is written to standard output, nothing else is: a failure is then told on standard error, with",
        "`--json` as that object on a line of its own, and by the exit code.", "",
        "`ipfs-kit schema` gives JSON Schema of all that commands take and answer; [schema.json](schema.json) is what it",
        "prints. Every member that stands there is there in each answer; what is not known is null. `backends` is a list of",
        "objects with the `name` of a backend first, `backend` is such a name, and `metadata` an object. Where a command",
        "prints lines, the last one has the `type` `summary`: without it, the rest was cut off. In the schema of what a",
        "command takes, `x-positional` is what stands in the command line without a flag, `x-local` what names something on",
        "the machine of the kit, which only its owner may do, and `x-unit` what a number counts. A list is given by several",
        "words, or by its flag several times. With `--plan` a command answers as `plan make` does.", "",
        "A size is a number of bytes or has a unit: `KiB`, `MiB`, `GiB`, `TiB`, `PiB` count in 1024s, `KB`, `MB`, `GB`, `TB`,",
        "`PB` in thousands, and a single letter is the first kind. A time is a number of seconds or has units, the largest",
        "first: `2h30m`, `1d`, `2w`. Short flags such as `-o` mean what the command says of them.", "",
        "A name out of content that is no UTF-8 is not text but an object with its bytes, as dag-json writes them:",
        "`{\"/\":{\"bytes\":\"Y2Fm6Q\"}}`. For people such bytes are shown as `caf\\xE9`.",
    ]
    lines += ["", "Some objects stand in several answers; where they do, their name is in italics."]
    for (name, shape) in sharedShapes() {
        lines += ["", "| *\(name)* | kind | meaning |", "|---|---|---|"] + memberRows(of: shape, below: "")
    }
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
    if let operation = operations(on: .commandLine).first(where: { $0.name == command.name }) {
        let isLook = operation.fieldInfo.contains { $0.name == "fresh" }
        let nothing = "It changes nothing\(isLook ? "; what it finds with `--fresh` is known from then on" : "")."
        lines += ["", operation.changes ? "It may change something." : nothing]
        if operation.writesContent {
            lines += [
                "It writes content as it is\(operation.answerShape.isEmpty ? "" : " where no file is named"): with `--json`,",
                "too, nothing else stands on standard output then.",
            ]
        }
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
    return lines + answer(of: command)
}

/// The members of the answer of a command, and of the lines before it.
private func answer(of command: Command) -> [String] {
    guard let operation = operations(on: .commandLine).first(where: { $0.name == command.name }) else { return [] }
    let shapes = operation.items.map { ("A line of `--json`", $0.shape) } + [("`--json`", operation.answerShape)]
    return shapes.flatMap { title, shape -> [String] in
        // The whole answer may be such an object.
        let rows = memberRows(of: shape.unnamed, below: "")
        return rows.isEmpty ? [] : ["", "| \(title) | kind | meaning |", "|---|---|---|"] + rows
    }
}

/// The shapes that stand in several answers, each once, in the order in which they come.
private func sharedShapes() -> [(name: String, shape: Shape)] {
    var found: [(name: String, shape: Shape)] = []
    func look(_ shape: Shape) {
        switch shape {
        case .named(let name, let inner):
            if !found.contains(where: { $0.name == name }) { found.append((name, inner)) }
            look(inner)
        case .object(let members): for member in members { look(member.shape) }
        case .list(let inner), .optional(let inner), .map(let inner): look(inner)
        default: break
        }
    }
    look(KitError.shape)
    for operation in operations(on: .commandLine) {
        for shape in operation.items.map({ $0.shape }) + [operation.answerShape] { look(shape) }
    }
    return found
}

private func memberRows(of shape: Shape, below path: String) -> [String] {
    switch shape {
    case .object(let members):
        members.flatMap { member in
            ["| `\(path)\(member.name)` | \(escaped(member.shape.words)) | \(escaped(member.help)) |"]
                + memberRows(of: member.shape, below: "\(path)\(member.name).")
        }
    case .list(let item): memberRows(of: item, below: path)
    case .optional(let shape): memberRows(of: shape, below: path)
    default: []
    }
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
