/// The sections of an INI file, in which the tools of many services keep their settings.
struct INIFile: Sendable {
    /// The values by section and by key; keys are in lower case, as the tools read them.
    let sections: [String: [String: String]]

    /// Reads what has a meaning; indented lines belong to a value of several lines, and are passed over.
    init(_ text: String) {
        var sections: [String: [String: String]] = [:]
        var section: String?
        for line in text.split(whereSeparator: \.isNewline) {
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            let words = line.split(omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)
            if first == "[" {
                let title = words.joined(separator: " ").dropFirst().prefix { $0 != "]" }
                section = title.filter { $0 != "\"" && $0 != "'" }.split(separator: " ").joined(separator: " ")
            } else if let section, let equals = line.firstIndex(of: "=") {
                let key = line[..<equals].split(whereSeparator: \.isWhitespace).joined().lowercased()
                let value = line[line.index(after: equals)...].split(whereSeparator: \.isWhitespace)
                    .prefix { !$0.hasPrefix("#") && !$0.hasPrefix(";") }
                sections[section, default: [:]][key] = value.joined(separator: " ")
            }
        }
        self.sections = sections
    }
}
