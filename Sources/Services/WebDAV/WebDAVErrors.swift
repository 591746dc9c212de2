internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// Turns failed replies into errors that say what to do.
struct WebDAVErrors: Sendable {
    let http: HTTPFailures

    /// The errors of a folder; `hint` says what to do where the server does not take the credentials.
    init(_ address: HTTPAddress, _ hint: String) {
        let hints = FailureHints(
            credentials: hint,
            permission: "the user may not do that in connection.url",
            elsewhere: "does one have to log in first? Or is connection.url not where the folder is?"
        )
        // Servers call everything that ends with .html a page; those of a proxy have no ETag.
        http = HTTPFailures(
            host: address.host,
            kind: "a WebDAV server",
            place: address.path,
            own: ["ETag"],
            hints: hints
        )
    }

    /// The words that stand in an error document: conditions of RFC 4918 and 4331, and names of sabre/dav's errors.
    private static let rows: [FailureRow] = [
        FailureRow(
            "quota-not-exceeded sufficient-disk-space InsufficientStorage",
            .quotaExceeded,
            "the server has no more room for us"
        ),
        FailureRow(
            "lock-token-submitted no-conflicting-lock Locked ConflictingLock FileLocked",
            .unavailable,
            "somebody has locked it",
            retry: .later
        ),
        FailureRow("InvalidPath", .unsupported, "the server takes no file of that name"),
        FailureRow("EntityTooLarge", .tooLarge, "the server takes nothing so large"),
        FailureRow("ServiceUnavailable MaintenanceMode", .unavailable, "the server cannot do it now", retry: .later),
    ]

    /// The error for a reply that is no success; that something is absent is not said here.
    func translate(_ what: String, _ reply: HTTPReply, now: Timestamp) -> StorageError {
        guard !(200..<300).contains(reply.status) else {
            return http.foreign(what, "\(http.host) answered \(reply.status), which means nothing here")
        }
        let word = Self.word(reply.body)
        return http.translate(what, reply, saying: word.map { XMLFault(code: $0) }, Self.rows, now: now)
    }

    /// The word in an error document (RFC 4918 §16); nil where there is none that is known.
    private static func word(_ body: [UInt8]) -> String? {
        let limits = XMLLimits(depth: 16, elements: 500, bytes: 1 << 20)
        guard let root = try? parseXML(HTTPFailures.document(body), limits: limits), root.name == "error",
            root.space == WebDAVEntry.space
        else { return nil }
        let exception = root.children(named: "exception", in: "http://sabredav.org/ns").first.flatMap {
            $0.text.split(separator: "\\").last.map(String.init)
        }
        let conditions = root.children.filter { $0.space == WebDAVEntry.space }.map(\.name)
        return ([exception] + conditions).compactMap(\.self).first { rows.row(of: $0) != nil }
    }
}
