internal import FuzzTargets
internal import Multiformats
internal import POSIX

/// Runs damaged copies of files through the decoders.
///
/// `kit-mutate ROUNDS TARGET FILE [TARGET FILE]…`
///
/// It says which file it works on before it begins, so that after a crash the last line names the culprit;
/// with IPFS_KIT_FUZZ_KEEP each input is written to that file before it is run, so that the culprit is left there.
@main
enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard let rounds = arguments.first.flatMap({ Int($0) }), !arguments.count.isMultiple(of: 2) else {
            end("usage: kit-mutate ROUNDS TARGET FILE [TARGET FILE]…")
        }
        for index in stride(from: 1, to: arguments.count, by: 2) {
            do { try run(arguments[index], arguments[index + 1], rounds) } catch { end("\(error)") }
        }
        say("all \(arguments.count / 2) files, \(rounds) damaged copies of each")
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
