internal import Digests
internal import POSIX
internal import Schema
internal import Storage

/// What is to be fetched.
struct Aria2Order: Sendable {
    /// The beginning of a sentence: “Fetching X from A”.
    let what: String
    /// Where the same bytes are, each time.
    let urls: [String]
    /// How long it is known to be, in bytes.
    let length: UInt64?
    /// How long it can be, where something is known of that.
    var most: UInt64?
    /// Its SHA-256, where that is known.
    let sha256: [UInt8]?
}

/// What came of a download.
enum Aria2Outcome: Sendable {
    case fetched(FetchedFile)
    /// This copy cannot be had; another one may.
    case failed(StorageError)
}

/// One download: the daemon is told of it, watched, and left without it again, whatever comes of it.
///
/// What came of one that broke off stays in its folder, with what aria2 noted about it, and the next one of the same
/// bytes goes on with that.
struct Aria2Download: Sendable {
    let daemon: Aria2Daemon
    let settings: Aria2Settings
    let operational: OperationalSettings
    /// How it is known to the daemon; its folder has the same name.
    let number = sixteenDigits()
    /// How many bytes came.
    let progress = Locked<UInt64>(0)

    /// The name of the file in its folder.
    private static let name = "car"
    /// How often it is asked how far it has come, at first and later.
    private static let (firstPause, longestPause) = (Duration.milliseconds(30), Duration.seconds(1))

    private var timing: Timing { daemon.policy.timing }

    /// Fetches it, and opens the file; throws where nothing can be fetched here.
    func run(_ order: Aria2Order) async throws(StorageError) -> Aria2Outcome {
        let use = try await daemon.use()
        let (connection, number, timing) = (use.connection, number, timing)
        do throws(StorageError) {
            let outcome = try await fetch(order, use)
            await Self.forget(number, connection, timing)
            return outcome
        } catch {
            throw await error.cleaning { () async throws(StorageError) in
                await Self.forget(number, connection, timing)
            }
        }
    }

    private func fetch(_ order: Aria2Order, _ use: Aria2Daemon.Use) async throws(StorageError) -> Aria2Outcome {
        let folder = folder(in: use)
        let free = try await daemon.files { () throws(FileError) in
            if try !fileExists(folder) { try makeNewDirectory(folder, permissions: 0o700) }
            return try diskSpace(folder).free
        }
        try await add(order, use)
        // Aria2 has its own tries, as many as there are.
        let silence = daemon.patience * (operational.retryCount + 2)
        let longest = min(settings.longest.bytes, order.most ?? .max)
        var watch = Aria2Watch(order: order, longest: longest, room: free / 2, silence: silence, since: timing.uptime())
        var pause = Self.firstPause
        while true {
            let status = try await status(order, use)
            note(status.completed)
            if [.error, .removed].contains(status.state) { return try failed(order, status, use) }
            if let problem = watch.problem(with: status, at: timing.uptime()) { return .failed(problem) }
            try await checkRoom(order, status, use)
            if status.state == .complete { return .fetched(try await finish(order, status, use)) }
            try await timing.pause(pause)
            // What has no end fills no disk between two looks.
            let isOpen = order.length == nil && status.total == 0
            pause = min(pause * 3 / 2, isOpen ? Self.longestPause / 20 : Self.longestPause)
        }
    }

    private func folder(in use: Aria2Daemon.Use) -> String { "\(use.folder.path)/\(number)" }

    /// Counts what came since the last look: it came over the wire.
    private func note(_ completed: UInt64) {
        let more = progress.change { progress -> UInt64 in
            defer { progress = max(progress, completed) }
            return completed > progress ? completed - progress : 0
        }
        daemon.policy.meter.add { $0.bytesRead += more }
    }

    // MARK: The daemon

    private func call(
        _ method: String,
        _ parameters: [JSON],
        _ order: Aria2Order,
        _ use: Aria2Daemon.Use
    ) async throws(StorageError) -> JSONRPC.Answer {
        try await daemon.asking(use) { () async throws(StorageError) in
            try await use.connection.call(method, parameters, order.what)
        }
    }

    private func add(_ order: Aria2Order, _ use: Aria2Daemon.Use) async throws(StorageError) {
        let parameters: [JSON] = [.array(order.urls.map { .string($0) }), options(order, use)]
        var answer = try await call("addUri", parameters, order, use)
        if case .refused = answer {
            // An earlier call may have come through, whose answer was lost.
            await Self.forget(number, use.connection, timing)
            answer = try await call("addUri", parameters, order, use)
        }
        switch answer {
        case .value(let value) where value.string == number: break
        case .value: throw use.connection.foreign(order.what)
        case .refused(let message): throw use.connection.errors.refused(order, message)
        }
    }

    /// What is asked for beside the bytes: each thing that a daemon may be used to do otherwise is said.
    private func options(_ order: Aria2Order, _ use: Aria2Daemon.Use) -> JSON {
        // Where nobody knows what comes, parts of one thing and of another would not be told apart.
        let isKnown = order.length != nil
        let seconds = min(max(1, operational.timeout), 600)
        var options = [
            "gid": number, "dir": folder(in: use), "out": Self.name,
            "split": "\(isKnown ? settings.pieces : 1)",
            "max-connection-per-server": "\(isKnown ? settings.connections : 1)",
            "min-split-size": "\(settings.leastPiece.bytes)", "timeout": "\(seconds)", "connect-timeout": "\(seconds)",
            "max-tries": "\(operational.retryCount + 1)", "retry-wait": "1",
            "allow-overwrite": "true", "auto-file-renaming": "false", "continue": "false", "file-allocation": "none",
            "follow-torrent": "false", "follow-metalink": "false", "no-netrc": "true", "http-accept-gzip": "false",
            "conditional-get": "false", "remote-time": "false", "parameterized-uri": "false", "dry-run": "false",
            "use-head": "false", "pause": "false", "force-save": "false",
            // What a server points to with another scheme finds no way, and no cookie goes where one came from.
            "ftp-proxy": "http://127.0.0.1:0", "header": "Cookie:",
        ]
        if let sha256 = order.sha256 { options["checksum"] = "sha-256=\(hex(sha256))" }
        if use.server == nil, operational.bandwidthLimit.bytes > 0 {
            options["max-download-limit"] = "\(operational.bandwidthLimit.bytes)"
        }
        return .object(options.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) })
    }

    private func status(_ order: Aria2Order, _ use: Aria2Daemon.Use) async throws(StorageError) -> Aria2Status {
        let errors = use.connection.errors
        switch try await call("tellStatus", [.string(number), Aria2Status.keys], order, use) {
        case .value(let value):
            guard let status = Aria2Status(value) else { throw use.connection.foreign(order.what) }
            return status
        // It was started anew, or somebody took the download away.
        case .refused(let message): throw errors.refused(order, message, .unavailable, .later)
        }
    }

    /// Takes a download from a daemon, and what it knows of one that is over.
    static func forget(_ number: String, _ connection: Aria2Connection, _ timing: Timing) async {
        let number: JSON = .string(number)
        for _ in 0..<Self.partings {
            let calls = [("forceRemove", [number]), ("removeDownloadResult", [number])]
            guard let answers = try? await connection.calls(calls, "Taking a download away") else { return }
            switch answers[1] {
            case .value: return
            case .refused(let message):
                // As long as it is being stopped, there is no result.
                guard !message.hasSuffix("is not found"), (try? await timing.pause(.milliseconds(100))) != nil else {
                    return
                }
            }
        }
    }

    /// How often it is asked whether a download has stopped.
    private static let partings = 20

    // MARK: What came

    private func failed(
        _ order: Aria2Order,
        _ status: Aria2Status,
        _ use: Aria2Daemon.Use
    ) throws(StorageError) -> Aria2Outcome {
        let failure = status.failure ?? (1, "")
        let (error, isOfCopy) = use.connection.errors.translate(failure, order)
        guard isOfCopy else { throw error }
        // A URL ends while something long is fetched.
        let hasEnded = [.permissionDenied, .badCredentials].contains(error.code) && status.completed > 0
        return .failed(hasEnded ? error.retried(.later) : error)
    }

    /// Throws where the disk has no room for the rest, or where the daemon writes elsewhere.
    private func checkRoom(
        _ order: Aria2Order,
        _ status: Aria2Status,
        _ use: Aria2Daemon.Use
    ) async throws(StorageError) {
        let folder = folder(in: use)
        let (free, isThere) = try await daemon.files { () throws(FileError) in
            (try diskSpace(folder).free, try fileExists("\(folder)/\(Self.name)"))
        }
        let rest = status.total > status.completed ? status.total - status.completed : 0
        guard free >= settings.minFree.bytes, free - settings.minFree.bytes >= rest else {
            let words = "\(ByteCount(rest)) are still to come, and on the disk there is room for \(ByteCount(free))"
            let help = "make room, or set another connection.download_folder"
            throw StorageError(.quotaExceeded, "\(order.what) failed: \(words); \(help).")
        }
        if status.completed > 0, !isThere { throw writesElsewhere(order, folder) }
    }

    private func writesElsewhere(_ order: Aria2Order, _ folder: String) -> StorageError {
        let words = "the daemon says that it writes into \(folder), and nothing is there; it has to run here, "
        let help = "or connection.download_folder has to name a folder that is the same one for both"
        return StorageError(.badSettings, "\(order.what) failed: \(words)\(help).")
    }

    /// Opens the file, and takes its name and all that is beside it away: whatever happens to this process, nothing is
    /// left then.
    private func finish(
        _ order: Aria2Order,
        _ status: Aria2Status,
        _ use: Aria2Daemon.Use
    ) async throws(StorageError) -> FetchedFile {
        let folder = folder(in: use)
        let (path, threads) = ("\(folder)/\(Self.name)", daemon.threads)
        let found = try await daemon.files { () throws(FileError) -> (file: FetchedFile, isWhole: Bool)? in
            guard try fileExists(path) else { return nil }
            let file = try FetchedFile(try File(path, .readFile), on: threads)
            // What aria2 notes about a download stays as long as something is missing.
            let isWhole = try !fileExists(path + ".aria2")
            try removeTree(folder)
            return (file, isWhole)
        }
        guard let (file, isWhole) = found else { throw writesElsewhere(order, folder) }
        guard isWhole, file.length == status.completed else {
            let said = "the daemon says that \(status.completed) bytes came, and \(file.length) are there"
            throw StorageError(.unavailable, "\(order.what) failed: \(said).", retry: .later)
        }
        return file
    }

    /// Removes what came of it.
    func clear() async {
        guard let folder = daemon.folder.map({ "\($0.path)/\(number)" }) else { return }
        _ = try? await daemon.files { () throws(FileError) in
            if try fileExists(folder) { try removeTree(folder) }
        }
    }
}

/// Watches how a download goes on: it must be as long as it should be, and not stand still.
struct Aria2Watch {
    let order: Aria2Order
    /// The most bytes that are taken, and the most where nobody says how many come.
    let longest: UInt64
    var room = UInt64.max
    /// How long nothing may come.
    let silence: Duration
    var since: Duration
    var seen: UInt64 = 0

    /// What is wrong with a download; nil where it goes on, or is over.
    mutating func problem(with status: Aria2Status, at now: Duration) -> StorageError? {
        let isOver = status.state == .complete
        let found = isOver ? status.completed : status.total
        let most = max(status.total, status.completed)
        if let length = order.length, most > length || found != length && (isOver || found > 0) {
            return StorageError(.corrupt, "\(order.what) failed: it gives \(most) bytes, and \(length) were stored.")
        }
        let limit = order.length == nil && status.total == 0 ? min(longest, room) : longest
        guard most <= limit else {
            let help =
                "connection.max_size, the lengths of other copies and, where nobody says how long it is, half of "
            let words = "it has \(most) bytes or more, and \(limit) are the most: \(help)the free room bound that"
            return StorageError(.tooLarge, "\(order.what) failed: \(words).")
        }
        let count = status.completed.addingReportingOverflow(status.verified).partialValue
        if count != seen { (seen, since) = (count, now) }
        guard !isOver, now - since > silence else { return nil }
        let reasons: [Aria2Status.State: String] = [
            .waiting: "the daemon has other things to do first", .paused: "somebody made it pause",
        ]
        let reason = reasons[status.state] ?? "nothing more comes"
        return StorageError(.unavailable, "\(order.what) failed: \(reason).", retry: .later)
    }
}
