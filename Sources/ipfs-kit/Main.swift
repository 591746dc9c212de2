internal import Operations
internal import POSIX

/// The program: it reads its words, does one thing, and ends with the exit code of that.
@main
enum Main {
    static func main() async {
        let stop = StopSwitch()
        // Before anything that starts a thread: signals are blocked in the threads that come after.
        onSignals(stopSignals) { _ in stop.press() }
        ignoreBrokenPipes()
        let program = Program(words: Array(CommandLine.arguments.dropFirst()), stop: stop)
        let work = Task { await program.run() }
        stop.attach { work.cancel() }
        let code = await work.value
        // The main thread has nothing to clean up: all that was open is closed when `run` has returned.
        endProcess(code)
    }
}
