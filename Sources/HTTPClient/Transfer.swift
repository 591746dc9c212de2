import Synchronization

/// One request on its way: what the caller's task and the curl thread share.
final class Transfer: Sendable {
    /// What a task can wait for.
    enum Event: Sendable {
        /// The reply's headers, or the end.
        case head
        /// A chunk of the reply's body, or the end.
        case chunk
        /// Room for another chunk of the request's body, or the end.
        case room
        /// The end.
        case end
    }

    struct State: Sendable {
        var outgoing: Outgoing
        var incoming: Incoming
        var parser = HeadParser()
        var head: HTTPHead?
        /// A "417 Expectation Failed", after which curl may ask again without the expectation.
        var provisionalHead: HTTPHead?
        /// How it ended; set once.
        var outcome: Result<Void, HTTPError>?
        var waiters: [(event: Event, continuation: CheckedContinuation<Void, Never>)] = []
    }

    let request: HTTPRequest
    let headerLines: [String]
    let options: HTTPOptions
    let location: String
    let started = ContinuousClock.now
    let thread: CurlThread
    private let observer: HTTPObserver
    private let state: Mutex<State>

    /// A transfer that is yet to start; throws when the request cannot be sent as it is.
    init(
        _ request: HTTPRequest,
        _ delivery: Incoming.Delivery,
        options: HTTPOptions,
        observer: @escaping HTTPObserver,
        thread: CurlThread
    ) throws(HTTPError) {
        try request.checkURL()
        headerLines = try request.wireHeaders(options)
        location = request.location
        self.request = request
        self.options = options
        self.observer = observer
        self.thread = thread
        state = Mutex(State(outgoing: Outgoing(request), incoming: Incoming(delivery)))
    }

    /// Counts bytes that went, and that came.
    func count(sent: Int, received: Int) {
        guard sent > 0 || received > 0 else { return }
        thread.tally.sent(sent)
        thread.tally.received(received)
        observer(sent, received)
    }

    /// Changes the state, then wakes whoever waited for that.
    func change<T: Sendable>(_ body: (inout State) -> T) -> T {
        let (value, woken) = state.withLock { state in (body(&state), state.takeReady()) }
        for continuation in woken { continuation.resume() }
        return value
    }

    /// Waits for an event; a cancelled task must end the transfer by `fail`, which wakes every waiter.
    func wait(for event: Event) async {
        await withCheckedContinuation { continuation in
            change { $0.waiters.append((event, continuation)) }
        }
    }

    /// Whether the transfer has ended.
    var isOver: Bool { change { $0.outcome != nil } }

    /// Ends the transfer with an error, unless it has ended; the curl thread then drops its connection.
    func fail(_ error: HTTPError) {
        if end(.failure(error)) { thread.post(.abort(self)) }
    }

    /// Ends the transfer; false when it had ended before.
    @discardableResult
    func end(_ outcome: Result<Void, HTTPError>) -> Bool {
        change { state in
            guard state.outcome == nil else { return false }
            if case .success = outcome { state.head = state.head ?? state.provisionalHead }
            state.outcome = outcome
            return true
        }
    }
}

extension Transfer.State {
    /// Whether an event has come about.
    private func isReady(_ event: Transfer.Event) -> Bool {
        if outcome != nil { return true }
        return switch event {
        case .head: head != nil
        case .chunk: incoming.hasChunk
        case .room: outgoing.isAbandoned || !outgoing.isFull
        case .end: false
        }
    }

    /// Takes out those whose event has come about.
    fileprivate mutating func takeReady() -> [CheckedContinuation<Void, Never>] {
        guard waiters.contains(where: { isReady($0.event) }) else { return [] }
        let asked = waiters
        waiters = asked.filter { !isReady($0.event) }
        return asked.filter { isReady($0.event) }.map(\.continuation)
    }
}
