internal import Schema
internal import Storage

/// What words by which a service calls an error mean: the kind of failure, whether to try again, and a reason with a
/// hint.
struct FailureRow: Sendable {
    let words: [Substring]
    let code: StorageError.Code
    let retry: StorageError.Retry
    let reason: String

    /// `words` stand in one text, with spaces between them.
    init(_ words: String, _ code: StorageError.Code, _ reason: String, retry: StorageError.Retry = .never) {
        (self.words, self.code, self.retry, self.reason) = (words.split(separator: " "), code, retry, reason)
    }
}

extension [FailureRow] {
    /// The row that has a word.
    func row(of word: String) -> FailureRow? { first { $0.words.contains { $0 == word } } }
}

extension HTTPFailures {
    /// What a service said, for people: cut, and without what it must not repeat.
    static func said(_ word: String, _ message: String) -> String {
        let word = Redactor.shared.clean(echo: word).prefix(64)
        let message = Redactor.shared.clean(echo: message).prefix(200)
        return message.isEmpty ? " (\(word))" : " (\(word): “\(message)”)"
    }
}
