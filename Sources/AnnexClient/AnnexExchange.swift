internal import POSIX
internal import Synchronization

/// Talks with one program: finds what is asked for each answer, answers what the program asks, and gives it up where it
/// falls silent, floods, or says what nobody can mean.
final class AnnexExchange: Sendable {
    private enum Phase: Equatable {
        /// It has to say which version it speaks.
        case greeting
        /// It has to say which extensions it uses.
        case negotiating
        case open
    }

    private struct State {
        var lines = AnnexLines()
        var phase = Phase.greeting
        var began: Duration
        var version = 0
        var isAsync = false
        var jobs: [Int: AnnexJob] = [:]
        /// Bytes that the program was sent and has not taken.
        var unsent = 0
        /// How many bytes it said.
        var said: UInt64 = 0
        /// Lines that belong to nothing.
        var stray = 0
        /// Who waits a moment for what a program says that ends after an answer.
        var settling: [(until: Duration, AnnexAnswer<Void>)] = []
        var failure: AnnexError?
    }

    /// The program, in a word.
    let name: String
    /// What the program said that it can do.
    let features = AnnexAnswer<AnnexFeatures>()
    /// The end of the program.
    let ended = AnnexAnswer<Void>()
    private let host: any AnnexHost
    private let offered: [String]
    private let now: @Sendable () -> Duration
    private let timeout: Duration
    private let outlet = AnnexOutlet()
    private let state: Mutex<State>

    /// A program that takes none of what it is sent gets no more than so many bytes.
    private static let maxUnsent = 4 << 20
    private static let maxStray = 10_000
    private static let moment = Duration.milliseconds(300)

    init(
        _ name: String,
        _ host: any AnnexHost,
        offering extensions: [String],
        now: @escaping @Sendable () -> Duration,
        timeout: Duration
    ) {
        (self.name, self.host, offered) = (name, host, AnnexFeatures.offered + extensions)
        (self.now, self.timeout) = (now, timeout)
        state = Mutex(State(began: now()))
    }

    var failure: AnnexError? { state.withLock { $0.failure } }
    var isAsync: Bool { state.withLock { $0.isAsync } }

    /// Sends from now on what there is to say to a program.
    func attach(_ child: ChildProcess) { outlet.attach(child) }

    // MARK: Requests

    /// Asks the program something, and gives the number and the answer to wait for.
    func begin(_ request: AnnexRequest, _ watch: AnnexWatch?) -> (number: Int, answer: AnnexAnswer<AnnexReply>) {
        let job = AnnexJob(request, watch, at: now())
        let number = state.withLock { state -> Int in
            if let failure = state.failure {
                job.answer.resolve(.failure(failure))
                return 0
            }
            // Without jobs of its own a program does one thing at a time, and that has no number.
            var number = state.isAsync ? 1 : 0
            while state.isAsync, state.jobs[number] != nil { number += 1 }
            state.jobs[number] = job
            send([request.line], number, &state)
            return number
        }
        return (number, job.answer)
    }

    /// Waits a moment whether the program ends; the error where it does.
    func settle() async -> AnnexError? {
        let settled = AnnexAnswer<Void>()
        state.withLock { state in
            if state.failure == nil {
                state.settling.append((now() + Self.moment, settled))
            } else {
                settled.resolve(.success(()))
            }
        }
        do throws(AnnexError) {
            try await settled.value()
            return failure
        } catch {
            return nil
        }
    }

    /// Sends lines, with the number of the job where the program has several.
    private func send(_ lines: [String], _ number: Int, _ state: inout State) {
        let tag = state.isAsync && number > 0 ? "J \(number) " : ""
        let bytes = Array(lines.map { tag + $0 + "\n" }.joined().utf8)
        state.unsent += bytes.count
        outlet.send(bytes)
    }

    // MARK: What the program tells

    /// Takes what happened to the program; false where it is to end.
    func take(_ event: ChildEvent) -> Bool {
        switch event {
        case .input(let count): state.withLock { $0.unsent -= count }
        case .output(let bytes):
            let (lines, problem) = state.withLock { state in
                state.said += UInt64(bytes.count)
                return state.lines.add(bytes)
            }
            for line in lines where failure == nil { take(line) }
            if let problem { violate(problem) }
        case .tick: tick()
        case .ended(let end):
            let words = String(decoding: end.errors, as: UTF8.self)
            fail(AnnexError(.ended, "\(name) ended with exit code \(end.code).", words: words))
            ended.resolve(.success(()))
            return true
        }
        return failure == nil
    }

    private func take(_ line: String) {
        let (word, rest) = cut(line)
        if word == "ERROR" { return fail(AnnexError(.gaveUp, "\(name) gave up.", words: rest)) }
        switch state.withLock({ $0.phase }) {
        case .greeting: greet(word, rest)
        case .negotiating where word == "EXTENSIONS" || word == "UNSUPPORTED-REQUEST": agree(rest)
        default:
            let (number, text) = tagged(line)
            guard let number else { return violate("It sent an answer without a number, and several were due.") }
            heed(text, number)
        }
    }

    private func greet(_ word: String, _ rest: String) {
        guard word == "VERSION", let version = Int(rest) else {
            let message =
                "\(name) does not speak git-annex's protocol of special remotes: it has to begin with its version."
            return fail(AnnexError(.notSpoken, message, words: word + " " + rest))
        }
        guard (1...2).contains(version) else {
            return fail(
                AnnexError(.notSpoken, "\(name) speaks version \(version) of the protocol; 1 and 2 are known here.")
            )
        }
        state.withLock { state in
            (state.version, state.phase) = (version, .negotiating)
            send(["EXTENSIONS " + offered.joined(separator: " ")], 0, &state)
        }
    }

    private func agree(_ rest: String) {
        let used = Set(rest.split(separator: " ").map(String.init)).intersection(offered)
        let version = state.withLock { state in
            (state.phase, state.isAsync) = (.open, used.contains(AnnexFeatures.async))
            return state.version
        }
        features.resolve(.success(AnnexFeatures(version: version, extensions: used)))
    }

    /// The number of the job that a line is about, and the line without it.
    private func tagged(_ line: String) -> (number: Int?, text: String) {
        guard state.withLock({ $0.isAsync }) else { return (0, line) }
        let (mark, rest) = cut(line)
        let (number, text) = cut(rest)
        if mark == "J", let number = Int(number), number > 0 { return (number, text) }
        return (["DEBUG", "INFO"].contains(mark) ? 0 : nil, line)
    }

    private func heed(_ text: String, _ number: Int) {
        let (word, rest) = cut(text)
        let claimed = word == "PROGRESS" ? UInt64(rest) ?? 0 : nil
        let isKnown = state.withLock { state -> Bool? in state.jobs[number]?.note(claimed: claimed, at: now()) }
        switch isKnown {
        case true: break
        case false: return violate("It floods: it says more than belongs to one request.")
        default:
            let isTooMuch = state.withLock { state in
                state.stray += 1
                return state.stray > Self.maxStray
            }
            if isTooMuch { return violate("It says what belongs to nothing, without end.") }
        }
        if ["DEBUG", "INFO", "PROGRESS"].contains(word) { return }
        if let question = AnnexQuestion(text) { return answer(question, number) }
        let step = state.withLock { state -> AnnexReading.Step in
            state.jobs[number]?.reading.take(text) ?? .strange("It said \(shown(word)) when nothing was asked.")
        }
        switch step {
        case .part: state.withLock { $0.jobs[number]?.notePart(at: now()) }
        case .done(let reply): state.withLock { $0.jobs.removeValue(forKey: number) }?.answer.resolve(.success(reply))
        case .strange(let problem): violate(problem)
        }
    }

    private func answer(_ question: AnnexQuestion, _ number: Int) {
        let lines = host.answer(question).lines
        let isTooMuch = state.withLock { state in
            send(lines, number, &state)
            return state.unsent > Self.maxUnsent
        }
        if isTooMuch { violate("It asks, and does not read the answers.") }
    }

    // MARK: Time

    private func tick() {
        let moment = now()
        let (jobs, settled, isLate) = state.withLock { state in
            state.lines.rest()
            let settled = state.settling.filter { $0.until <= moment }
            state.settling.removeAll { $0.until <= moment }
            return (state.jobs, settled, state.phase != .open && moment - state.began > timeout)
        }
        for (_, answer) in settled { answer.resolve(.success(())) }
        if isLate {
            return fail(AnnexError(.notBegun, "\(name) did not begin within \(timeout.components.seconds) s."))
        }
        for (number, job) in jobs { look(at: job, number, moment) }
    }

    private func look(at job: AnnexJob, _ number: Int, _ moment: Duration) {
        switch job.watch?() {
        case .tooMuch(let why): return fail(AnnexError(.tooMuch, why), of: number, atOnce: true)
        case .full(let error): return fail(AnnexError(.full, "\(error)", cause: error), of: number, atOnce: true)
        case .bytes(let count): state.withLock { $0.jobs[number]?.note(written: count, at: moment) }
        case nil: break
        }
        switch state.withLock({ $0.jobs[number]?.look(at: moment, timeout) }) {
        case .late(let why): fail(AnnexError(.timedOut, "\(name) hangs. \(why)"), of: number)
        case .silent:
            let (seen, errors) = (SessionActivity(ofSessionOf: outlet.process), outlet.errorBytes)
            let isBusy = state.withLock { $0.jobs[number]?.note(seen, said: $0.said &+ errors, at: moment) }
            guard isBusy == false else { return }
            let seconds = timeout.components.seconds
            fail(
                AnnexError(.timedOut, "\(name) hangs. It moved nothing, and did nothing, for \(seconds) s."),
                of: number
            )
        default: break
        }
    }

    // MARK: Failure

    private func violate(_ why: String) {
        fail(AnnexError(.protocolViolation, "\(name) does not keep to the protocol. \(why)"))
    }

    /// Gives the program up on account of one job: the others failed with it.
    ///
    /// Where it is ended at once, it writes nothing more.
    private func fail(_ error: AnnexError, of number: Int, atOnce: Bool = false) {
        if atOnce { outlet.endNow() }
        state.withLock { $0.jobs.removeValue(forKey: number) }?.answer.resolve(.failure(error))
        fail(AnnexError(.ended, "\(name) was ended, for something else that it was asked failed. \(error.message)"))
    }

    private func fail(_ error: AnnexError) {
        let (jobs, settling) = state.withLock { state in
            state.failure = state.failure ?? error
            defer { (state.jobs, state.settling) = ([:], []) }
            return (state.jobs, state.settling)
        }
        for job in jobs.values { job.answer.resolve(.failure(error)) }
        for (_, answer) in settling { answer.resolve(.success(())) }
        features.resolve(.failure(error))
    }
}

/// Where what there is to say to a program goes, also before it is there.
private final class AnnexOutlet: Sendable {
    private struct State {
        /// The program holds what talks with it, and so is not held here.
        weak var child: ChildProcess?
        var process: Int32 = 0
        var waiting: [UInt8] = []
    }

    private let state = Mutex(State())

    /// The number of the program's process.
    var process: Int32 { state.withLock { $0.process } }
    /// How many bytes the program wrote to its error output.
    var errorBytes: UInt64 { state.withLock { $0.child?.errorBytes ?? 0 } }

    /// Ends the program at once.
    func endNow() { state.withLock { $0.child }?.endNow() }

    func attach(_ child: ChildProcess) {
        state.withLock { state in
            (state.child, state.process) = (child, child.identifier)
            if !state.waiting.isEmpty { child.send([state.waiting[...]]) }
            state.waiting = []
        }
    }

    func send(_ bytes: [UInt8]) {
        state.withLock { state in
            if let child = state.child { child.send([bytes[...]]) } else { state.waiting += bytes }
        }
    }
}
