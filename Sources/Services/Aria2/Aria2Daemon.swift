internal import HTTPClient
internal import POSIX
internal import Schema
internal import Storage

/// The daemon that fetches, and the folder in which it does so for this process.
///
/// One that is started here ends with its use, and with this process, however that ends.
final class Aria2Daemon: Sendable {
    /// A daemon as one uses it.
    struct Use: Sendable {
        let connection: Aria2Connection
        let folder: ClaimedFolder
        /// The daemon that was started; nil for one that ran already.
        let server: OwnServer?
    }

    private struct State {
        var use: Use?
        var folder: ClaimedFolder?
    }

    let policy: CallPolicy
    private let target: Aria2Target
    private let settings: Aria2Settings
    private let operational: OperationalSettings
    private let options: HTTPOptions
    /// The folder in which each process has one.
    private let parent: String
    private let state = Locked(State())
    /// One task starts it, the others wait for that.
    private let starting = Permits(1)

    /// A daemon of these settings, which is not asked or started before it is used.
    init(
        _ target: Aria2Target,
        _ settings: Aria2Settings,
        in parent: String,
        _ context: ServiceContext
    ) async throws(StorageError) {
        (self.target, self.settings, self.parent) = (target, settings, parent)
        (policy, operational) = (context.policy, context.operational)
        let given = try await settings.http.options(context.operational)
        switch target {
        case .running: options = given
        case .own:
            // The rest is about the servers that it fetches from.
            var own = HTTPOptions()
            (own.connectTimeout, own.stallTimeout) = (given.connectTimeout, given.stallTimeout)
            options = own
        }
    }

    /// How long a daemon may say nothing.
    var patience: Duration { options.stallTimeout }

    /// The folder of this process; nil where nothing was fetched yet.
    var folder: ClaimedFolder? { state.read { $0.folder } }

    /// The daemon, which is started where it has to be.
    func use() async throws(StorageError) -> Use {
        if let use = current { return use }
        let permit = try await starting.take()
        defer { permit.give() }
        if let use = current { return use }
        await endServer()
        let use = try await connect(try await claimFolder())
        state.change { $0.use = use }
        return use
    }

    private var current: Use? { state.read { $0.use.flatMap { $0.server?.hasEnded == true ? nil : $0 } } }

    /// Asks a daemon, and ends one that does not answer, where it was started here: the next use is of another one.
    func asking<Value>(_ use: Use, _ work: () async throws(StorageError) -> Value) async throws(StorageError) -> Value {
        do throws(StorageError) {
            return try await work()
        } catch {
            // Who was stopped has seen nothing of it.
            if error.code != .cancelled { use.server?.endNow() }
            throw error
        }
    }

    /// Ends the daemon, where it was started here, and removes the folder of this process.
    func close() async {
        await endServer()
        await state.change { $0.folder.take() }?.remove()
    }

    private func endServer() async {
        guard let server = state.change({ $0.use.take() })?.server else { return }
        server.endNow()
        await server.awaitEnd(policy.timing)
    }

    private func connect(_ folder: ClaimedFolder) async throws(StorageError) -> Use {
        if case .running(let address, let secret) = target {
            return Use(connection: Aria2Connection(address, secret: secret, options), folder: folder, server: nil)
        }
        let secret = (0..<4).map { _ in sixteenDigits() }.joined()
        Redactor.shared.learn(secret)
        let configuration = Aria2Configuration(settings, operational, folder: folder.path)
        let chosen = settings.port == 0 ? nil : UInt16(exactly: settings.port)
        let server: OwnServer
        do throws(StorageError) {
            server = try await OwnServer.start(
                on: chosen,
                refused: "bind",
                within: options.connectTimeout,
                policy.timing
            ) { (port) throws(FileError) in
                // A secret in the command line would be everybody's.
                try replaceFile(configuration.path, with: Array(configuration.text(port, secret: secret).utf8))
                return configuration.words
            }
        } catch {
            let help = error.code == .badSettings ? " Install aria2, or set connection.aria2_command." : ""
            throw error.saying("aria2: \(error.message)\(help)")
        }
        // It has read it.
        _ = try? await files { () throws(FileError) in try removeFile(configuration.path) }
        guard let address = HTTPAddress("http://127.0.0.1:\(server.port)/jsonrpc") else { throw .cancelled }
        return Use(connection: Aria2Connection(address, secret: secret, options), folder: folder, server: server)
    }

    // MARK: Files

    /// The folder of this process, where it has none yet; what others left is ended before it is removed.
    private func claimFolder() async throws(StorageError) -> ClaimedFolder {
        if let folder { return folder }
        do throws(FileError) {
            // In the home it is made; another folder has to be there, for it may be on a disk that is not mounted.
            if settings.folder.isEmpty {
                try await BlockingThreads.shared.run { [parent] () throws(FileError) in try makeDirectory(parent) }
            }
            let folder = try await ClaimedFolder.claim(in: parent) { await end($0) }
            state.change { $0.folder = folder }
            return folder
        } catch {
            throw translate(error)
        }
    }

    /// Ends what still works in a folder that a process left.
    private func end(_ folder: String) async {
        let word = Aria2Configuration(settings, operational, folder: folder).word
        for process in processes(where: { $0.contains(word) }) { killProcess(process) }
        guard case .running(let address, let secret) = target else { return }
        let connection = Aria2Connection(address, secret: secret, options)
        for name in (try? await files({ () throws(FileError) in try listDirectory(folder) })) ?? []
        where name.count == 16 {
            await Aria2Download.forget(String(decoding: name, as: UTF8.self), connection, policy.timing)
        }
    }

    /// The threads for files where CARs lie while they are fetched.
    var threads: BlockingThreads { BlockingThreads.of(parent) }

    /// Does something with files where CARs lie while they are fetched.
    func files<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(FileError) {
            return try await threads.run(work)
        } catch {
            throw translate(error)
        }
    }

    private func translate(_ error: FileError) -> StorageError {
        let code: StorageError.Code =
            switch error.code {
            case .interrupted: .cancelled
            case .full: .quotaExceeded
            case .permissionDenied, .readOnly: .permissionDenied
            case .notFound, .notADirectory, .unavailable, .wouldBlock: .unavailable
            default: .unexpected
            }
        let help = "Is connection.download_folder mounted, and has it room? Else set another."
        return StorageError(code, "\(error) \(help)", cause: error)
    }
}

/// What a daemon reads that is started: it fetches over HTTP and nothing else, and does nothing by itself.
struct Aria2Configuration: Sendable {
    private let settings: Aria2Settings
    private let operational: OperationalSettings
    private let folder: String

    init(_ settings: Aria2Settings, _ operational: OperationalSettings, folder: String) {
        (self.settings, self.operational, self.folder) = (settings, operational, folder)
    }

    var path: String { folder + "/.aria2.conf" }

    /// The word in its command line that is another's for no other.
    var word: String { "--conf-path=\(path)" }

    /// The program and its words; a secret is none of them.
    var words: [String] { (settings.program.isEmpty ? ["aria2c"] : settings.program) + [word] }

    /// The text of the file.
    func text(_ port: UInt16, secret: String) -> String {
        let http = settings.http
        let least = [HTTPSettings.TLSVersion.v12: "TLSv1.2", .v13: "TLSv1.3"][http.minimumTLS]
        // Hosts that are reached without a proxy would be reached by other schemes, too.
        let proxies = [http.proxy] + ["http_proxy", "https_proxy", "all_proxy"].map { environment($0) ?? "" }
        let direct = proxies.allSatisfy(\.isEmpty) ? "nobody.invalid" : ""
        let lines: [(name: String, value: String)] = [
            ("enable-rpc", "true"), ("rpc-listen-all", "false"), ("rpc-listen-port", "\(port)"),
            ("rpc-secret", secret), ("stop-with-process", "\(processIdentifier)"), ("dir", folder),
            // What else it could do.
            ("enable-dht", "false"), ("enable-dht6", "false"), ("bt-enable-lpd", "false"),
            ("follow-torrent", "false"), ("follow-metalink", "false"), ("no-netrc", "true"),
            // What it would say, of URLs too.
            ("console-log-level", "error"), ("show-console-readout", "false"), ("summary-interval", "0"),
            ("download-result", "hide"), ("enable-color", "false"),
            ("max-concurrent-downloads", "\(max(1, operational.maxConnections))"), ("auto-save-interval", "10"),
            ("max-overall-download-limit", "\(operational.bandwidthLimit.bytes)"), ("user-agent", "ipfs-kit"),
            ("check-certificate", "\(http.verifyTLS)"), ("ca-certificate", http.caFile),
            ("certificate", http.clientCertificate), ("private-key", http.clientKey), ("all-proxy", http.proxy),
            ("min-tls-version", least ?? ""), ("no-proxy", direct),
        ]
        return lines.filter { !$0.value.isEmpty }.map { "\($0.name)=\($0.value)\n" }.joined()
    }
}
