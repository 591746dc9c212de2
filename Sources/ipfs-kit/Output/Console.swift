internal import Arguments
internal import Operations
internal import POSIX
internal import Schema
internal import Storage
internal import Synchronization

/// The two streams to the outside: results go to standard output, all talk to standard error.
///
/// It may be used from all threads. Lines and the progress bar never mix.
final class Console: Sendable {
    private struct State {
        var isBroken = false
        var failure: ExitCode?
        /// Whether standard output has content, or an answer: nothing else is put behind it.
        var isTaken = false
    }

    private static let brokenPipe: Int32 = 32

    private let global: GlobalFlags
    private let stop: StopSwitch
    private let bar: ProgressBar
    private let state = Mutex(State())
    /// Held while something is written to standard output, so that items stay whole; whether it was made ready for
    /// content.
    private let output = Mutex(false)
    private let isTerminal = StandardStream.output.isTerminal

    init(_ global: GlobalFlags, _ stop: StopSwitch) {
        self.global = global
        self.stop = stop
        let mayShow = !global.quiet && !global.json && global.progress
        bar = ProgressBar(isShown: mayShow && StandardStream.error.isTerminal)
    }

    /// Says whether nobody reads standard output any more.
    var isBroken: Bool { state.withLock { $0.isBroken } }

    /// What it means that standard output could not be written; nil where it could.
    var failure: ExitCode? { state.withLock { $0.failure } }

    /// Whether people are shown how far the work is.
    var showsProgress: Bool { bar.isShown }

    /// Shows what happens while the work goes on.
    func hear(_ events: [Event]) {
        for event in events {
            switch event.kind {
            case .progress: if let amount = event.progress { bar.show(amount) }
            case .warning: if let sentence = event.message { warn(sentence) }
            default: if global.verbose { talk(event.line) }
            }
        }
    }

    /// The width of help texts: that of the terminal, but not so wide that lines are hard to read.
    var helpWidth: Int { min(StandardStream.output.width ?? 100, 100) }

    /// Writes content as it is.
    func write(_ bytes: ArraySlice<UInt8>) throws(KitError) {
        // Content is not made of lines, so a bar cannot share a terminal with it.
        if isTerminal { bar.hide() }
        do throws(FileError) {
            try output.withLock { (isReady) throws(FileError) in
                if !isReady { StandardStream.output.widenPipe() }
                isReady = true
                state.withLock { $0.isTaken = true }
                try StandardStream.output.write(bytes)
            }
        } catch {
            if error.number == Self.brokenPipe { breakPipe() }
            throw KitError(error)
        }
    }

    /// Prints lines of a result; those that are a secret which was asked for, as they are.
    func print(lines: [String], asTheyAre: Bool = false) {
        guard !lines.isEmpty, !isBroken else { return }
        write((asTheyAre ? lines : lines.map { Redactor.shared.clean($0) }).joined(separator: "\n") + "\n")
    }

    /// Prints values as JSON, one a line.
    private func print(_ json: JSON, indented: Bool, asItIs: Bool = false) {
        guard !isBroken else { return }
        let shown = asItIs ? json : Redactor.shared.clean(json)
        write((indented ? shown.indented : shown.compact) + "\n")
    }

    private func write(_ text: String) {
        let failure: FileError? = output.withLock { _ in
            if isTerminal { bar.clear() }
            do throws(FileError) {
                try StandardStream.output.write(Array(text.utf8)[...])
                return nil
            } catch {
                return error
            }
        }
        guard let failure else { return }
        if failure.number == Self.brokenPipe { return breakPipe() }
        let error = KitError(failure)
        let isFirst = state.withLock { state in
            defer { state.failure = state.failure ?? error.code }
            return state.failure == nil
        }
        if isFirst {
            talk("ipfs-kit: \(error)")
            stop.cancel()
        }
    }

    /// Prints a line of talk.
    func talk(_ line: String) {
        bar.clear()
        // Nobody can be told that standard error is closed.
        try? StandardStream.error.write(Array((DisplayText(Redactor.shared.clean(line)).text + "\n").utf8)[...])
    }

    /// What helps, as it is to be typed for the home of this run.
    private func typed(_ hint: Hint) -> String {
        guard let home = global.home, home != environment("IPFS_KIT_HOME") else { return hint.command() }
        return hint.command(home: home)
    }

    /// Shows the result of an operation.
    func show(_ output: any OperationOutput, changes: Bool) {
        if global.json {
            guard !output.isContent else { return }
            state.withLock { $0.isTaken = true }
            print(output.json, indented: isTerminal, asItIs: output.isSecret)
        } else if global.quiet {
            let lines = quietLines(of: output, changes: changes, command: typed).map { DisplayText($0).text }
            print(lines: lines, asTheyAre: output.isSecret)
            // Whoever is told by a number that something is wrong is told what.
            if output.exitCode != .ok, output.quietLines == nil {
                for line in problemLines(of: output.report, command: typed) { talk(line) }
                for warning in output.report.warnings { talk("warning: \(warning)") }
            }
        } else {
            print(lines: reportLines(output.report, width: width, command: typed), asTheyAre: output.isSecret)
        }
        warn(output.report)
    }

    /// Shows one item of an output that comes bit by bit.
    func emit(_ item: any OperationOutput) {
        if global.json {
            print(item.json, indented: false)
        } else if global.quiet {
            print(lines: quietLines(ofItem: item).map { DisplayText($0).text })
        } else {
            print(lines: reportLines(item.report, width: width, command: typed))
        }
        warn(item.report)
    }

    /// Shows a failure: to people on standard error, and to machines in place of an answer, or beside content.
    func show(_ error: KitError, besideContent: Bool = false) {
        talk("ipfs-kit: \(error.message)")
        if let hint = error.hint { talk("Run: \(typed(hint))") }
        guard global.json else { return }
        if besideContent {
            talk(Redactor.shared.clean(error.answer).compact)
        } else if state.withLock({ !$0.isTaken }) {
            print(error.answer, indented: false)
        }
    }

    private var width: Int? { isTerminal ? StandardStream.output.width : nil }

    private func warn(_ report: Report) {
        for failure in report.failures { talk("ipfs-kit: \(failure)") }
        for warning in report.warnings { warn(warning) }
    }

    /// Prints a sentence about something odd.
    func warn(_ sentence: String) {
        if !global.quiet { talk("warning: \(sentence)") }
    }

    private func breakPipe() {
        state.withLock { $0.isBroken = true }
        stop.cancel()
    }
}
