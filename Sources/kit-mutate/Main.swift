internal import FuzzTargets
internal import Multiformats
internal import POSIX

/// Runs damaged copies of files through the decoders.
///
/// `kit-mutate ROUNDS TARGET FILE [TARGET FILE]…`, or `kit-mutate grow`, which looks whether the time that decoders
/// take grows faster than their input.
///
/// It says which file it works on before it begins, so that after a crash the last line names the culprit;
/// with IPFS_KIT_FUZZ_KEEP each input is written to that file before it is run, so that the culprit is left there.
@main
enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments == ["grow"] { return grow() }
        guard let rounds = arguments.first.flatMap({ Int($0) }), !arguments.count.isMultiple(of: 2) else {
            end("usage: kit-mutate ROUNDS TARGET FILE [TARGET FILE]…")
        }
        for index in stride(from: 1, to: arguments.count, by: 2) {
            do { try run(arguments[index], arguments[index + 1], rounds) } catch { end("\(error)") }
        }
        say("all \(arguments.count / 2) files, \(rounds) damaged copies of each")
    }

    /// The lengths of the smaller inputs in bytes.
    ///
    /// Eight times the largest is as long as most blocks may be; what grows with the square is found with a smaller
    /// one, for with that it might not end.
    private static let sizes = [1 << 12, 1 << 15, 1 << 18]

    /// What takes less, in nanoseconds, is a matter of chance, and of what fits into the caches of a processor.
    private static let enough: Int64 = 2_000_000

    /// How often something is measured before it counts as too long.
    private static let tries = 8

    private static func grow() {
        // As the program does it: otherwise large arrays would be given to the system and taken from it again and
        // again.
        tuneMemory()
        var broken: [String] = []
        for growth in Growth.all {
            for size in sizes where broken.last != growth.name {
                if !isLinear(growth, size) { broken.append(growth.name) }
            }
        }
        guard broken.isEmpty else { end("not linear: \(broken.joined(separator: "; "))") }
        say("all \(Growth.all.count) take no more than \(Growth.most) times as long for 8 × the input")
    }

    private static func isLinear(_ growth: Growth, _ size: Int) -> Bool {
        let (small, large) = (growth.prepare(size), growth.prepare(8 * size))
        // What the machine does besides makes only some runs longer, of both: the least of all is what is compared.
        var times: (small: Int64, large: Int64) = (.max, .max)
        for attempt in 0..<tries where attempt == 0 || times.large > Int64(Growth.most) * max(times.small, enough) {
            times = (min(times.small, time(small)), min(times.large, time(large)))
        }
        let isLinear = times.large <= Int64(Growth.most) * max(times.small, enough)
        let measured = "\(times.small / 1000) µs for \(size) bytes, \(times.large / 1000) µs for 8 × as many"
        say("\(growth.name): \(measured)\(isLinear ? "" : ": TOO LONG")")
        return isLinear
    }

    /// The least time of a few runs, in nanoseconds: others on the machine only make it longer.
    private static func time(_ work: () -> Void) -> Int64 {
        var (least, sum): (Int64, Int64) = (.max, 0)
        for _ in 0..<5 where sum < 100_000_000 {
            let start = threadTime()
            work()
            let taken = threadTime() - start
            (least, sum) = (min(least, taken), sum + taken)
        }
        return least
    }

    private static func run(_ name: String, _ path: String, _ rounds: Int) throws {
        guard let target = FuzzTarget.named(name) else { end("There is no target \(name).") }
        say("\(name) \(path)")
        let original = try readFile(path)
        try run(target, original)
        var mutations = Mutations(of: original, seed: murmur3x64(original.span))
        for _ in 0..<rounds { try run(target, mutations.next()) }
    }

    private static func run(_ target: FuzzTarget, _ input: [UInt8]) throws {
        if let path = keep { try replaceFile(path, with: input) }
        do { try target.run(input) } catch {
            end("\(target.name): \(error)\nThe input in base16: \(Multibase.base16.encodeWithoutPrefix(input))")
        }
    }

    private static let keep = environment("IPFS_KIT_FUZZ_KEEP")

    private static func end(_ message: String) -> Never {
        say(message)
        endProcess(1)
    }

    /// Writes a line at once: what stays in memory is lost in a crash.
    private static func say(_ line: String) { try? StandardStream.output.write(Array((line + "\n").utf8)[...]) }
}
