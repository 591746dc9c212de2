import Foundation
import Samples
import TestKit
import Testing

/// What everything that changes something would do, and that it is that what it does.
@Suite(.scratch, .inTurn, .serialized, .timeLimit(.minutes(10))) struct DryRunTests {
    /// A command that changes something, in the words of a shell in the folder of the world.
    struct Change: Sendable, CustomTestStringConvertible {
        let words: String
        /// Whether the answer of the dry run is that of what follows, but for what it says of itself.
        let isExact: Bool
        var testDescription: String { words }

        init(_ words: String, isExact: Bool = false) { (self.words, self.isExact) = (words, isExact) }
    }

    static let changes = [
        Change("init"), Change("add --name x more", isExact: false), Change("get ROOT -o out"),
        Change("dag put value.json", isExact: true), Change("dag import part.car"),
        Change("car create tree -o new.car"), Change("car extract part.car -o out"),
        Change("car split part.car --size 2MB -o shard"), Change("car join part.car -o new.car"),
        Change("car convert part.car -o new.car"), Change("car index part.car"),
        Change("block put --pin value.json", isExact: true), Change("gc"), Change("store verify"),
        Change("store rebuild-index"), Change("pin add LOOSE --name x"), Change("pin rm ROOT", isExact: true),
        Change("backend create c filesystem --path a"),
        Change("backend import-rclone disk:ipfs --as c --rclone-config rclone.conf"),
        Change("backend update a --max-connections 3"),
        Change("backend remove b --force"), Change("backend enable b"), Change("backend disable a"),
        Change("backend put a notes/x more", isExact: false), Change("backend test a"), Change("backend certify a"),
        Change("backend health --all"),
        Change("backend pin add a LOOSE cars/x.car"),
        Change("backend pin remove a ROOT", isExact: true), Change("backend index rebuild"),
        Change("backend mark-dirty a"), Change("sync"), Change("sync --prune --force"), Change("verify"),
        Change("verify --sample 1"), Change("restore"), Change("recover --from a"), Change("snapshot prune a"),
        Change("catalog backup copy.sqlite"), Change("catalog accept"), Change("plan apply PLAN"),
        Change("plan rm PLAN"),
    ]

    /// Those that have tests of their own: they need a node, somebody else's home, or a server.
    static let elsewhere: Set = ["pin import", "backend peers forget", "backend mount", "backend unmount"]

    /// A home with something of everything.
    private struct World {
        let user: User
        var names: [String: String] = [:]

        init() async throws {
            user = try await User.ready()
            try Trees.make(at: user.folder + "/tree")
            try write(Array("{\"a\": 1}".utf8), to: user.folder + "/value.json")
            try write(Array("[disk]\ntype = local\n".utf8), to: user.folder + "/rclone.conf")
            try write(sampleBytes(100_000, seed: 7), to: user.folder + "/more")
            names["ROOT"] = try await user.add(sampleBytes(50_000, seed: 1), name: "one")
            names["LOOSE"] = try await user.run("add", "--no-pin", "-q", user.folder + "/more").text.trimmed
            try await user.createDisk("a")
            try await user.createDisk("b")
            try await user.run("sync")
            let tree = try await user.run("add", "-q", user.folder + "/tree").text.trimmed
            try await user.run("dag", "export", tree, "-o", user.folder + "/part.car")
            names["PLAN"] = try await user.run("sync", "--plan", "-q").text.trimmed
        }

        /// The words of a change, with files in the folder of the world.
        func words(of change: Change) -> [String] {
            change.words.split(separator: " ").map { word in
                let word = String(word)
                if let name = names[word] { return name }
                let files: Set = [
                    "tree", "more", "value.json", "part.car", "out", "new.car", "shard", "copy.sqlite",
                    "rclone.conf",
                ]
                let isPath = files.contains(word) || word == "a" && change.words.hasPrefix("backend create")
                return isPath ? "\(user.folder)/\(word)" : word
            }
        }

        /// Everything that there is, but for what SQLite and locks keep beside it.
        func everything() async throws -> [String: String] {
            var all = try Trees.contents(of: user.folder).filter { name, _ in
                let passing = ["catalog.sqlite", "locks", "/cache", "run-"]
                return !passing.contains { name.contains($0) }
            }
            let dump = try await Python.run(
                """
                import json, sqlite3, sys
                base = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
                print(json.dumps(list(base.iterdump())))
                """,
                user.home + "/catalog.sqlite"
            )
            all["catalog"] = dump.items.compactMap(\.text).joined(separator: "\n")
            return all
        }
    }

    @Test func `everything that changes something is tried here or elsewhere`() async throws {
        let user = try User()
        let operations = try await user.json("schema").operations.items.filter { $0.changes.flag == true }
        let names = Set(operations.compactMap(\.name.text))
        let tried = names.filter { name in
            Self.changes.contains { $0.words == name || $0.words.hasPrefix(name + " ") }
        }
        #expect(names == tried.union(Self.elsewhere))
    }

    @Test(arguments: changes)
    func `a dry run changes nothing, and says what is done then`(_ change: Change) async throws {
        let world = try await World()
        let words = world.words(of: change)
        let before = try await world.everything()
        let dry = try await world.user.attempt(words + ["--dry-run", "--json"])
        #expect(dry.code == 0, "\(dry.text)\(dry.errorText)")
        let after = try await world.everything()
        let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        #expect(changed.isEmpty, "\(changed.sorted())")
        let answer = try #require(Answer.lines(dry.text).last)
        #expect(answer.dry_run.flag == true)
        let text = try await world.user.attempt(words + ["--dry-run"])
        #expect(text.code == 0 && !text.text.isEmpty, "people are told, too: \(text.errorText)")
        let real = try await world.user.attempt(words + ["--json"])
        #expect(real.code == 0, "\(real.text)\(real.errorText)")
        let done = try #require(Answer.lines(real.text).last)
        #expect(done.dry_run.flag == false)
        guard change.isExact || change.words.hasPrefix("car ") || change.words.hasPrefix("get ") else { return }
        #expect(Self.plain(answer) == Self.plain(done))
    }

    /// Whatever can be done can be planned, and is done then; also from another folder, and by its name in part.
    @Test(arguments: changes.filter { $0.words != "plan apply PLAN" })
    func `what changes something can be planned and applied`(_ change: Change) async throws {
        let world = try await World()
        let words = world.words(of: change)
        let made = try await world.user.attempt(words + ["--plan", "--json"])
        #expect(made.code == 0, "\(made.text)\(made.errorText)")
        let id = try #require(Answer.parse(made.text).plan.id.text)
        let dry = try await world.user.attempt(["plan", "apply", id, "--dry-run", "--json"])
        #expect(dry.code == 0, "\(dry.text)\(dry.errorText)")
        let applied = try await world.user.attempt(["plan", "apply", String(id.prefix(12)), "--json"])
        #expect(applied.code == 0, "\(applied.text)\(applied.errorText)")
        let answer = try #require(Answer.lines(applied.text).last)
        #expect(answer.plan.state == .text("applied") && answer.result.dry_run.flag == false)
        let again = try await world.user.attempt(["plan", "apply", id, "--json"])
        #expect(again.code == 12, "it is applied once")
        // The log leads from the plan to what was done.
        let lines = try await world.user.attempt(["log", "--json"])
        let events = try Answer.lines(lines.text)
        let began = try #require(
            events.first { $0.operation == .text("plan apply") && $0.message.text == String(id.prefix(12)) }
        )
        #expect(events.contains { $0.kind == .text("began") && $0.parent == began.id })
    }

    /// An answer without what it says of itself.
    private static func plain(_ answer: Answer) -> Answer {
        guard case .object(var members) = answer else { return answer }
        members["dry_run"] = nil
        return .object(members)
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
