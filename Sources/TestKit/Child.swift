internal import CSpawn
internal import Foundation
internal import Glibc
internal import Synchronization

/// A program that was started, until its end was seen.
///
/// Foundation's `Process` copies 256 bytes from each name of /proc/self/fd, and so reads past the end of the list of a
/// process that has some 1,350 descriptors open; tests that run side by side have as many.
package final class Child: Sendable {
    /// What a program is started with; its inputs and outputs are files, so no pipe can fill up and stop both sides.
    package struct Start {
        var program: String
        var arguments: [String]
        /// What is set beside the environment of the tests.
        var environment: [String: String] = [:]
        var folder: String?
        var input = "/dev/null"
        var output = "/dev/null"
        /// Where the errors go, if not to the output.
        var errors: String?

        package init(_ program: String, _ arguments: [String]) {
            self.program = program
            self.arguments = arguments
        }
    }

    private enum State {
        case running([CheckedContinuation<Void, Never>])
        case ended(Int)
    }

    /// Its process number, which may be another's once it has ended.
    package let identifier: Int32
    private let state = Mutex(State.running([]))

    /// Starts the program with no signal blocked and no descriptor but its three.
    ///
    /// - Throws: `POSIXError` where it can't be started.
    package init(_ start: Start) throws {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let written = O_WRONLY | O_CREAT | O_APPEND
        unsafe posix_spawn_file_actions_addopen(&actions, 0, start.input, O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, start.output, written, 0o600)
        if let errors = start.errors {
            unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, written, 0o600)
        } else {
            unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        if let folder = start.folder { unsafe posix_spawn_file_actions_addchdir_np(&actions, folder) }

        // The threads of a pool have signals blocked, and a program that inherits that does not hear SIGTERM.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))

        let environment = ProcessInfo.processInfo.environment.merging(start.environment) { $1 }
        var words = unsafe ([start.program] + start.arguments).map { unsafe strdup($0) } + [nil]
        var variables = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe (words + variables).forEach { unsafe free($0) } }
        var identifier: pid_t = 0
        let result = unsafe posix_spawn(&identifier, start.program, &actions, &attributes, &words, &variables)
        guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: result) ?? .EIO) }
        self.identifier = identifier
        Thread.detachNewThread { [self] in waitForEnd() }
    }

    /// Whether its end was not seen yet.
    package var isRunning: Bool {
        state.withLock { if case .running = $0 { true } else { false } }
    }

    /// Sends it a signal while it runs.
    package func signal(_ number: Int32) {
        state.withLock { if case .running = $0 { kill(identifier, number) } }
    }

    /// Waits for its end, and returns its exit code; 128 and the signal's number where a signal ended it.
    package func end() async -> Int {
        await withCheckedContinuation { waiter in
            let hasEnded = state.withLock { state in
                guard case .running(let waiters) = state else { return true }
                state = .running(waiters + [waiter])
                return false
            }
            if hasEnded { waiter.resume() }
        }
        return state.withLock { if case .ended(let code) = $0 { code } else { -1 } }
    }

    private func waitForEnd() {
        // It is taken out of the system's list only under the lock, so no signal reaches another process of its number.
        var information = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .running(let waiters) = state else { return [] }
            var status: Int32 = 0
            var waited: pid_t
            repeat { waited = unsafe waitpid(identifier, &status, 0) } while waited < 0 && errno == EINTR
            let number = status & 0x7F
            // An end that nobody saw is no success.
            state = .ended(waited < 0 ? -1 : number == 0 ? Int(status >> 8 & 0xFF) : 128 + Int(number))
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
