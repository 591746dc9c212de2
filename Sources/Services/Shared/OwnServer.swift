internal import POSIX
internal import Schema
internal import Storage

/// A program that was started here and listens on a port of this machine, as long as somebody uses it.
final class OwnServer: Sendable {
    /// The port of 127.0.0.1.
    let port: UInt16
    private let child: ChildProcess
    private let ending: Locked<ChildEnd?>
    /// The last words on its output.
    private let said: Locked<[UInt8]>

    private init(_ words: [String], _ port: UInt16) throws(FileError) {
        let (ending, said) = (Locked<ChildEnd?>(nil), Locked<[UInt8]>([]))
        (self.port, self.ending, self.said) = (port, ending, said)
        child = try ChildProcess(words, inheriting: InheritedVariables.contains) { event in
            switch event {
            case .ended(let end): ending.change { $0 = end }
            case .output(let bytes): said.change { $0 = ($0 + bytes).suffix(Self.mostWords) }
            case .input, .tick: break
            }
            return true
        }
    }

    /// So many bytes of what it says are kept.
    private static let mostWords = 2048
    /// How often another port is tried.
    private static let tries = 8
    /// How often it is looked whether something has happened.
    private static let pause = Duration.milliseconds(20)

    /// Whether it has ended.
    var hasEnded: Bool { ending.read { $0 != nil } }

    /// Ends it at once.
    func endNow() { child.endNow() }

    /// Waits until it has ended.
    func awaitEnd(_ timing: Timing) async {
        while !hasEnded, (try? await timing.pause(Self.pause)) != nil {}
    }

    /// Starts the program whose words `prepare` gives for a port, and waits until it listens there: on the port that
    /// somebody chose, or on one that is free.
    ///
    /// `refused` is a part of what it says where it does not get the port.
    static func start(
        on chosen: UInt16?,
        refused: String,
        within limit: Duration,
        _ timing: Timing,
        _ prepare: @escaping @Sendable (UInt16) throws(FileError) -> [String]
    ) async throws(StorageError) -> OwnServer {
        var words = "it found no free port"
        for _ in 0..<tries {
            let port = chosen ?? UInt16.random(in: 20_000..<60_000)
            let server = try await start(port, prepare)
            if try await server.listens(within: limit, timing) { return server }
            server.endNow()
            await server.awaitEnd(timing)
            words = server.words
            guard chosen == nil, words.contains(refused) || words.isEmpty else { break }
        }
        let place = chosen.map { " on port \($0)" } ?? ""
        throw StorageError(
            .unavailable,
            "The program was started\(place) and does not answer. It says: “\(words)”",
            retry: .later
        )
    }

    private static func start(
        _ port: UInt16,
        _ prepare: @escaping @Sendable (UInt16) throws(FileError) -> [String]
    ) async throws(StorageError) -> OwnServer {
        do throws(FileError) {
            return try await BlockingThreads.shared.run { () throws(FileError) in
                try OwnServer(try prepare(port), port)
            }
        } catch {
            throw StorageError(
                error.code == .notFound ? .badSettings : .unavailable,
                "The program cannot be started, or is not installed: \(error)",
                retry: error.code == .notFound ? .never : .later,
                cause: error
            )
        }
    }

    /// Waits until the program listens; false where it ended before, or takes too long, or where somebody else listens.
    ///
    /// Whoever listens there is shown what is meant for it, so the system is asked who it is.
    private func listens(within limit: Duration, _ timing: Timing) async throws(StorageError) -> Bool {
        let deadline = timing.uptime() + limit
        while !hasEnded, timing.uptime() < deadline {
            let number = child.identifier
            let listener = await BlockingThreads.shared.run { [port] in localListener(on: port, is: number) }
            if let listener { return listener }
            try await timing.pause(Self.pause)
        }
        return false
    }

    /// What it said last.
    private var words: String {
        let errors = ending.read { $0?.errors } ?? []
        let text = String(decoding: said.read { $0 } + errors, as: UTF8.self)
        return String(Redactor.shared.clean(echo: text).suffix(400))
    }
}
