/// What a program said, in lower case, with a slash in place of all that may be a name.
///
/// A place that is called “quota” is not full. Names are those that are given, what stands in quotes, and what is not
/// made of letters, as paths, hosts and keys are not; `terms` are words all the same.
package func annexWords(of said: String, without names: [String], terms: [String]) -> String {
    let letters = Array(names.reduce(said.lowercased()) { $0.replacing($1.lowercased(), with: "/") })
    var rest = ""
    var closing: Character?
    for (index, letter) in letters.enumerated() {
        // A quote that is not closed in its line hides the rest of that, and no more.
        if letter.isNewline { closing = nil }
        // Within a word it is an apostrophe.
        let neighbour = closing == nil ? index - 1 : index + 1
        let isQuote = letter != "'" || !letters.indices.contains(neighbour) || !letters[neighbour].isLetter
        if let end = closing {
            if letter == end, isQuote { closing = nil }
        } else if let end = quotes[letter], isQuote {
            closing = end
            rest += "/"
        } else {
            rest.append(letter)
        }
    }
    let words = rest.split(whereSeparator: \.isWhitespace).map { isWord($0, terms) ? String($0) : "/" }
    return words.joined(separator: " ")
}

private let quotes: [Character: Character] = ["\"": "\"", "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»"]

/// Whether nothing but a word, or a term, stands between punctuation.
private func isWord(_ text: Substring, _ terms: [String]) -> Bool {
    let parts = text.split { ".,;:!?()[]{}<>".contains($0) }
    guard let part = parts.first, parts.count == 1 else { return false }
    return part.allSatisfy { $0.isLetter || $0 == "'" } || terms.contains(String(part))
}
