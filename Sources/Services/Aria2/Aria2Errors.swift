internal import Schema
internal import Storage

/// Turns what a daemon says went wrong into errors that say what to do.
struct Aria2Errors: Sendable {
    let http: HTTPFailures
    /// What the statuses of servers mean that are asked by a URL alone.
    private static let servers = HTTPFailures(
        host: "",
        kind: "",
        hints: FailureHints(
            credentials: "it gives nothing to those without a key",
            permission: "the URL does not serve there, or not any more"
        )
    )

    init(_ http: HTTPFailures) { self.http = http }

    /// The numbers by which aria2 1.36 says why a download came to nothing (EXIT STATUS in its manual).
    static let rows: [FailureRow] = [
        FailureRow("1 6 7", .unavailable, "the server could not be reached, or broke off", retry: .later),
        FailureRow("2 5", .unavailable, "the server did not go on", retry: .later),
        // A server that keeps no such thing, and one that was asked for the wrong thing, say the same.
        FailureRow("3 4", .unavailable, "the server says that there is nothing at its URL"),
        FailureRow("8 10", .changed, "it is not what it was when a part of it came"),
        FailureRow("9", .quotaExceeded, "the disk is full; make room, or set another connection.download_folder"),
        FailureRow("11 12 13 14", .unexpected, "another download has the name of its file"),
        FailureRow(
            "15 16 17 18",
            .permissionDenied,
            "the daemon cannot write where it should; it has to run on this machine as the same user, or "
                + "connection.download_folder has to be a folder that both may write to"
        ),
        FailureRow("19", .unavailable, "the name of the server has no address", retry: .later),
        FailureRow("20 21 22 25 26 27", .unavailable, "the server did not give it"),
        FailureRow("23", .unavailable, "servers point to each other without end"),
        FailureRow("24", .badCredentials, "the server gives nothing to those without a key"),
        FailureRow("28 30", .unsupported, "the daemon does not know what it is asked; aria2 1.36 does"),
        FailureRow("29", .unavailable, "the server cannot do it now", retry: .later),
        FailureRow("31", .unavailable, "somebody took the download away from the daemon", retry: .later),
        FailureRow("32", .corrupt, "what came has not the digest of what was stored there"),
    ]

    /// Those of them that are no copy's fault: nothing can be fetched here.
    private static let ofDaemon: Set<Int> = [9, 11, 12, 13, 14, 15, 16, 17, 18, 28, 30]

    /// What it means that a download came to nothing: the error, and whether another copy may be had.
    func translate(
        _ failure: (code: Int, message: String),
        _ order: Aria2Order
    ) -> (error: StorageError, isOfCopy: Bool) {
        let said = shown(failure.message, hiding: order.urls)
        let note = " (aria2 says \(failure.code)\(said.isEmpty ? "" : ": “\(said)”"))"
        // The status of the server's answer tells more.
        if [22, 29].contains(failure.code), let range = failure.message.firstRange(of: "status="),
            let status = Int(failure.message[range.upperBound...].prefix(3))
        {
            let (code, retry, reason) = Self.servers.meaning(ofStatus: status)
            return (http.error(code, reason + note, order.what, retry), true)
        }
        let row = Self.rows.row(of: "\(failure.code)") ?? FailureRow("", .unexpected, "aria2 gave up")
        return (http.error(row.code, row.reason + note, order.what, row.retry), !Self.ofDaemon.contains(failure.code))
    }

    /// The error for a call that a daemon refuses.
    func refused(
        _ order: Aria2Order,
        _ message: String,
        _ code: StorageError.Code = .unexpected,
        _ retry: StorageError.Retry = .never
    ) -> StorageError {
        http.error(code, "the daemon says “\(shown(message, hiding: order.urls))”", order.what, retry)
    }

    /// What a daemon says, for people: without URLs, which are as secret as what they lead to.
    private func shown(_ message: String, hiding urls: [String]) -> String {
        var message = message
        for url in urls {
            message = message.replacing(url, with: Redactor.mark)
            // They are many: what is in them is taught when somebody speaks who has seen it.
            for value in HTTPText.secrets(in: url) { Redactor.shared.learn(value) }
        }
        return String(Redactor.shared.clean(echo: message).prefix(200))
    }
}
