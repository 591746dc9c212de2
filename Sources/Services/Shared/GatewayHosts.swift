internal import Storage

/// What one of several hosts gave, and which one.
struct GatewayFind<Value: Sendable>: Sendable {
    let index: Int
    let value: Value
}

/// The hosts of a backend: asked in their order, the next one where one fails or takes longer than it usually does.
struct GatewayHosts: Sendable {
    /// What one host said in place of giving something.
    private struct Problem: Sendable {
        let index: Int
        let error: StorageError
    }

    private enum Event<Value: Sendable>: Sendable {
        case answered(Int, Result<Value, StorageError>)
        case isLate(Int)
    }

    let connections: [GatewayConnection]
    let isComplete: Bool
    let policy: CallPolicy
    private let health: [GatewayHealth]

    init(_ connections: [GatewayConnection], isComplete: Bool, _ policy: CallPolicy) {
        (self.connections, self.isComplete, self.policy) = (connections, isComplete, policy)
        health = connections.map { _ in GatewayHealth(policy.timing) }
    }

    /// Whether some host said that it gives no CARs, so that blocks are all there is.
    var mayLackCARs: Bool { health.contains { $0.refusesCARs } }

    /// Remembers what became of something that a host began to give.
    func note(_ error: StorageError, of index: Int) { health[index].note(error, of: .car) }

    /// What the first host gives that gives something.
    ///
    /// Nobody is waited for longer than he took in 95 of 100 cases before the next one is asked beside him; who is not
    /// needed any more is stopped. Throws `notFound` only where these hosts are said to have all there is, each of
    /// them says that it has not got it, and each is known to be a gateway.
    func first<Value: Sendable>(
        _ what: String,
        for purpose: GatewayPurpose,
        _ ask: @escaping @Sendable (GatewayConnection) async throws(StorageError) -> Value
    ) async throws(StorageError) -> GatewayFind<Value> {
        var (rest, problems) = order(for: purpose)
        let found: GatewayFind<Value>? = await withTaskGroup(of: Event<Value>.self) { group in
            var open: Set<Int> = []
            func start() {
                guard let index = rest.popFirst() else { return }
                open.insert(index)
                group.addTask { await attempt(index, for: purpose, ask) }
                guard !rest.isEmpty else { return }
                let time = health[index].usualTime(for: purpose)
                group.addTask {
                    try? await policy.timing.sleep(time)
                    return .isLate(index)
                }
            }
            start()
            while !open.isEmpty, let event = await group.next() {
                switch event {
                case .answered(let index, .success(let value)):
                    group.cancelAll()
                    return GatewayFind(index: index, value: value)
                case .answered(let index, .failure(let error)):
                    open.remove(index)
                    problems.append(Problem(index: index, error: error))
                    if open.isEmpty, !Task.isCancelled { start() }
                case .isLate(let index):
                    if open.contains(index), !Task.isCancelled { start() }
                }
            }
            group.cancelAll()
            return nil
        }
        if let found { return found }
        try StorageError.checkCancellation()
        throw await joined(problems, what)
    }

    private func attempt<Value: Sendable>(
        _ index: Int,
        for purpose: GatewayPurpose,
        _ ask: @Sendable (GatewayConnection) async throws(StorageError) -> Value
    ) async -> Event<Value> {
        let start = policy.timing.uptime()
        do throws(StorageError) {
            let value = try await ask(connections[index])
            health[index].note(answerTo: purpose, after: policy.timing.uptime() - start)
            return .answered(index, .success(value))
        } catch {
            health[index].note(error, of: purpose)
            return .answered(index, .failure(error))
        }
    }

    /// Who is asked, in order: who failed lately comes last, and who wants to be left alone is, and why.
    private func order(for purpose: GatewayPurpose) -> (asked: ArraySlice<Int>, resting: [Problem]) {
        var (ready, failed): ([Int], [(index: Int, end: Duration)]) = ([], [])
        var resting: [Problem] = []
        for index in connections.indices {
            switch purpose {
            case .car where health[index].refusesCARs, .block where !connections[index].host.givesBlocks: continue
            default: break
            }
            switch health[index].standing {
            case .ready: ready.append(index)
            case .failed(let end): failed.append((index, end))
            case .resting(let end, let error):
                let rest = end - policy.timing.uptime()
                resting.append(Problem(index: index, error: error.retried(.after(rest))))
            }
        }
        return ((ready + failed.sorted { $0.end < $1.end }.map(\.index))[...], resting)
    }

    // MARK: Where nobody has it

    /// One error of what all said.
    private func joined(_ problems: [Problem], _ what: String) async -> StorageError {
        var errors = problems.sorted { $0.index < $1.index }.map(\.error)
        guard !errors.isEmpty else {
            return StorageError(.unsupported, "\(what) failed: none of the hosts gives that.")
        }
        if errors.allSatisfy({ $0.code == .notFound }) {
            guard isComplete else { return unfound(errors, what) }
            var doubts: [StorageError] = []
            for problem in problems { if let doubt = await doubt(about: problem.index) { doubts.append(doubt) } }
            guard !doubts.isEmpty else { return errors.count == 1 ? errors[0] : Self.told(.notFound, errors) }
            errors = doubts
        }
        if errors.count == 1 { return errors[0] }
        // All of them have to rest, or one may be asked later: the others may have it.
        let isResting = errors.allSatisfy { $0.code == .rateLimited }
        guard !isResting else {
            let waits = errors.compactMap { error in if case .after(let wait) = error.retry { wait } else { nil } }
            return Self.told(.rateLimited, errors, waits.min().map { .after($0) } ?? .later)
        }
        let order: [StorageError.Code] = [
            .unavailable, .rateLimited, .badCredentials, .corrupt, .permissionDenied, .unexpected, .unsupported,
        ]
        let code = order.first { code in errors.contains { $0.code == code } } ?? errors[0].code
        let mayRetry = errors.contains { $0.retry != .never }
        return Self.told(code == .rateLimited ? .unavailable : code, errors, mayRetry ? .later : .never)
    }

    /// Nobody who was asked has it, and somebody else may.
    private func unfound(_ errors: [StorageError], _ what: String) -> StorageError {
        let error = Self.told(.unavailable, errors)
        let message = "\(error.message) Others may have it, so that says nothing of whether it is anywhere."
        return error.saying(message).ofObject
    }

    private static func told(
        _ code: StorageError.Code,
        _ errors: [StorageError],
        _ retry: StorageError.Retry = .never
    ) -> StorageError {
        let error = StorageError(code, errors.prefix(4).map(\.message).joined(separator: " "), retry: retry)
        return errors.contains(where: \.isBrokenPromise) ? error.ofBrokenPromise : error
    }

    /// Why it counts for nothing that a host says it has not got something: it may be no gateway at all.
    private func doubt(about index: Int) async -> StorageError? {
        guard !health[index].isProven else { return nil }
        do throws(StorageError) {
            _ = try await connections[index].probe()
            health[index].noteProof()
            return nil
        } catch {
            return error.code == .notFound ? connections[index].errors.noGateway(error) : error
        }
    }
}
