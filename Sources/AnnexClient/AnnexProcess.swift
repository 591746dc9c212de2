internal import POSIX

/// One running program, and the talk with it.
///
/// The program ends with this value: its input is closed, and where that does not end it, it is sent a signal, and then
/// killed with all that it started.
final class AnnexProcess: Sendable {
    private let exchange: AnnexExchange
    private let child: ChildProcess

    /// Starts the program; whether it speaks the protocol is seen by ``features()``.
    init(
        _ program: AnnexProgram,
        _ host: any AnnexHost,
        offering extensions: [String],
        now: @escaping @Sendable () -> Duration,
        timeout: Duration
    ) throws(AnnexError) {
        let exchange = AnnexExchange(program.name, host, offering: extensions, now: now, timeout: timeout)
        self.exchange = exchange
        do throws(FileError) {
            child = try ChildProcess(
                program.words,
                setting: program.spool?.variables() ?? [:],
                inheriting: program.inherits
            ) { exchange.take($0) }
        } catch {
            let isLasting = [.notFound, .permissionDenied, .notADirectory].contains(error.code)
            throw AnnexError(isLasting ? .noProgram : .cannotStart, "\(error)", cause: error)
        }
        exchange.attach(child)
    }

    /// Whether it has ended, or was given up.
    var isOver: Bool { exchange.failure != nil }
    /// Whether it does several things at once.
    var isAsync: Bool { exchange.isAsync }

    func features() async throws(AnnexError) -> AnnexFeatures { try await exchange.features.value() }

    /// Asks the program something, and waits for the answer.
    ///
    /// What it says that ends after a refusal belongs to that: many say why there only.
    func ask(_ request: AnnexRequest, _ watch: AnnexWatch? = nil) async throws(AnnexError) -> AnnexReply {
        let reply = try await exchange.begin(request, watch).answer.value()
        switch reply {
        case .failure(let words): return .failure(await explained(words))
        case .unknown(let words): return .unknown(await explained(words))
        default: return reply
        }
    }

    private func explained(_ words: String) async -> String {
        guard !isAsync, let end = await exchange.settle(), !end.words.isEmpty else { return words }
        return words.isEmpty ? end.words : words + " " + end.words
    }

    /// Ends the program, and waits until it has, also where the task was told to stop.
    func end(atOnce: Bool) async {
        child.end(atOnce: atOnce)
        _ = try? await exchange.ended.value(evenIfStopped: true)
    }
}
