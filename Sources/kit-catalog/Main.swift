internal import Catalog
internal import Multiformats
internal import POSIX
internal import Samples
internal import Schema

/// Writes to a catalog until it is killed, beside other processes that do the same.
///
/// `kit-catalog CATALOG WRITER LIFE`
///
/// It commits pins of its own, some at a time, takes some away again, and closes and opens the catalog now and then.
/// Before each commit it prints what it begins, `> + FIRST COUNT` or `> - FIRST COUNT`, numbers of its pins, and after
/// it the same with `=`; the numbers of a later life begin where nobody has been. A pin that it cannot find again is
/// printed with `!`.
@main
struct Main {
    let path: String
    let writer: UInt64
    var numbers: SeededNumbers
    /// The ranges of pins that are there.
    var kept: [Range<UInt64>] = []
    var next: UInt64

    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count == 3, let writer = UInt64(words[1]), let life = UInt64(words[2]) else {
            end("usage: kit-catalog CATALOG WRITER LIFE")
        }
        ignoreBrokenPipes()
        var main = Main(
            path: words[0],
            writer: writer,
            numbers: SeededNumbers(seed: writer << 32 | life),
            next: life << 24
        )
        do { while true { try await main.session() } } catch { end("\(error)") }
    }

    /// Opens the catalog, commits some times, and closes it.
    private mutating func session() async throws {
        let catalog = try Catalog(path: path)
        for _ in 0..<Int.random(in: 1...30, using: &numbers) {
            if kept.count > 3, Bool.random(using: &numbers) {
                try await remove(catalog)
            } else {
                try await add(catalog)
            }
        }
        try await look(catalog)
    }

    private mutating func add(_ catalog: Catalog) async throws {
        let range = next..<(next + UInt64.random(in: 1...40, using: &numbers))
        next = range.upperBound
        say("> + \(range.lowerBound) \(range.count)")
        let pins = range.map { Pin(cid: Self.root(writer, $0), name: "\(writer) \($0)", createdAt: catalog.time) }
        try await catalog.addPins(pins, reason: "stress")
        kept.append(range)
        say("= + \(range.lowerBound) \(range.count)")
    }

    private mutating func remove(_ catalog: Catalog) async throws {
        let range = kept.remove(at: Int.random(in: kept.indices, using: &numbers))
        say("> - \(range.lowerBound) \(range.count)")
        _ = try await catalog.removePins(range.map { Self.root(writer, $0) }, reason: "stress")
        say("= - \(range.lowerBound) \(range.count)")
    }

    /// Compares what the catalog has with what this process committed.
    private func look(_ catalog: Catalog) async throws {
        for number in kept.map(\.lowerBound) where try await catalog.pin(Self.root(writer, number)) == nil {
            say("! \(number)")
        }
    }

    private static func root(_ writer: UInt64, _ number: UInt64) -> CID {
        .v1(.raw, .sha256(of: Array("\(writer) \(number)".utf8)))
    }

    private static func end(_ message: String) -> Never {
        try? StandardStream.error.write(Array((message + "\n").utf8)[...])
        endProcess(1)
    }

    /// Writes a line at once: what stays in memory is lost when the process is killed.
    private func say(_ line: String) {
        do { try StandardStream.output.write(Array((line + "\n").utf8)[...]) } catch { endProcess(1) }
    }
}
