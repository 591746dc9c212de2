internal import Schema

/// Makes invocations from the words of a command line.
package struct ArgumentParser: Sendable {
    package let commands: [Command]

    package init(_ commands: [Command]) { self.commands = commands }

    /// Reads `words`, which are without the name of the program; `environment` gives the values of variables.
    package func parse(
        _ words: [String],
        environment: (String) -> String? = { _ in nil }
    ) throws(ArgumentError) -> Invocation {
        var words = words[...]
        if words.first == "--version" { words = ["version"] + words.dropFirst() }
        var global = InputValues(command: "ipfs-kit", fields: GlobalFlags.fieldInfo)
        let flagWords = words.prefix { $0 != "--" }
        let wantsHelp = flagWords.contains("--help") || flagWords.contains("-h")
        let topic = try findTopic(&words, &global, wantsHelp: wantsHelp)
        guard case .command(let command) = topic, !wantsHelp else {
            global.values["help"] = .flag(wantsHelp)
            return Invocation(topic: topic, values: [:], global: try global.flags())
        }
        let inputs = command.inputs()
        var values = InputValues(command: command.name, fields: inputs.fields, openFields: inputs.openFields)
        var plain: [String] = []
        // The flags that a word such as `-rQ` stands for, as long as there are any.
        var letters: ArraySlice<String> = []
        while let word = letters.popFirst() ?? words.popFirst() {
            if word == "--" {
                plain += words
                break
            }
            guard let flag = FlagWord(word) else {
                plain.append(word)
                continue
            }
            // `-v` is short for --verbose, but not to a command that has a `-v` itself.
            let isShort = !flag.spelled.hasPrefix("--")
            var rest = letters.isEmpty ? words : letters
            let isGlobal = isShort && flag.own(of: inputs.fields) != nil ? false : try global.take(flag, &rest)
            // A flag such as `--verbose` may mean something to the command as well.
            let isOver = isGlobal && flag.find(in: inputs.fields)?.field.kind != .flag
            let isTaken = isOver ? true : try values.take(flag, &rest)
            guard isTaken else {
                if let found = flag.letters(amongst: GlobalFlags.fieldInfo + inputs.fields) {
                    letters = found[...]
                    continue
                }
                let flags = (GlobalFlags.fieldInfo + inputs.fields + inputs.openFields).map(\.flag)
                throw ArgumentError.unknownFlag(flag.spelled, command: command.name, among: flags)
            }
            if letters.isEmpty { words = rest } else { letters = rest }
        }
        try values.place(plain)
        try values.complete(inputs.defaults, environment)
        return Invocation(topic: topic, values: values.collected, global: try global.flags())
    }

    /// The command or the group that `words` name; without any word, everything.
    package func topic(_ words: [String]) throws(ArgumentError) -> Invocation.Topic {
        var rest = words[...]
        var none = InputValues(command: "help", fields: [])
        let topic = try findTopic(&rest, &none, wantsHelp: true)
        guard let word = rest.first else { return topic }
        throw ArgumentError(.unknownCommand, "“\(words.joined(separator: " "))” is not a command.", command: word)
    }

    /// Takes the words of a command, and global flags among them, from the front of `words`.
    private func findTopic(
        _ words: inout ArraySlice<String>,
        _ global: inout InputValues,
        wantsHelp: Bool
    ) throws(ArgumentError) -> Invocation.Topic {
        var path: [String] = []
        var found: (command: Command, length: Int)?
        while let word = words.first, word != "--" {
            if let flag = FlagWord(word) {
                // Where no more words can follow, the flag may be one of the command's own.
                if found != nil, nextWords(after: path).isEmpty { break }
                var rest = words.dropFirst()
                guard try global.take(flag, &rest) else { break }
                words = rest
                continue
            }
            guard commands.contains(where: { $0.words.starts(with: path + [word]) }) else { break }
            words.removeFirst()
            path.append(word)
            if let command = commands.first(where: { $0.words == path }) { found = (command, path.count) }
        }
        if let found {
            if found.length < path.count, wantsHelp { return .group(path.joined(separator: " ")) }
            words = path[found.length...] + words
            return .command(found.command)
        }
        let group = path.joined(separator: " ")
        guard let word = words.first, word != "--" else { return .group(group) }
        if let flag = FlagWord(word) {
            if wantsHelp { return .group(group) }
            let flags = GlobalFlags.fieldInfo.map(\.flag)
            throw ArgumentError.unknownFlag(flag.spelled, command: group.isEmpty ? "ipfs-kit" : group, among: flags)
        }
        throw ArgumentError.unknownCommand(word, in: group, among: nextWords(after: path))
    }

    /// The words that may follow `path`, each once.
    func nextWords(after path: [String]) -> [String] {
        var next: [String] = []
        for words in commands.map(\.words) where words.count > path.count && words.starts(with: path) {
            if !next.contains(words[path.count]) { next.append(words[path.count]) }
        }
        return next
    }
}
