import Foundation
import Samples
import TestKit
import Testing

/// What machines get.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(10))) struct OutputShapeTests {
    /// Commands in an order in which each can work, and a member that its answer has.
    static let commands = [
        ("backend types", "types"), ("backend types s3", "types"), ("backend list", "backends"),
        ("status", "pin_count"),
        ("backend put disk notes/x FOLDER/value.json", "sha256"), ("backend stat disk notes/x", "presence"),
        ("backend create other filesystem --path /tmp/x --dry-run", "settings"), ("backend dirty", "dirty"),
        ("backend mark-dirty disk", "dirty"), ("sync --dry-run", "work"), ("sync", "backends"),
        ("sync --all", "backends"), ("backend show disk", "settings"), ("backend test disk", "steps"),
        ("backend certify disk", "laws"),
        ("backend update disk --timeout 20", "settings"), ("backend disable disk", "settings"),
        ("backend enable disk", "settings"), ("pin ls", "pins"), ("pin show ROOT", "pin"), ("pin add ROOT", "pinned"),
        ("whereis ROOT", "mappings"), ("backend pin find ROOT", "mappings"), ("backend pin list disk", "mappings"),
        ("backend pin add disk ROOT a.car", "mappings"), ("backend pin remove disk ROOT", "mappings"),
        ("backend index rebuild disk", "backends"),
        ("sync --force", "backends"), ("verify", "backends"), ("verify --sample 1", "backends"),
        ("restore", "whole"), ("restore --full", "whole"), ("recover --from disk --dry-run", "pin_count"),
        ("dag stat ROOT", "dags"), ("dag export ROOT --output FOLDER/x.car", "path"),
        ("dag import FOLDER/x.car", "roots"),
        ("dag resolve ROOT", "cid"), ("car inspect FOLDER/x.car", "archives"), ("car verify FOLDER/x.car", "archives"),
        ("car extract FOLDER/x.car --output FOLDER/out", "path"), ("car create FOLDER/out -o FOLDER/y.car", "cid"),
        ("block stat ROOT", "size_bytes"), ("block put FOLDER/out", "blocks"), ("dag put FOLDER/value.json", "blocks"),
        ("cid format ROOT", "cids"), ("cid base32 ROOT", "cids"), ("cid info ROOT", "codec"),
        ("gc --dry-run", "dead_blocks"), ("gc", "freed_bytes"), ("store verify", "problems"),
        ("store rebuild-index", "blocks"), ("store stat", "pack_bytes"),
        ("whereis ROOT --fresh", "asked"), ("pin show ROOT --fresh", "asked"),
        ("snapshot list disk --fresh", "asked_at"), ("snapshot list disk", "asked_by"),
        ("get ROOT --output FOLDER/got", "path"), ("version", "version"), ("completion bash", "script"),
        ("init", "home"),
        ("pin rm ROOT --dry-run", "unpinned"), ("pin rm ROOT", "unpinned"),
        ("backend remove disk --dry-run", "backend"),
        ("backend remove disk --force", "backend"),
    ]

    @Test func everyCommandAnswersInJSON() async throws {
        let user = try await User.ready()
        try await user.createDisk("disk")
        let root = try await user.add(sampleBytes(400_000))
        try Data("{}".utf8).write(to: URL(filePath: user.folder + "/value.json"))
        var answers: [String] = []
        for (command, member) in Self.commands {
            let words = command.replacing("ROOT", with: root).replacing("FOLDER", with: user.folder)
            let result = try await user.attempt(words.split(separator: " ").map(String.init) + ["--json"])
            #expect(result.code == 0, "\(command): \(result.text)\(result.errorText)")
            let answer = try Answer.parse(result.text)
            #expect(answer[dynamicMember: member] != .null, "\(command): \(result.text)")
            let operation = try await Self.operation(of: words, user)
            answers.append("\(operation)\t\(result.text)")
        }
        let (schemas, log) = (user.folder + "/schemas.json", user.folder + "/answers")
        try Data(try await user.run("schema", "--json").text.utf8).write(to: URL(filePath: schemas))
        try Data(answers.joined().utf8).write(to: URL(filePath: log))
        let checked = try await Python.run(Self.validate, schemas, log)
        #expect(checked.problems.items.isEmpty && checked.count.int == Self.commands.count, "\(checked)")
        #expect(checked.schemas.int ?? 0 > 2 * 60)
    }

    /// The operation whose words a command begins with.
    private static func operation(of words: String, _ user: User) async throws -> String {
        let names = try await user.json("schema").operations.items.compactMap(\.name.text)
        return try #require(names.filter { (words + " ").hasPrefix($0 + " ") }.max { $0.count < $1.count })
    }

    /// Compares answers with the schemas by a validator that is not ours, and the schemas with the draft.
    private static let validate = """
        import json, sys
        from jsonschema import Draft202012Validator as Validator
        described = json.load(open(sys.argv[1]))
        schemas, count, problems = {}, 0, []
        for row in described["operations"]:
            schemas[row["name"]] = row["output"]
            for schema in [row["input"], row["output"]] + row["items"]:
                Validator.check_schema(schema)
                count += 1
        Validator.check_schema(described["failure"])
        answers = [line.split("\\t", 1) for line in open(sys.argv[2])]
        for name, text in answers:
            for error in Validator(schemas[name]).iter_errors(json.loads(text)):
                problems.append(name + ": " + error.message)
        print(json.dumps({"problems": problems, "count": len(answers), "schemas": count}))
        """

    /// The check that each answer of each test passes finds what is wrong.
    @Test func theCheckOfAnswersFindsWhatIsWrong() async throws {
        let user = try await User.ready()
        let check = try AnswerCheck(try await user.json("schema"))
        let words = ["block", "stat", "x", "--json"]
        let cid = "bafkreidv4dkfr7bnuqfvxc4lmfgqdexj3j777qwwaqxtgmap3mhiva67wq"
        #expect(check.problems(of: words, #"{"cid":"\#(cid)","size_bytes":3}"#).isEmpty)
        for wrong in [
            #"{"cid":"\#(cid)"}"#, #"{"cid":"\#(cid)","size_bytes":"3"}"#, #"{"cid":null,"size_bytes":3}"#,
            #"{"cid":"not a cid","size_bytes":3}"#, #"{"cid":"\#(cid)","size_bytes":3,"more":1}"#, "[]",
            #"{"error":{"code":4}}"#,
        ] { #expect(!check.problems(of: words, wrong).isEmpty, "\(wrong)") }
    }

    @Test func streamsAreLinesOfJSON() async throws {
        let user = try await User.ready()
        try Trees.make(at: user.folder + "/tree")
        let added = try Answer.lines(try await user.run("add", user.folder + "/tree", "--json").text)
        #expect(added.dropLast().allSatisfy { $0.type == .text("added") } && added.last?.type == .text("summary"))
        let root = try #require(added.last?.roots[0].cid.text)
        let listed = try Answer.lines(try await user.run("ls", root, "--json").text)
        #expect(!listed.isEmpty)
        // Content is content, also with --json.
        #expect(try await user.run("cat", root + "/zero", "--json").output.isEmpty)
    }

    /// Where content goes to standard output nothing else does, whatever comes of it.
    @Test func contentStandsAlone() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(300_000))
        try await user.createDisk("disk")
        try await user.run("sync")
        let copy = try await user.run("catalog", "backup", "-", "--json")
        #expect(copy.output.count % 512 == 0 && copy.output.starts(with: Array("SQLite format 3".utf8)))
        // The first is whole, and the second fails.
        let other = try await user.add(Array("x".utf8), name: "other")
        try await user.run("pin", "rm", other)
        try await user.run("gc", "--waste", "0")
        let result = try await user.attempt(["cat", root, other, "--json"])
        #expect(result.code == 4 && result.output.count == 300_000 && result.errorText.contains(other))
        let line = try #require(result.errorText.split(separator: "\n").last)
        #expect(try Answer.parse(String(line)).error.kind == .text("notFound"))
    }

    /// What a text of a list holds is nobody's to cut.
    @Test func itemsMayHoldCommas() async throws {
        let user = try await User.ready()
        let root = try await user.add(sampleBytes(10))
        try await user.run("pin", "add", root, "--meta", "k=a,b", "--meta", "l=[1,2]")
        let metadata = try await user.json("pin", "show", root).pin.metadata
        #expect(metadata == .object(["k": .text("a,b"), "l": .text("[1,2]")]))
        try write([1], to: user.folder + "/a,b")
        #expect(try await user.run("add", "--paths", user.folder + "/a,b", "-Q").text.hasPrefix("bafk"))
    }

    @Test func everyCommandExplainsItself() async throws {
        let user = try User()
        let help = try await user.run("help")
        #expect(help.text.contains("sync") && help.text.contains("recover"))
        for command in ["sync --help", "help backend create", "backend --help"] {
            let result = try await user.attempt(command.split(separator: " ").map(String.init))
            #expect(result.code == 0 && result.text.count > 100, "\(command)")
        }
    }

    @Test func theHomeIsWhereTheFlagSays() async throws {
        let user = try User()
        try await user.run("--home", user.folder + "/one", "init")
        try await user.run("init", "--home=\(user.folder)/two")
        #expect(try await user.json("status", "--home", user.folder + "/two").home == .text(user.folder + "/two"))
        #expect(!FileManager.default.fileExists(atPath: user.home))
        let quiet = try await user.run("--home", user.folder + "/one", "--quiet", "pin", "ls")
        #expect(quiet.text.isEmpty && quiet.errorText.isEmpty)
    }
}
