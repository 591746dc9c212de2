internal import POSIX
internal import Synchronization

/// A client of programs that speak git-annex's protocol of external special remotes: one process where the program does
/// several things at once, and else as many as there are things to do.
///
/// A process that has ended, or was given up, is started anew by the next request. Nothing is asked twice.
package final class AnnexClient: Sendable {
    private struct State {
        /// The process that everybody shares.
        var shared: AnnexProcess?
        /// Those of which each does one thing at a time, and that have nothing to do.
        var idle: [AnnexProcess] = []
        var live: [AnnexProcess] = []
        /// One that said what it can do, and that nobody has used yet.
        var greeted: AnnexProcess?
        var features: AnnexFeatures?
        /// For whom a process is started now that others may share.
        var opening: AnnexAnswer<Void>?
    }

    /// How one comes to a process.
    private enum Way {
        case take(AnnexProcess)
        case wait(AnnexAnswer<Void>)
        /// Nobody else starts one meanwhile, where there is an answer to give to those who wait.
        case open(AnnexAnswer<Void>?)
    }

    private let program: AnnexProgram
    private let host: any AnnexHost
    private let extensions: [String]
    private let most: Int
    private let timeout: Duration
    private let now: @Sendable () -> Duration
    private let state = Mutex(State())

    /// A client that starts nothing before the first call.
    ///
    /// `extensions` are offered besides those of the protocol, `processes` is how many are kept that have nothing to
    /// do, `timeout` how long a program may do nothing while it owes an answer, and `now` a clock that nobody sets.
    package init(
        _ program: AnnexProgram,
        _ host: any AnnexHost,
        offering extensions: [String] = [],
        processes: Int,
        timeout: Duration,
        now: @escaping @Sendable () -> Duration
    ) {
        (self.program, self.host, self.extensions) = (program, host, extensions)
        (most, self.timeout, self.now) = (max(1, processes), timeout, now)
    }

    /// What the program says that it can do; it is started to say so.
    package func features() async throws(AnnexError) -> AnnexFeatures {
        if let known = state.withLock({ $0.features }) { return known }
        let process = try await start()
        do throws(AnnexError) {
            let features = try await process.features()
            state.withLock { ($0.features, $0.greeted) = (features, process) }
            return features
        } catch {
            drop(process)
            await process.end(atOnce: error.code == .cancelled)
            throw error
        }
    }

    /// Asks the program something, in a process that is prepared for it; `watch` looks how a transfer goes on.
    ///
    /// Of a change whose task is told to stop nothing goes on when this returns.
    package func ask(_ request: AnnexRequest, watch: AnnexWatch? = nil) async throws(AnnexError) -> AnnexReply {
        let process = try await process()
        do throws(AnnexError) {
            let reply = try await process.ask(request, watch)
            giveBack(process)
            return reply
        } catch {
            // A read that others' are beside is left to itself.
            guard !process.isAsync || request.isChange || process.isOver else { throw error }
            drop(process)
            await process.end(atOnce: error.code == .cancelled)
            throw error
        }
    }

    /// Ends all processes, and waits until they have ended; a request that comes later starts one anew.
    package func close() async {
        let live = state.withLock { state in
            defer { (state.live, state.idle, state.shared, state.greeted) = ([], [], nil, nil) }
            return state.live
        }
        await withDiscardingTaskGroup { group in
            for process in live { group.addTask { await process.end(atOnce: false) } }
        }
    }

    // MARK: Processes

    private func process() async throws(AnnexError) -> AnnexProcess {
        while true {
            try AnnexError.checkCancellation()
            switch state.withLock({ way(&$0) }) {
            case .take(let process): return process
            case .open(let answer): return try await open(answer)
            case .wait(let answer):
                do throws(AnnexError) {
                    try await answer.value()
                } catch {
                    // That somebody else was told to stop is nothing to this task.
                    guard error.code == .cancelled, !Task.isCancelled else { throw error }
                }
            }
        }
    }

    private func way(_ state: inout State) -> Way {
        state.idle.removeAll { $0.isOver }
        state.live.removeAll { $0.isOver }
        if let shared = state.shared, !shared.isOver { return .take(shared) }
        if let idle = state.idle.popLast() { return .take(idle) }
        if let opening = state.opening { return .wait(opening) }
        // Of a program that does one thing at a time, several are started at once.
        if let features = state.features, !features.isAsync, host.isInitialised { return .open(nil) }
        let answer = AnnexAnswer<Void>()
        state.opening = answer
        return .open(answer)
    }

    private func open(_ answer: AnnexAnswer<Void>?) async throws(AnnexError) -> AnnexProcess {
        do throws(AnnexError) {
            let process = try await prepared()
            let features = try await process.features()
            state.withLock { state in
                state.features = features
                if features.isAsync { state.shared = process }
                if answer != nil { state.opening = nil }
            }
            answer?.resolve(.success(()))
            return process
        } catch {
            if answer != nil { state.withLock { $0.opening = nil } }
            answer?.resolve(.failure(error))
            throw error
        }
    }

    private func start() async throws(AnnexError) -> AnnexProcess {
        let process = try await BlockingThreads.shared.run { [self] () throws(AnnexError) in
            try AnnexProcess(program, host, offering: extensions, now: now, timeout: timeout)
        }
        state.withLock { $0.live.append(process) }
        return process
    }

    /// A process that is ready to be asked.
    private func prepared() async throws(AnnexError) -> AnnexProcess {
        let greeted = state.withLock { $0.greeted.take() }
        let process: AnnexProcess
        if let greeted, !greeted.isOver { process = greeted } else { process = try await start() }
        do throws(AnnexError) {
            let features = try await process.features()
            if !host.isInitialised {
                try check(await process.ask(.initialise), .notInitialised, "cannot be set up so")
                host.noteInitialised()
            }
            try check(await process.ask(.prepare), .notPrepared, "cannot be used now")
            if features.extensions.contains(AnnexFeatures.unavailability),
                try await process.ask(.availability) == .text("UNAVAILABLE")
            {
                throw AnnexError(.notPrepared, "\(program.name) says that what it keeps cannot be reached now.")
            }
            return process
        } catch {
            drop(process)
            await process.end(atOnce: error.code == .cancelled)
            throw error
        }
    }

    private func check(_ reply: AnnexReply, _ code: AnnexError.Code, _ what: String) throws(AnnexError) {
        switch reply {
        case .success: return
        case .failure(let words): throw AnnexError(code, "\(program.name) says that it \(what).", words: words)
        default: throw AnnexError(.notSpoken, "\(program.name) does not know what every such program has to.")
        }
    }

    private func giveBack(_ process: AnnexProcess) {
        guard !process.isAsync else { return }
        let isKept = state.withLock { state in
            // What was closed meanwhile is not used again.
            guard !process.isOver, state.idle.count < most, state.live.contains(where: { $0 === process }) else {
                return false
            }
            state.idle.append(process)
            return true
        }
        if !isKept { drop(process) }
    }

    private func drop(_ process: AnnexProcess) {
        state.withLock { state in
            state.live.removeAll { $0 === process }
            if state.shared === process { state.shared = nil }
        }
    }
}
