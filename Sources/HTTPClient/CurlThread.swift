internal import CCurl
import Glibc
import Synchronization

/// The one thread that talks to curl, and the inbox through which tasks talk to it.
///
/// It starts with the first request and ends by itself after `stop`; nobody joins it.
final class CurlThread: Sendable {
    /// What the thread is asked to do.
    enum Command: Sendable {
        /// Start a transfer, when there is a free connection.
        case start(Transfer)
        /// Look again whether a paused transfer can go on.
        case resume(Transfer)
        /// Drop a transfer that has ended on the caller's side.
        case abort(Transfer)
    }

    /// A curl multi handle, which only the thread uses, except to wake it.
    ///
    /// curl allows that from any thread while the handle is there, and the inbox sees to it that it is: so it is
    /// `Sendable`, unchecked since it is a pointer.
    @safe
    private struct Multi: @unchecked Sendable {
        let handle: UnsafeMutableRawPointer
    }

    private enum Phase {
        case idle, running(Multi), stopping(Multi), stopped
    }

    private struct Inbox {
        var phase = Phase.idle
        var commands: [Command] = []
    }

    private static let isCurlReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    let tally: Tally
    private let options: HTTPOptions
    private let inbox = Mutex(Inbox())

    init(_ options: HTTPOptions, _ tally: Tally) {
        self.options = options
        self.tally = tally
    }

    /// Starts a transfer; throws when there can be no thread.
    func start(_ transfer: Transfer) throws(HTTPError) {
        let isRunning = inbox.withLock { inbox in
            if case .idle = inbox.phase, let multi = launch() { inbox.phase = .running(multi) }
            guard case .running = inbox.phase else { return false }
            return true
        }
        guard isRunning else {
            throw HTTPError(
                code: .unexpected,
                message: "The thread for network transfers could not be started; perhaps too few files may be open: "
                    + "ulimit -n."
            )
        }
        post(.start(transfer))
    }

    /// Leaves a command for the thread; does nothing when there is none.
    func post(_ command: Command) {
        inbox.withLock { inbox in
            guard case .running(let multi) = inbox.phase else { return }
            inbox.commands.append(command)
            if inbox.commands.count == 1 { unsafe _ = curl_multi_wakeup(multi.handle) }
        }
    }

    /// Makes the thread end all transfers and itself.
    func stop() {
        inbox.withLock { inbox in
            switch inbox.phase {
            case .idle: inbox.phase = .stopped
            case .running(let multi):
                inbox.phase = .stopping(multi)
                unsafe _ = curl_multi_wakeup(multi.handle)
            case .stopping, .stopped: break
            }
        }
    }

    private func launch() -> Multi? {
        guard Self.isCurlReady, let handle = unsafe curl_multi_init() else { return nil }
        // Without files for it nobody can wake the thread, and it would sleep for a minute before each step.
        guard unsafe curl_multi_wakeup(handle) == CURLM_OK else {
            unsafe _ = curl_multi_cleanup(handle)
            return nil
        }
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self)
        let status = unsafe pthread_create(
            &thread,
            nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<CurlThread>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            context.toOpaque()
        )
        guard status == 0 else {
            unsafe context.release()
            unsafe _ = curl_multi_cleanup(handle)
            return nil
        }
        pthread_detach(thread)
        return unsafe Multi(handle: handle)
    }

    /// What the thread does from its beginning to its end.
    private func run() {
        // Signals are for the program's own threads; those that curl makes inherit this.
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        guard case .running(let multi) = inbox.withLock({ $0.phase }) else { return }
        let loop = unsafe CurlLoop(multi: multi.handle, options: options, tally: tally)
        while let commands = takeCommands() { loop.turn(commands) }
        loop.close()
        inbox.withLock { $0.phase = .stopped }
        unsafe _ = curl_multi_cleanup(multi.handle)
    }

    private func takeCommands() -> [Command]? {
        inbox.withLock { inbox in
            guard case .running = inbox.phase else { return nil }
            defer { inbox.commands.removeAll(keepingCapacity: true) }
            return inbox.commands
        }
    }
}
