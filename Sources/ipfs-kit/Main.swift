internal import POSIX

/// The program: it reads its words, does one thing, and ends with the exit code of that.
@main
enum Main {
    /// Not asynchronous: an asynchronous main parks its thread with all signals open, and they would end the process.
    static func main() {
        let stop = StopSwitch()
        // Before anything that starts a thread: signals are blocked in the threads that come after.
        onSignals(stopSignals) { _ in stop.press() }
        ignoreBrokenPipes()
        // It would have the keys of all connections written into a file.
        forgetVariable("SSLKEYLOGFILE")
        tuneMemory()
        raiseFileLimit()
        let program = Program(words: Array(commandWords().dropFirst()), stop: stop)
        let work = Task.detached {
            let code = await program.run()
            // All that was open is closed now; nothing is left to clean up.
            endProcess(code)
        }
        stop.attach { work.cancel() }
        // This thread keeps the signals blocked, so it waits for ever.
        waitForever()
    }
}
