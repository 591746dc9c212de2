internal import Synchronization

/// Takes secrets out of everything that leaves the program, and out of everything that it writes down.
///
/// It knows the values that settings were replaced by, the secrets that stand in settings, and the passwords of proxies; and
/// the forms in which passwords and signatures stand in texts of others.
package final class Redactor: Sendable {
    /// The one of the process: a secret that one part has seen must not be shown by another.
    package static let shared = Redactor()

    /// What stands in the place of a secret.
    package static let mark = "••••"

    private struct State {
        /// The forms of all secrets, the longest first.
        var forms: [[UInt8]] = []
        var known: Set<String> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Shorter ones are words that stand everywhere.
    private static let shortest = 4

    /// Takes note of a secret, and of the forms in which others repeat it.
    package func learn(_ secret: String) {
        let secret = trimmed(secret)
        guard secret.utf8.count >= Self.shortest else { return }
        state.withLock { state in
            guard state.known.insert(secret).inserted else { return }
            for form in SecretForms.of(secret) where !state.forms.contains(form) { state.forms.append(form) }
            state.forms.sort { $0.count > $1.count }
        }
    }

    private func trimmed(_ text: String) -> String {
        var text = text[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }

    /// The text without secrets.
    package func clean(_ text: String) -> String {
        let forms = state.withLock { $0.forms }
        var bytes = Array(text.utf8)
        var isChanged = false
        for form in forms { isChanged = bytes.replace(form, by: Array(Self.mark.utf8)) || isChanged }
        isChanged = SecretForms.hidePatterns(in: &bytes, by: Array(Self.mark.utf8)) || isChanged
        return isChanged ? String(decoding: bytes, as: UTF8.self) : text
    }
}

extension [UInt8] {
    /// Puts something in the place of every occurrence of a part; says whether there was one.
    fileprivate mutating func replace(_ part: [UInt8], by other: [UInt8]) -> Bool {
        guard let first = part.first, count >= part.count else { return false }
        var result: [UInt8] = []
        var start = 0
        var index = 0
        while index + part.count <= count {
            guard self[index] == first, self[index..<index + part.count].elementsEqual(part) else {
                index += 1
                continue
            }
            result += self[start..<index]
            result += other
            index += part.count
            start = index
        }
        guard start > 0 else { return false }
        self = result + self[start...]
        return true
    }
}
