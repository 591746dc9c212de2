internal import Foundation
internal import POSIX

/// Measures `ipfs-kit` and its peers side by side.
@main
enum Main {
    /// Not asynchronous: an asynchronous main parks its thread with all signals open, and they would end the process.
    static func main() {
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            if options.asksForHelp { return say(Options.usage) }
            if options.listsRows { return say(BenchRow.all.map { "\($0.name): \($0.summary)" }) }
            let bench = try Bench(options)
            // A reader of the output that goes away must not keep the servers running and the memory full.
            ignoreBrokenPipes()
            onSignals(stopSignals) { number in
                bench.children.stopAll()
                bench.clean()
                endProcess(128 + number)
            }
            Task.detached { endProcess(await run(bench, options)) }
            waitForever()
        } catch {
            complain("\(error)")
            endProcess(2)
        }
    }

    /// Measures, and gives the code to end with: 1 where a gate was missed, 2 where something could not be measured.
    private static func run(_ bench: Bench, _ options: Options) async -> Int32 {
        defer { bench.clean() }
        say(Report.machine(options))
        var figures: [Figure] = []
        var code: Int32 = 0
        for row in BenchRow.all where options.rows.isEmpty || options.rows.contains(row.name) {
            do {
                let new = try await row.measure(bench, row.name)
                // A run takes minutes: what is known already is not lost with what comes after.
                bench.say(Report.table(new))
                figures += new
            } catch {
                complain("\(row.name): \(error)")
                code = 2
            }
        }
        say(Report.table(figures))
        say(Report.machine(options))
        say("Kubo 0.42, elsewhere: adding 1 GiB took 1.95 to 2.4 times its hash, 10,000 files of 4 KiB took 2.1 s.")
        let missed = figures.filter(\.failsGate)
        for figure in missed { complain("\(figure.row): \(figure.measure) is over its goal.") }
        return code == 0 && !missed.isEmpty ? 1 : code
    }

    private static func say(_ lines: [String]) { say(lines.joined(separator: "\n")) }

    private static func say(_ text: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    }

    private static func complain(_ problem: String) {
        try? FileHandle.standardError.write(contentsOf: Data("kit-bench: \(problem)\n".utf8))
    }
}
