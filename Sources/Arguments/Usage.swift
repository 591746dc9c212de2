package import Schema

/// The texts that explain commands, made from the same table that parses them.
package struct Usage: Sendable {
    private let parser: ArgumentParser
    private let width: Int

    /// Texts with lines of at most `width` cells.
    package init(_ parser: ArgumentParser, width: Int) {
        self.parser = parser
        self.width = max(40, width)
    }

    /// The lines that explain a topic.
    package func lines(_ topic: Invocation.Topic) -> [String] {
        switch topic {
        case .command(let command): self.command(command)
        case .group(""): overview
        case .group(let words): group(words)
        }
    }

    private var overview: [String] {
        var lines = ["Usage: ipfs-kit COMMAND [flags]"]
        let single = parser.commands.filter { $0.words.count == 1 }
        lines += section("Commands", single.map { ($0.name, $0.summary) })
        for word in parser.nextWords(after: []) {
            let members = parser.commands.filter { $0.words.count > 1 && $0.words.first == word }
            lines += section("Commands of “\(word)”", members.map { ($0.name, $0.summary) })
        }
        return lines + globalFlags + ["", "“ipfs-kit help COMMAND” says more about a command."]
    }

    private func group(_ words: String) -> [String] {
        let members = parser.commands.filter { $0.name == words || $0.name.hasPrefix(words + " ") }
        return ["Usage: ipfs-kit \(words) COMMAND [flags]"]
            + section("Commands", members.map { ($0.name, $0.summary) })
            + ["", "“ipfs-kit help COMMAND” says more about a command."]
    }

    private func command(_ command: Command) -> [String] {
        let inputs = command.inputs()
        let positional = inputs.fields.filter(\.isPositional)
        // The field that open fields are added to is not written by hand.
        let flags = inputs.fields.filter { field in
            !field.isPositional && (field.name != "settings" || inputs.openFields.isEmpty)
        }
        var lines = wrapped("Usage: ipfs-kit " + command.usageLine(inputs), to: width) + [""]
        lines += wrapped(command.summary, to: width)
        if !command.details.isEmpty { lines += [""] + detailLines(command.details) }
        func notes(_ field: FieldInfo) -> String { field.explanation(inputs.defaults[field.name]) }
        lines += section("Arguments", positional.map { ($0.placeholder, notes($0)) })
        lines += section("Flags", flags.map { ($0.usage(inputs.defaults[$0.name]), notes($0)) })
        lines += section(
            "Settings",
            inputs.openFields.unique.map { ($0.usage(.flag(false)), $0.explanation(nil, isOpen: true)) }
        )
        return lines + globalFlags
    }

    /// Paragraphs in lines of the right length; examples stay as they are, to be copied.
    private func detailLines(_ details: String) -> [String] {
        details.split(separator: "\n", omittingEmptySubsequences: false).flatMap { paragraph in
            paragraph.isEmpty || paragraph.hasPrefix(" ") || paragraph.hasPrefix("Example:")
                ? [String(paragraph)] : wrapped(String(paragraph), to: width)
        }
    }

    private var globalFlags: [String] {
        section(
            "Flags of all commands",
            GlobalFlags.fieldInfo.map { ($0.usage(GlobalFlags.defaults[$0.name]), $0.explanation(nil)) }
        )
    }

    /// A heading with names on the left and what they mean, in lines of the right length, on the right.
    private func section(_ title: String, _ rows: [(name: String, text: String)]) -> [String] {
        guard !rows.isEmpty else { return [] }
        let column = min(30, rows.map(\.name.count).max() ?? 0) + 4
        var lines = ["", title + ":"]
        for row in rows {
            let text = wrapped(row.text, to: max(30, width - column))
            let name = "  " + row.name
            let fits = name.count + 2 <= column
            if !fits { lines.append(name) }
            for (index, line) in text.enumerated() {
                let lead = index == 0 && fits ? name : ""
                lines.append(lead + String(repeating: " ", count: column - lead.count) + line)
            }
            if text.isEmpty, fits { lines.append(name) }
        }
        return lines
    }
}

extension Command {
    /// The words of the command with its arguments: `pin add CID… [flags]`.
    package func usageLine(_ inputs: Inputs) -> String {
        var words = [name]
        for field in inputs.fields where field.isPositional {
            let word = field.placeholder + (field.kind == .list ? "…" : "")
            words.append(field.isRequired ? word : "[\(word)]")
        }
        for field in inputs.fields where field.isRequired && !field.isPositional { words.append(field.usage(nil)) }
        let hasFlags = inputs.fields.contains { !$0.isPositional && !$0.isRequired } || !inputs.openFields.isEmpty
        return (words + (hasFlags ? ["[flags]"] : [])).joined(separator: " ")
    }
}

extension FieldInfo {
    /// The flag with a word for its value: `--limit NUMBER`; one that is not false by itself is `--[no-]pin`.
    package func usage(_ standard: FieldValue?) -> String {
        guard kind == .flag else { return "\(flag) \(kind.word)" }
        return standard == .flag(false) ? flag : "--[no-]" + flag.dropFirst(2)
    }

    /// What the field means, with what is to be known about giving it.
    ///
    /// What is required of an open field depends on values of other fields, so it is not said.
    package func explanation(_ standard: FieldValue?, isOpen: Bool = false) -> String {
        var notes: [String] = []
        if isRequired, !isOpen { notes.append("required") }
        if isSecret { notes.append("secret") }
        if case .choice(let words) = kind { notes.append("one of " + words.joined(separator: ", ")) }
        if kind == .list, !isPositional {
            notes.append("may be given more than once" + (isWhole ? "" : ", or with commas"))
        }
        if let standard, !isSecret, standard != .flag(false) { notes.append("default " + text(standard)) }
        if !environment.isEmpty, !isOpen { notes.append("or from " + environment.joined(separator: ", ")) }
        return notes.isEmpty ? help : "\(help) (\(notes.joined(separator: "; ")))"
    }

    private func text(_ value: FieldValue) -> String {
        if kind == .size, case .integer(let bytes) = value, bytes >= 0 { return "\(ByteCount(UInt64(bytes)))" }
        return value.text
    }
}

extension FieldKind {
    /// The word that stands for a value after a flag.
    var word: String {
        switch self {
        case .text: "TEXT"
        case .integer: "NUMBER"
        case .flag: ""
        case .list: "ITEM"
        case .choice: "WORD"
        case .size: "SIZE"
        case .duration: "TIME"
        }
    }
}

extension [FieldInfo] {
    /// The fields without those whose name stood before.
    package var unique: [FieldInfo] {
        var seen: Set<String> = []
        return filter { seen.insert($0.name).inserted }
    }
}
