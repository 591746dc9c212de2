internal import POSIX
internal import Synchronization

/// One program that carries a session: requests go out with numbers, and replies find those who wait for them.
///
/// The program ends with this value.
final class SFTPConnection: Sendable {
    private struct Learned {
        var features: SFTPFeatures?
        var limits: SFTPPending<[UInt8]>?
    }

    private let exchange: SFTPExchange
    private let child: ChildProcess
    private let observer: @Sendable () -> SFTPObserver
    private let learned = Mutex(Learned())

    /// Starts the program and greets the server; whether that answers is seen by the first request.
    init(
        _ command: SSHCommand,
        now: @escaping @Sendable () -> Duration,
        timeout: Duration,
        observer: @escaping @Sendable () -> SFTPObserver
    ) throws(SFTPError) {
        let exchange = SFTPExchange(command.target, now: now, timeout: timeout, observer: observer())
        self.exchange = exchange
        self.observer = observer
        do throws(FileError) {
            child = try ChildProcess(command.words, setting: command.variables) { event in
                switch event {
                case .input: break
                case .output(let bytes): return exchange.receive(bytes)
                case .tick: return exchange.tick()
                case .ended(let end): exchange.end(end)
                }
                return true
            }
        } catch {
            throw SFTPError(error)
        }
        let hello = SFTPRequest.hello.packet(nil)
        exchange.greeting.observer(hello.reduce(0) { $0 + $1.count }, 0)
        child.send(hello)
    }

    /// Whether it has ended, and why.
    var failure: SFTPError? { exchange.failure }

    /// Whether the server has said what it can do.
    var hasGreeted: Bool { learned.withLock { $0.features != nil } }

    func send<Value>(_ request: SFTPRequest<Value>, within limit: Duration?, isSlow: Bool) -> SFTPPending<Value> {
        for handle in exchange.takeLeft() { _ = register(.close(handle), nil, false) }
        return SFTPPending(answer: register(request, limit, isSlow), read: request.read)
    }

    private func register<Value>(_ request: SFTPRequest<Value>, _ limit: Duration?, _ isSlow: Bool) -> SFTPAnswer {
        let observer = observer()
        return exchange.register(limit: limit, isSlow: isSlow, observer) { id in
            let packet = request.packet(id)
            observer(packet.reduce(0) { $0 + $1.count }, 0)
            child.send(packet)
        }
    }

    /// What the server said that it can do, once it has greeted.
    func features() async throws(SFTPError) -> SFTPFeatures {
        if let known = learned.withLock({ $0.features }) { return known }
        guard case .version(let version, let extensions) = try await exchange.greeting.reply() else {
            throw exchange.strange("The server's greeting is none.")
        }
        guard version >= 3 else {
            throw SFTPError(.unsupported, "\(exchange.target) speaks version \(version) of SFTP; 3 is needed.")
        }
        var features = SFTPFeatures(extensions: extensions)
        if features.tellsLimits, let limits = try await limits() { features.take(limits: limits) }
        let found = features
        learned.withLock { $0.features = found }
        return found
    }

    /// The server's limits, asked for once; nil where it does not tell them after all.
    private func limits() async throws(SFTPError) -> [UInt8]? {
        let asked = learned.withLock { learned in
            let asked = learned.limits ?? send(.limits, within: nil, isSlow: false)
            learned.limits = asked
            return asked
        }
        do throws(SFTPError) {
            return try await asked.value()
        } catch  where error.isRefusal {
            return nil
        }
    }
}
