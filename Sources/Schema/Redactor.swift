internal import Synchronization

/// Takes secrets out of everything that leaves the program, and out of everything that it writes down.
///
/// It knows the values that settings were replaced by, the secrets that stand in settings, and the passwords of
/// proxies; and the forms in which passwords and signatures stand in texts of others.
package final class Redactor: Sendable {
    /// The one of the process: a secret that one part has seen must not be shown by another.
    package static let shared = Redactor()

    /// What stands in the place of a secret.
    package static let mark = "••••"

    private struct State {
        var search = SecretSearch()
        /// The same for sentences of others, which repeat less of a secret.
        var echoes = SecretSearch()
        /// The forms that others write with gaps.
        var digits = SecretSearch()
        /// Secrets that are too short to be looked for inside words.
        var words: [[UInt8]] = []
        var known: Set<String> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Shorter ones are parts of words everywhere: they are hidden where they stand as a word of their own.
    private static let shortest = 4

    /// So many bytes of a secret are hidden where they stand without the rest; half of a key is half of the work.
    private static let part = 12
    /// The same in what others say: they are known to cut what they repeat.
    private static let echoedPart = 8
    /// The same of what shows nothing of it: its hexadecimal digits, or base64.
    private static let opaquePart = 16

    /// Takes note of a secret, and of the forms in which others repeat it.
    package func learn(_ secret: String) { learn(secret, part: Self.part) }

    private func learn(_ secret: String, part: Int) {
        let secret = trimmed(secret)
        guard !secret.isEmpty else { return }
        state.withLock { state in
            guard state.known.insert(secret).inserted else { return }
            guard secret.utf8.count >= Self.shortest else { return state.words.append(Array(secret.utf8)) }
            state.search.add(Array(secret.utf8), part: part)
            state.echoes.add(Array(secret.utf8), part: part == .max ? part : Self.echoedPart)
            for form in SecretForms.opaque(secret) {
                state.search.add(form, part: max(Self.opaquePart, part))
                state.digits.add(form, part: max(Self.opaquePart, part))
            }
        }
    }

    /// Takes note of what a reference in a setting was replaced by.
    ///
    /// Where the setting is none for secrets, it may be the name of a bucket or a folder: short words, and paths, are
    /// shown.
    package func learn(replacement: String, ofSecret isSecret: Bool, fromFile isFromFile: Bool) {
        let value = trimmed(replacement)
        guard isSecret || isFromFile || value.utf8.count >= 8 && !value.hasPrefix("/") else { return }
        // Parts of what may be a URL stand everywhere.
        learn(value, part: isSecret || isFromFile ? Self.part : .max)
        // A text of several lines may be repeated line by line.
        for line in value.split(whereSeparator: \.isNewline) where line.utf8.count >= 8 { learn(String(line)) }
    }

    /// Takes note of the users and passwords in the URLs of proxies that the environment names.
    package func learnProxies(_ environment: (String) -> String?) {
        for name in ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy"] {
            for name in [name, name.uppercased()] { environment(name).map { learn(proxy: $0) } }
        }
    }

    /// Takes note of the user and the password in the URL of a proxy.
    package func learn(proxy url: String) {
        guard let at = url.lastIndex(of: "@") else { return }
        var user = url[..<at]
        if let scheme = user.firstRange(of: "://") { user = user[scheme.upperBound...] }
        learn(String(user))
        for part in user.split(separator: ":", maxSplits: 1) {
            learn(String(part))
            learn(SecretForms.unescaped(String(part)))
        }
    }

    private func trimmed(_ text: String) -> String {
        var text = text[...]
        while let last = text.last, last.isWhitespace { text.removeLast() }
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        return String(text)
    }

    /// Whether a text has a user in a URL, a password before a host, or a parameter in a query that is a secret by its
    /// name: nothing that may stand where everybody may look.
    ///
    /// An address may have nothing of that kind at all; references in it are not looked into.
    package static func hasCredentials(_ text: String, isAddress: Bool = false) -> Bool {
        if SecretForms.hasCredentials(text) { return true }
        guard isAddress else { return false }
        var rest = text[...]
        var plain = ""
        while let open = rest.firstRange(of: "${"), let close = rest[open.upperBound...].firstIndex(of: "}") {
            plain += rest[..<open.lowerBound]
            rest = rest[rest.index(after: close)...]
        }
        return (plain + rest).contains { "@?#".contains($0) }
    }

    /// The value without secrets in its texts; names of members stay.
    package func clean(_ json: JSON) -> JSON {
        switch json {
        case .string(let text): .string(clean(text))
        case .array(let items): .array(items.map { clean($0) })
        case .object(let members): .object(members.map { JSON.Member($0.name, clean($0.value)) })
        case .null, .bool, .integer, .natural, .number: json
        }
    }

    /// The text without secrets.
    package func clean(_ text: String) -> String {
        let (search, words) = state.withLock { ($0.search, $0.words) }
        var bytes = Array(text.utf8)
        // A secret may be part of the word by which another one is known, and hides that word.
        let hasPatterns = SecretForms.hidePatterns(in: &bytes, by: Self.markBytes)
        let isFound = Self.hide(search, in: &bytes)
        let hasWords = words.count { SecretForms.hideWord($0, in: &bytes, by: Self.markBytes) } > 0
        let hasMore = SecretForms.hidePatterns(in: &bytes, by: Self.markBytes)
        return hasPatterns || hasWords || isFound || hasMore ? String(decoding: bytes, as: UTF8.self) : text
    }

    /// A sentence of a service's, or of a proxy's, as it may be repeated: cut, without control characters and
    /// characters that nobody sees, and without anything that may be a secret it was sent, also one that nobody here
    /// knows.
    package func clean(echo text: String) -> String {
        let plain = text.unicodeScalars.prefix(Self.longestEcho).filter { scalar in
            scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
                && !scalar.properties.isDefaultIgnorableCodePoint && !scalar.properties.isBidiControl
        }
        var bytes = Array(String(String.UnicodeScalarView(plain)).utf8)
        let (echoes, digits) = state.withLock { ($0.echoes, $0.digits) }
        _ = SecretForms.hidePatterns(in: &bytes, by: Self.markBytes)
        _ = Self.hide(echoes, in: &bytes)
        _ = Self.hide(digits, in: &bytes, hasGaps: true)
        SecretForms.hideEchoes(in: &bytes, by: Self.markBytes)
        return clean(String(decoding: bytes, as: UTF8.self))
    }

    /// Sentences of others are cut after so many characters before anything else is done with them.
    private static let longestEcho = 4096
    private static let markBytes = Array(mark.utf8)

    /// Hides what a search finds; says whether it found anything.
    private static func hide(_ search: SecretSearch, in bytes: inout [UInt8], hasGaps: Bool = false) -> Bool {
        var result: [UInt8] = []
        var end = 0
        for range in search.ranges(in: bytes, hasGaps: hasGaps) {
            result += bytes[end..<range.lowerBound] + markBytes
            end = range.upperBound
        }
        guard end > 0 else { return false }
        bytes = result + bytes[end...]
        return true
    }
}
