internal import Schema

/// A word that stands for a flag: `--name`, `--name=value` or one of the short ones.
struct FlagWord {
    /// The name in the spelling of fields, with underscores; for a short flag of all commands its long name.
    let name: String
    /// The same as it was typed.
    let typed: String
    /// What follows the equals sign.
    let attached: String?
    /// The flag as it was typed, without a value.
    let spelled: String

    private static let short = ["-h": "help", "-q": "quiet", "-v": "verbose", "-n": "dry_run"]

    /// Nil for a word that is no flag: plain text, `-` alone, `--` alone, and negative numbers.
    init?(_ word: String) {
        guard word.hasPrefix("-"), word != "-", word != "--" else { return nil }
        if let second = word.dropFirst().first, second.isASCII, second.isNumber || second == "." { return nil }
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        spelled = parts.first.map(String.init) ?? word
        attached = parts.count > 1 ? String(parts[1]) : nil
        typed = Self.normal(spelled.drop { $0 == "-" })
        name = Self.short[spelled] ?? typed
    }

    /// A name with underscores for dashes, so that both spellings are one.
    static func normal(_ name: some StringProtocol) -> String {
        String(name.map { $0 == "-" ? "_" : $0 })
    }

    /// The flags that a word such as `-rQ` stands for, one by one; nil unless each letter is one of `fields`.
    func letters(amongst fields: [FieldInfo]) -> [String]? {
        guard attached == nil, spelled.count > 2, !spelled.hasPrefix("--") else { return nil }
        let letters = spelled.dropFirst().map { "-\($0)" }
        return letters.allSatisfy { FlagWord($0)?.find(in: fields) != nil } ? letters : nil
    }

    /// The field that answers to what was typed, whatever that means to other commands.
    func own(of fields: [FieldInfo]) -> FieldInfo? { fields.first { $0.answers(to: typed) } }

    /// The field that is meant, and whether it is negated by `no-`.
    func find(in fields: [FieldInfo]) -> (field: FieldInfo, isNegated: Bool)? {
        if let field = own(of: fields) ?? fields.first(where: { $0.answers(to: name) }) { return (field, false) }
        guard name.hasPrefix("no_") else { return nil }
        let rest = String(name.dropFirst(3))
        return fields.first { $0.kind == .flag && $0.answers(to: rest) }.map { ($0, true) }
    }
}

extension FieldInfo {
    /// Says whether the field has this name or alias; `name` has underscores.
    func answers(to name: String) -> Bool {
        FlagWord.normal(self.name) == name || aliases.contains { FlagWord.normal($0) == name }
    }
}
