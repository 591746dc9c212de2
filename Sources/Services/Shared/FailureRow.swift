internal import HTTPClient
internal import Schema
internal import Storage

/// What words by which a service calls an error mean: the kind of failure, whether to try again, and a reason with a
/// hint.
struct FailureRow: Sendable {
    let words: [Substring]
    let code: StorageError.Code
    let retry: StorageError.Retry
    /// Whether what was asked for may have been done all the same.
    let mayHaveHappened: Bool
    let reason: String

    /// `words` stand in one text, with spaces between them; `PLACE` in the reason is the name of what is asked.
    init(
        _ words: String,
        _ code: StorageError.Code,
        _ reason: String,
        retry: StorageError.Retry = .never,
        mayHaveHappened: Bool = false
    ) {
        (self.words, self.code, self.reason) = (words.split(separator: " "), code, reason)
        (self.retry, self.mayHaveHappened) = (retry, mayHaveHappened)
    }
}

extension [FailureRow] {
    /// The row that has a word.
    func row(of word: String) -> FailureRow? { first { $0.words.contains { $0 == word } } }
}

extension HTTPFailures {
    /// The error for a reply that is no success, of which the service says something, or nothing.
    ///
    /// Absence is what the service says in its own words, and a status alone is none of them.
    func translate(
        _ what: String,
        _ reply: HTTPReply,
        saying fault: XMLFault?,
        _ rows: [FailureRow],
        now: Timestamp
    ) -> StorageError {
        if let fault, let row = rows.row(of: fault.code), row.code != .notFound || reply.status == 404 {
            let retry = Self.wait(row.retry, reply.headers, now)
            let error = error(row.code, placed(row.reason), what, retry, fault)
            return row.mayHaveHappened ? error.ofUnknownOutcome : error
        }
        if (200..<400).contains(reply.status) || reply.status == 404, Self.isPage(reply.headers, reply.body) {
            return foreign(what)
        }
        let said = fault.map { Self.said($0.code, $0.message) } ?? ""
        return translate(what, status: reply.status, reply.headers, said: said, now: now)
    }

    /// The error for a status; `said` is what the service says beside it.
    func translate(
        _ what: String,
        status: Int,
        _ headers: HTTPHeaders,
        said: String = "",
        now: Timestamp
    ) -> StorageError {
        let (code, retry, reason) = meaning(ofStatus: status)
        let error = error(code, reason + said, what, Self.wait(retry, headers, now))
        return code == .unavailable ? error.ofUnknownOutcome : error
    }

    private func placed(_ reason: String) -> String {
        reason.split(separator: "PLACE", omittingEmptySubsequences: false).joined(separator: place)
    }

    /// What a service said, for people: cut, and without what it must not repeat.
    static func said(_ word: String, _ message: String) -> String {
        let word = Redactor.shared.clean(echo: word).prefix(64)
        let message = Redactor.shared.clean(echo: message).prefix(200)
        return message.isEmpty ? " (\(word))" : " (\(word): “\(message)”)"
    }
}
