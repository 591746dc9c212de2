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
        /// All secrets, the longest first.
        var secrets: [[UInt8]] = []
        /// What they look like where they cannot be read.
        var opaque: [[UInt8]] = []
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
            state.secrets.append(Array(secret.utf8))
            state.opaque += SecretForms.opaque(secret)
            state.secrets.sort { $0.count > $1.count }
            state.opaque.sort { $0.count > $1.count }
        }
    }

    /// Takes note of what a reference in a setting was replaced by.
    ///
    /// Where the setting is none for secrets, it may be the name of a bucket or a folder: short words, and paths, are shown.
    package func learn(replacement: String, ofSecret isSecret: Bool, fromFile isFromFile: Bool) {
        let value = trimmed(replacement)
        guard isSecret || isFromFile || value.utf8.count >= 8 && !value.hasPrefix("/") else { return }
        learn(value)
        // A text of several lines may be repeated line by line.
        for line in value.split(whereSeparator: \.isNewline) where line.utf8.count >= 8 { learn(String(line)) }
    }

    /// Takes note of the users and passwords in the URLs of proxies that the environment names.
    package func learnProxies(_ environment: (String) -> String?) {
        for name in ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy"] {
            for name in [name, name.uppercased()] {
                guard let url = environment(name), let at = url.lastIndex(of: "@") else { continue }
                var user = url[..<at]
                if let scheme = user.firstRange(of: "://") { user = user[scheme.upperBound...] }
                learn(String(user))
                for part in user.split(separator: ":", maxSplits: 1) {
                    learn(String(part))
                    learn(SecretForms.unescaped(String(part)))
                }
            }
        }
    }

    private func trimmed(_ text: String) -> String {
        var text = text[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }

    /// Whether a text has a URL in it with a user, or a password, who must not stand where everybody may look.
    package static func hasCredentials(_ text: String) -> Bool { SecretForms.hasUser(text) }

    /// The value without secrets in its texts; names of members stay.
    package func clean(_ json: JSON) -> JSON {
        switch json {
        case .string(let text): .string(clean(text))
        case .array(let items): .array(items.map { clean($0) })
        case .object(let members): .object(members.map { JSON.Member($0.name, clean($0.value)) })
        case .null, .bool, .integer, .number: json
        }
    }

    /// The text without secrets.
    package func clean(_ text: String) -> String {
        let (secrets, opaque) = state.withLock { ($0.secrets, $0.opaque) }
        var bytes = Array(text.utf8)
        let mark = Array(Self.mark.utf8)
        var isChanged = false
        for secret in secrets {
            isChanged = bytes.replace(by: mark) { SecretForms.end(of: secret, in: $0, from: $1) } || isChanged
        }
        for form in opaque {
            isChanged = bytes.replace(by: mark) { $0[$1...].starts(with: form) ? $1 + form.count : nil } || isChanged
        }
        isChanged = SecretForms.hidePatterns(in: &bytes, by: mark) || isChanged
        return isChanged ? String(decoding: bytes, as: UTF8.self) : text
    }
}

extension [UInt8] {
    /// Puts something in the place of every part that `end` finds from an index on; says whether there was one.
    fileprivate mutating func replace(by other: [UInt8], _ end: ([UInt8], Int) -> Int?) -> Bool {
        var result: [UInt8] = []
        var start = 0
        var index = 0
        while index < count {
            guard let next = end(self, index), next > index else {
                index += 1
                continue
            }
            result += self[start..<index]
            result += other
            index = next
            start = next
        }
        guard start > 0 else { return false }
        self = result + self[start...]
        return true
    }
}
