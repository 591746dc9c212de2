internal import Foundation
internal import POSIX

/// Measures `ipfs-kit` and its peers side by side.
@main enum KitBench {
    static func main() async {
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            if options.asksForHelp { return print(Options.usage) }
            if options.listsRows {
                for row in BenchRow.all { print("\(row.name): \(row.summary)") }
                return
            }
            if try await !measure(options) { endProcess(1) }
        } catch {
            FileHandle.standardError.write(Data("kit-bench: \(error)\n".utf8))
            endProcess(2)
        }
    }

    /// Measures what is asked for and prints it; false where a gate was missed.
    private static func measure(_ options: Options) async throws -> Bool {
        let bench = try Bench(options)
        defer { bench.clean() }
        onSignals(stopSignals) { number in
            bench.children.stopAll()
            bench.clean()
            endProcess(128 + number)
        }
        print(Report.machine(options))
        var figures: [Figure] = []
        for row in BenchRow.all where options.rows.isEmpty || options.rows.contains(row.name) {
            figures += try await row.measure(bench, row.name)
        }
        print(Report.table(figures))
        print(Report.machine(options))
        print("Kubo 0.42, elsewhere: 1 GiB of add took 1.95 to 2.4 times its hash, 10,000 files of 4 KiB 2.1 s.")
        let missed = figures.filter(\.failsGate)
        for figure in missed { print("\(figure.row): \(figure.measure) is over its goal.") }
        return missed.isEmpty
    }
}
