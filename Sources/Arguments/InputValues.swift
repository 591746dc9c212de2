internal import Schema

/// The values of a command as they come in, one word after another.
struct InputValues {
    let command: String
    let fields: [FieldInfo]
    var openFields: [FieldInfo] = []
    var values: [String: FieldValue] = [:]
    /// What was said of open fields, as text, in the order of their first mention.
    private var settings: [(name: String, text: String)] = []

    init(command: String, fields: [FieldInfo], openFields: [FieldInfo] = []) {
        self.command = command
        self.fields = fields
        self.openFields = openFields
    }

    /// Takes a flag, and its value from the front of `words` where it needs one; false for a flag that is not known.
    mutating func take(_ flag: FlagWord, _ words: inout ArraySlice<String>) throws(ArgumentError) -> Bool {
        if let (field, isNegated) = flag.find(in: fields) {
            let text = try value(flag, field.kind == .flag, isNegated, &words)
            try set(field, text, spelled: flag.spelled)
            return true
        }
        guard let (field, isNegated) = flag.find(in: openFields) else { return false }
        let meanings = openFields.filter { $0.name == field.name }
        let isFlag = meanings.allSatisfy { $0.kind == .flag }
        let text = try value(flag, isFlag, isNegated, &words)
        try add(meanings, text, spelled: flag.spelled)
        return true
    }

    /// Gives words that are no flags to the positional fields in order; a list takes all that later fields do not need.
    mutating func place(_ words: [String]) throws(ArgumentError) {
        var rest = words[...]
        var open = fields.filter { $0.isPositional && values[$0.name] == nil }[...]
        while let field = open.popFirst(), let word = rest.first {
            if field.kind == .list {
                let taken = rest.prefix(max(1, rest.count - open.filter(\.isRequired).count))
                values[field.name] = .list(Array(taken))
                rest = rest.dropFirst(taken.count)
            } else {
                rest.removeFirst()
                try set(field, word, spelled: field.placeholder)
            }
        }
        guard !rest.isEmpty else { return }
        // What fits nothing may be anything, also the value of a secret that stands where it does not belong.
        let names = fields.filter(\.isPositional).map(\.placeholder)
        let wanted = names.isEmpty ? "no words beside flags" : "\(names.joined(separator: " ")) beside flags"
        throw ArgumentError(
            .tooMany,
            "“\(command)” takes \(wanted), and word \(words.count - rest.count + 1) of \(words.count) fits nothing; "
                + "the value of a flag is one word, and that of one that is true or false stands behind `=`.",
            command: command
        )
    }

    /// Fills in what variables say, and throws where something required is missing.
    mutating func complete(
        _ defaults: [String: FieldValue],
        _ environment: (String) -> String?
    ) throws(ArgumentError) {
        for field in fields where values[field.name] == nil {
            for variable in field.environment {
                guard let text = environment(variable), !text.isEmpty else { continue }
                try set(field, text, spelled: variable)
                break
            }
            guard field.isRequired, values[field.name] == nil, defaults[field.name] == nil else { continue }
            let wanted = field.isPositional ? field.placeholder : field.flag
            throw ArgumentError(.missing, "“\(command)” needs \(wanted): \(field.help)", command: command)
        }
    }

    /// All values, with those of open fields in `settings`.
    var collected: [String: FieldValue] {
        guard !settings.isEmpty else { return values }
        var values = values
        var items: [String] = []
        if case .list(let given) = values["settings"] { items = given }
        values["settings"] = .list(items + settings.map { "\($0.name)=\($0.text)" })
        return values
    }

    /// The values as global flags.
    func flags() throws(ArgumentError) -> GlobalFlags {
        do throws(SchemaError) {
            return try GlobalFlags(values: values)
        } catch {
            throw ArgumentError(.badValue, error.message)
        }
    }

    private func value(
        _ flag: FlagWord,
        _ isFlag: Bool,
        _ isNegated: Bool,
        _ words: inout ArraySlice<String>
    ) throws(ArgumentError) -> String {
        if isNegated {
            guard flag.attached == nil else {
                throw ArgumentError(.badValue, "\(flag.spelled) takes no value.", command: command)
            }
            return "false"
        }
        if isFlag { return flag.attached ?? "true" }
        if let attached = flag.attached { return attached }
        guard let next = words.first, next != "--", FlagWord(next) == nil else {
            throw ArgumentError.missingValue(flag.spelled, command: command)
        }
        words.removeFirst()
        return next
    }

    private mutating func set(_ field: FieldInfo, _ text: String, spelled: String) throws(ArgumentError) {
        let value = try parse(field, text, spelled)
        // Taken away while it is changed, so that a flag that is given a thousand times does not copy all of them each
        // time.
        if case .list(let more) = value, case .list(var items) = values.removeValue(forKey: field.name) {
            items += more
            values[field.name] = .list(items)
        } else {
            values[field.name] = value
        }
    }

    /// Adds the text of an open field; it must fit one of the `meanings` that the name has.
    private mutating func add(_ meanings: [FieldInfo], _ text: String, spelled: String) throws(ArgumentError) {
        guard let first = meanings.first else { return }
        var failure: ArgumentError?
        for meaning in meanings {
            do throws(ArgumentError) {
                _ = try parse(meaning, text, spelled)
                failure = nil
                break
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        let list = meanings.first { $0.kind == .list }
        // An item that may have commas in it stands by itself.
        guard list?.isWhole != true, let index = settings.firstIndex(where: { $0.name == first.name }) else {
            settings.append((first.name, text))
            return
        }
        settings[index].text = list == nil ? text : settings[index].text + "," + text
    }

    private func parse(_ field: FieldInfo, _ text: String, _ spelled: String) throws(ArgumentError) -> FieldValue {
        do throws(FieldProblem) {
            return try field.parse(text)
        } catch {
            let phrase = field.isSecret ? "the value does not fit" : error.phrase
            throw ArgumentError(.badValue, "\(spelled): \(phrase).", command: command)
        }
    }
}

extension FieldInfo {
    /// The name of a positional field in usage texts: `CAR_PATH`.
    var placeholder: String { name.uppercased() }
}
