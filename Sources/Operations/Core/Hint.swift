package import Schema

/// What helps: an operation, and values for some of its inputs.
///
/// Each surface writes it in its own way.
package struct Hint: Shown, Hashable {
    /// A value for an input; nil is one that whoever follows the hint has to find.
    private struct Given: Hashable {
        let name: String
        let value: FieldValue?
    }

    private let operation: String
    private let inputs: [FieldInfo]
    private let given: [Given]
    private let givesUp: Bool

    /// An operation, with the values of the inputs that are named.
    ///
    /// `givesUp` says that it may give something up for good, so that only a person decides to follow it.
    package init<Action: Operation>(
        _: Action.Type,
        _ values: KeyValuePairs<String, (any CustomStringConvertible & Sendable)?> = [:],
        givesUp: Bool = false
    ) {
        self.givesUp = givesUp
        operation = Action.name
        let fields = Action.fieldInfo
        inputs = fields
        given = values.map { name, text in
            let field = fields.first { $0.name == name }
            assert(field != nil, "“\(Action.name)” has no input \(name)")
            return Given(name: name, value: text.map { text in (try? field?.parse("\(text)")) ?? .text("\(text)") })
        }
    }

    /// What explains the operation of these words; everything, where they are empty.
    package static func help(on words: String = "") -> Hint { Hint(explaining: words) }

    private init(explaining words: String) {
        operation = ShowSchema.name
        (inputs, givesUp) = ([], false)
        given =
            words.isEmpty ? [] : [Given(name: "operation", value: .list(words.split(separator: " ").map(String.init)))]
    }

    package static let shape = Shape.named(
        "hint",
        .object([
            Shape.Member("operation", "The operation that helps.", .text),
            Shape.Member("values", "Values for its inputs; null for those that have to be found.", .map(.any)),
            Shape.Member("gives_up", "Whether it may give something up for good: only a person decides that.", .flag),
        ])
    )

    package var json: JSON {
        // The help of a group of commands is no operation's.
        let isGroup =
            operation == ShowSchema.name && !given.isEmpty
            && !operationTable.contains { row in
                given.contains { $0.value?.words.joined(separator: " ") == row.operation.name }
            }
        let missing = inputs.filter { field in field.isRequired && !given.contains { $0.name == field.name } }
        let values =
            isGroup
            ? []
            : given.map { JSON.Member($0.name, $0.value?.json ?? .null) } + missing.map { JSON.Member($0.name, .null) }
        return ["operation": .string(operation), "values": .object(values), "gives_up": .bool(givesUp)]
    }

    /// The hint as somebody types it at a command line, for the kit home at a path where one is named.
    package func command(home: String? = nil) -> String {
        let start = ["ipfs-kit"] + (home.map { ["--home", Self.quoted($0)] } ?? [])
        if operation == ShowSchema.name {
            return (start + ["help"] + given.flatMap { $0.value?.words ?? [] }).joined(separator: " ")
        }
        var words = start + [operation]
        for field in inputs where field.isPositional {
            guard let value = given.first(where: { $0.name == field.name }) else {
                if field.isRequired { words.append(field.name.uppercased()) }
                continue
            }
            words += value.value?.words.map(Self.quoted) ?? [field.name.uppercased()]
        }
        for field in inputs
        where field.isRequired && !field.isPositional && !given.contains(where: { $0.name == field.name }) {
            words += [field.flag, field.name.uppercased()]
        }
        for value in given {
            guard let field = inputs.first(where: { $0.name == value.name }), !field.isPositional else { continue }
            switch value.value {
            case .flag(let isSet): words.append(isSet ? field.flag : "--no-" + field.flag.dropFirst(2))
            case let known?: words += known.words.flatMap { [field.flag, Self.quoted($0)] }
            case nil: words += [field.flag, field.name.uppercased()]
            }
        }
        return words.joined(separator: " ")
    }

    /// A word as a shell takes it.
    private static func quoted(_ word: String) -> String {
        let isPlain = !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "/._-+:@%,=".contains($0) }
        return isPlain ? word : "'\(word.replacing("'", with: #"'\''"#))'"
    }
}

extension FieldValue {
    /// The value as words of a command line.
    fileprivate var words: [String] { if case .list(let items) = self { items } else { [text] } }
}
