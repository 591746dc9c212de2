internal import POSIX
internal import Synchronization

/// Who is told how many bytes of requests were sent, and of replies came, on any thread.
package typealias SFTPObserver = @Sendable (_ sent: Int, _ received: Int) -> Void

/// Finds the one who waits for each reply, and ends the session when the server falls silent or says what is no SFTP.
final class SFTPExchange: Sendable {
    private struct State {
        /// What came of a packet that is not whole yet.
        var frame: [UInt8] = []
        /// The length of that packet; nil where not even that came.
        var length: Int?
        var waiting: [UInt32: SFTPAnswer] = [:]
        var next: UInt32 = 0
        var hasGreeted = false
        /// When something came last, or was first asked for since nothing was owed.
        var progress: Duration
        /// How many bytes came since.
        var fresh = 0
        /// Handles that the server opened for those who had gone.
        var left: [[UInt8]] = []
        var failure: SFTPError?
    }

    /// The server, in words.
    let target: String
    /// The server's greeting.
    let greeting: SFTPAnswer
    private let now: @Sendable () -> Duration
    private let timeout: Duration
    private let state: Mutex<State>

    /// How many times longer than usual a server may be silent while it does what is slow; ssh itself looks whether
    /// the line is alive.
    private static let patience = 20
    /// Fewer bytes than this are no progress, unless they end a reply.
    private static let minProgress = 1024
    /// No reply that was asked for is longer.
    private static let longest = 512 << 10

    init(
        _ target: String,
        now: @escaping @Sendable () -> Duration,
        timeout: Duration,
        observer: @escaping SFTPObserver
    ) {
        (self.target, self.now, self.timeout) = (target, now, timeout)
        greeting = SFTPAnswer(observer: observer)
        state = Mutex(State(progress: now()))
    }

    var failure: SFTPError? { state.withLock { $0.failure } }

    /// Gives a request its number, with which `send` is called in the order of the numbers.
    ///
    /// `observer` is told how long the reply is.
    func register(
        limit: Duration?,
        isSlow: Bool,
        _ observer: @escaping SFTPObserver,
        _ send: (UInt32) -> Void
    ) -> SFTPAnswer {
        let moment = now()
        let answer = SFTPAnswer(until: limit.map { moment + $0 }, isSlow: isSlow, observer: observer)
        let failure = state.withLock { state -> SFTPError? in
            if let failure = state.failure { return failure }
            if state.waiting.isEmpty { state.progress = max(state.progress, moment) }
            while state.waiting[state.next] != nil { state.next &+= 1 }
            state.waiting[state.next] = answer
            send(state.next)
            state.next &+= 1
            return nil
        }
        if let failure { answer.resolve(.failure(failure)) }
        return answer
    }

    /// What is open in the server and belongs to nobody.
    func takeLeft() -> [[UInt8]] {
        state.withLock { state in
            defer { state.left = [] }
            return state.left
        }
    }

    /// Takes what the program of the session wrote; false where it is not needed any more.
    func receive(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        let moment = now()
        state.withLock { $0.fresh += bytes.count }
        while !rest.isEmpty {
            let (packet, problem) = state.withLock { state -> ([UInt8]?, SFTPError?) in
                let (packet, problem) = collect(&rest, &state)
                if packet != nil || state.fresh >= Self.minProgress { (state.progress, state.fresh) = (moment, 0) }
                return (packet, problem)
            }
            if let problem = problem ?? packet.flatMap(deliver) {
                fail(problem)
                break
            }
        }
        return failure == nil
    }

    /// Looks how long nothing came; false where the session is given up.
    func tick() -> Bool {
        let moment = now()
        let (late, isSilent) = state.withLock { state in
            let isOwed = !state.hasGreeted || !state.waiting.isEmpty
            let late = state.waiting.values.filter { $0.limit.map { $0 <= moment } ?? false }
            let patience = state.waiting.values.contains { $0.isSlow } ? timeout * Self.patience : timeout
            return (late, isOwed && moment - state.progress > patience)
        }
        let error = SFTPError(.timedOut, "\(target) answered nothing for \(timeout.components.seconds) s.")
        for answer in late { answer.resolve(.failure(error)) }
        if isSilent { fail(error) }
        return failure == nil
    }

    /// The program of the session ended.
    func end(_ end: ChildEnd) { fail(SFTPError(end, target, hasGreeted: state.withLock { $0.hasGreeted })) }

    /// The error for what no server of the protocol says.
    func strange(_ what: String, words: String = "") -> SFTPError {
        SFTPError(.protocolViolation, "\(target) does not speak SFTP as it should. \(what)", words: words)
    }

    private func fail(_ error: SFTPError) {
        let waiting = state.withLock { state -> [SFTPAnswer] in
            state.failure = state.failure ?? error
            defer { (state.waiting, state.frame) = ([:], []) }
            return Array(state.waiting.values)
        }
        for answer in [greeting] + waiting { answer.resolve(.failure(error)) }
    }

    /// Takes bytes up to the end of a packet; gives the packet when it is whole.
    private func collect(_ rest: inout ArraySlice<UInt8>, _ state: inout State) -> ([UInt8]?, SFTPError?) {
        let wanted = (state.length ?? 4) - state.frame.count
        state.frame += rest.prefix(wanted)
        rest = rest.dropFirst(wanted)
        guard state.frame.count == state.length ?? 4 else { return (nil, nil) }
        let frame = state.frame
        state.frame = []
        guard state.length == nil else {
            state.length = nil
            return (frame, nil)
        }
        var reader = WireReader(frame[...])
        let length = Int(reader.number())
        guard (1...Self.longest).contains(length) else {
            return (nil, strange(length, frame + rest.prefix(4096)))
        }
        state.length = length
        state.frame.reserveCapacity(length)
        return (nil, nil)
    }

    /// The error for a length that is none: mostly it is text that a start-up file of the account prints.
    private func strange(_ length: Int, _ bytes: [UInt8]) -> SFTPError {
        guard bytes.prefix(4).allSatisfy({ (0x09...0x7E).contains($0) }) else {
            return strange("It announced a reply of \(length) bytes.")
        }
        let words = String(decoding: bytes, as: UTF8.self)
        return strange("Does a start-up file of the account print what it says?", words: words)
    }

    private func deliver(_ packet: [UInt8]) -> SFTPError? {
        guard let type = packet.first else { return strange("It sent an empty reply.") }
        if type == SFTPReply.greeting {
            guard let hello = SFTPReply(type: type, packet[1...]) else { return strange("Its greeting is cut off.") }
            let isFirst = state.withLock { state in
                defer { state.hasGreeted = true }
                return !state.hasGreeted
            }
            guard isFirst else { return strange("It greeted twice.") }
            greeting.observer(0, packet.count + 4)
            greeting.resolve(.success(hello))
            return nil
        }
        var reader = WireReader(packet[1...])
        let id = reader.number()
        guard !reader.isCut, let reply = SFTPReply(type: type, packet[5...]) else {
            return strange("It sent a reply of type \(type) that is cut off, or none.")
        }
        guard let answer = state.withLock({ $0.waiting.removeValue(forKey: id) }) else {
            return strange("It answered what nobody asked.")
        }
        answer.observer(0, packet.count + 4)
        if answer.resolve(.success(reply)), case .handle(let handle) = reply {
            state.withLock { $0.left.append(handle) }
        }
        return nil
    }
}
