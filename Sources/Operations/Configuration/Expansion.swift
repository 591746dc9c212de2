internal import POSIX

/// Why a reference in a setting could not be replaced, as a phrase.
struct ExpansionProblem: Error {
    let phrase: String
}

/// Replaces `${VAR}`, `${VAR:-default}` and `${file:/path}` in a setting; `$${` stands for `${` itself.
///
/// A file's content is taken without the line end at its end. What was put in is not looked at again; `learn` is told
/// each value, and whether it came from a file.
func expand(
    _ text: String,
    learn: (String, Bool) -> Void = { _, _ in },
    environment: (String) -> String?
) throws(ExpansionProblem) -> String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
        result += rest[..<dollar]
        rest = rest[dollar...]
        if rest.hasPrefix("$${") {
            result += "${"
            rest = rest.dropFirst(3)
        } else if rest.hasPrefix("${") {
            guard let end = rest.firstIndex(of: "}") else { throw ExpansionProblem(phrase: "has “${” without “}”") }
            let reference = String(rest.dropFirst(2)[..<end])
            let value = try value(of: reference, environment)
            learn(value, reference.hasPrefix("file:"))
            result += value
            rest = rest[rest.index(after: end)...]
        } else {
            result += "$"
            rest = rest.dropFirst()
        }
    }
    return result + rest
}

/// Says whether a setting has something in it that is replaced when it is used.
func hasReference(_ text: String) -> Bool { text.contains("${") }

private func value(of reference: String, _ environment: (String) -> String?) throws(ExpansionProblem) -> String {
    if reference.hasPrefix("file:") {
        let path = String(reference.dropFirst(5))
        do throws(FileError) {
            let bytes = try readFile(path, limit: 1 << 20)
            var text = String(decoding: bytes, as: UTF8.self)[...]
            while text.last?.isNewline == true { text = text.dropLast() }
            return String(text)
        } catch {
            throw ExpansionProblem(phrase: "refers to the file \(path), which cannot be read: \(error)")
        }
    }
    var name = reference[...]
    var standIn: Substring?
    if let colon = reference.firstIndex(of: ":"), reference[colon...].hasPrefix(":-") {
        name = reference[..<colon]
        standIn = reference[reference.index(colon, offsetBy: 2)...]
    }
    guard !name.isEmpty, name.allSatisfy({ $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
        throw ExpansionProblem(phrase: "has “${…}” with something in it that is no name of a variable")
    }
    if let value = environment(String(name)), !value.isEmpty || standIn == nil { return value }
    if let standIn { return String(standIn) }
    throw ExpansionProblem(phrase: "refers to the variable \(name), which is not set and has no default")
}
