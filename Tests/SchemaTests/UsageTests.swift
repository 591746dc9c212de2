import Arguments
import Schema
import Testing

@Suite struct UsageTests {
    @Test func `a command is explained by its table`() throws {
        let lines = Usage(sampleParser, width: 90).lines(try sampleParser.topic(["pin", "add"]))
        #expect(lines.first == "Usage: ipfs-kit pin add CIDS… TARGET [flags]")
        let text = lines.joined(separator: "\n")
        for part in [
            "Does pin add.\n\nFirst.\n  ipfs-kit pin add\n\nArguments:\n  CIDS",
            "--access-key-id TEXT  The key. (or from SAMPLE_KEY)",
            "--part-size SIZE      The length of a part. (default 1 MiB)",
            "--[no-]verify         Read it back. (default true)",
            "--secret TEXT         The secret. (secret)",
            "one of round, square; default", "\n  --home TEXT",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(lines.allSatisfy { $0.count <= 90 })
    }

    @Test func `open fields replace the field that they are added to`() throws {
        let text = Usage(sampleParser, width: 80).lines(try sampleParser.topic(["backend", "create"])).joined()
        #expect(text.contains("--endpoint TEXT"))
        #expect(!text.contains("--settings"))
    }

    @Test func `a group lists its commands, and no word lists all`() throws {
        let group = Usage(sampleParser, width: 80).lines(try sampleParser.topic(["store"]))
        #expect(group.contains { $0.hasPrefix("  store pin add") })
        #expect(!group.contains { $0.contains("version") })
        let all = Usage(sampleParser, width: 80).lines(.group(""))
        for command in sampleParser.commands { #expect(all.contains { $0.hasPrefix("  \(command.name) ") }) }
    }

    @Test(arguments: [["pni"], ["pin", "add", "x"], ["pin", "x"]])
    func `a topic that is none is an error`(words: [String]) {
        #expect(throws: ArgumentError.self) { try sampleParser.topic(words) }
    }
}
