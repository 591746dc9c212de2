internal import AnnexClient
internal import POSIX
internal import Schema
internal import Storage

/// Turns what goes wrong with a program into errors that say whose fault it is, and what to do.
enum ExternalErrors {
    private typealias Meaning = (StorageError.Code, StorageError.Retry, String)

    /// What words of programs mean, in lower case.
    private static let rows: [(words: [String], code: StorageError.Code, retry: StorageError.Retry)] = [
        (
            ["no space left", "disk full", "quota", "insufficient storage", "insufficientstorage", "out of space"],
            .quotaExceeded, .never
        ),
        (["too many requests", "rate limit", "ratelimit", "slow down", "slowdown"], .rateLimited, .later),
        (
            [
                "unauthorized", "invalidaccesskeyid", "signaturedoesnotmatch", "invalid_grant", "authentication failed",
                "couldn't fetch token", "expiredtoken",
            ],
            .badCredentials, .never
        ),
        (["access denied", "accessdenied", "permission denied", "forbidden", "read-only"], .permissionDenied, .never),
    ]

    /// The error of a request that came to nothing; `what` is a phrase such as “Storing cars/x”.
    static func translate(_ what: String, _ error: AnnexError, _ names: [String], isChange: Bool) -> StorageError {
        guard error.code != .cancelled else { return isChange ? StorageError.cancelled.ofUnknownOutcome : .cancelled }
        let (code, retry, hint) = meaning(error, names)
        let failure = StorageError(
            code,
            "\(what) failed: \(error.message)\(said(error.words))\(hint.isEmpty ? "" : " " + hint)",
            retry: retry,
            cause: error.cause
        )
        // What was never asked was not done.
        let early: [AnnexError.Code] = [.noProgram, .cannotStart, .notBegun, .notSpoken, .notInitialised, .notPrepared]
        return isChange && !early.contains(error.code) ? failure.ofUnknownOutcome : failure
    }

    private static func meaning(_ error: AnnexError, _ names: [String]) -> Meaning {
        switch error.code {
        case .noProgram: (.badSettings, .never, "Install it, or set connection.program.")
        case .notSpoken: (.badSettings, .never, "Is connection.program a special remote of git-annex?")
        case .notInitialised:
            meaning(error.words, names, else: (.badSettings, .never, "Check connection.program_options."))
        case .cannotStart, .notPrepared, .gaveUp, .ended, .timedOut: meaning(error.words, names)
        case .notBegun: (.unavailable, .never, "Is connection.program a special remote of git-annex?")
        case .tooMuch: (.corrupt, .never, "")
        // It is this machine that is full, and not the place.
        case .full: (.unavailable, .never, noRoom)
        case .protocolViolation: (.unexpected, .never, "")
        case .cancelled: (.cancelled, .never, "")
        }
    }

    private static func meaning(
        _ words: String,
        _ names: [String],
        else usual: Meaning = (.unavailable, .later, "")
    ) -> Meaning {
        if words.lowercased().contains("unknown command \"gitannex\"") {
            return (.badSettings, .never, "rclone 1.67 or later is needed: name it in connection.program.")
        }
        // Other names are left in it, for they can be words of what is meant, as “storage” is.
        let names = names.filter { known($0.lowercased()) != nil }
        return known(annexWords(of: words, without: names, terms: rows.flatMap { $0.words })) ?? usual
    }

    private static func known(_ words: String) -> Meaning? {
        rows.first { row in row.words.contains { words.contains($0) } }.map { ($0.code, $0.retry, "") }
    }

    /// The error of a request that a program answered with a refusal.
    static func refused(_ what: String, _ words: String, _ names: [String]) -> StorageError {
        let (code, retry, _) = meaning(words, names)
        return StorageError(code, "\(what) failed: the program says that it did not do it.\(said(words))", retry: retry)
    }

    /// The error of a question to which a program says that nobody can know the answer now.
    static func unknown(_ what: String, _ words: String, _ names: [String]) -> StorageError {
        let (code, retry, _) = meaning(words, names)
        return StorageError(code, "\(what) failed: the program cannot tell.\(said(words))", retry: retry)
    }

    /// The error of a program that does not know what it has to.
    static func unsupported(_ what: String) -> StorageError {
        StorageError(.unsupported, "\(what) failed: the program knows no such request.")
    }

    /// The error of what went wrong on this machine.
    static func local(_ error: FileError) -> StorageError {
        let isFull = error.code == .full
        return StorageError(
            .unavailable,
            "The file for the program cannot be kept. \(error)\(isFull ? " " + noRoom : "")",
            retry: isFull ? .never : .later,
            cause: error
        )
    }

    private static let noRoom = "Make room there, move the kit home, or lower connection.min_free."

    /// Runs file calls of this machine on a thread that may block.
    static func onDisk<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(FileError) {
            return try await BlockingThreads.shared.run(work)
        } catch {
            throw local(error)
        }
    }

    /// The words of a program as they can be shown: without secrets, on one line, and not too many.
    static func said(_ words: String) -> String {
        // What a program prints behind its last word when it breaks down is for its authors.
        let words = words.firstRange(of: "\n\ngoroutine ").map { String(words[..<$0.lowerBound]) } ?? words
        let line = Redactor.shared.clean(echo: words.split(whereSeparator: \.isNewline).joined(separator: " "))
        return line.isEmpty ? "" : " It says: “\(line.suffix(400))”"
    }
}
