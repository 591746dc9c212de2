import Arguments
import Schema
import Testing

@Suite struct ArgumentParserTests {
    @Test(arguments: [
        ("version", "version"), ("--json version", "version"), ("--home /x pin add a b", "pin add"),
        ("pin --quiet add a b", "pin add"), ("backend", "backend"), ("backend list", "backend list"),
        ("--version", "version"), ("store pin list", "store pin list"), ("help pin add", "help"),
    ])
    func `the longest name that the words begin with is the command`(line: String, name: String) throws {
        guard case .command(let command) = try parse(line).topic else {
            Issue.record("\(line) is no command")
            return
        }
        #expect(command.name == name)
    }

    @Test(arguments: [("", ""), ("store", "store"), ("store pin", "store pin"), ("--json", ""), ("store -v", "store")])
    func `words that only begin commands are a group`(line: String, group: String) throws {
        guard case .group(let words) = try parse(line).topic else {
            Issue.record("\(line) is no group")
            return
        }
        #expect(words == group)
    }

    @Test(
        arguments: [
            ("a b", ["cids": .list(["a"]), "target": .text("b")]),
            ("a b,c d", ["cids": .list(["a", "b,c"]), "target": .text("d")]),
            ("a - -5", ["cids": .list(["a", "-"]), "target": .text("-5")]),
            ("a -- --json -h", ["cids": .list(["a", "--json"]), "target": .text("-h")]),
            ("a --target t b", ["cids": .list(["a", "b"]), "target": .text("t")]),
            ("a b --access-key-id k", ["access_key_id": .text("k")]),
            ("a b --access_key_id=k=v", ["access_key_id": .text("k=v")]),
            ("a b --access_key -- k", nil),
            ("a b --access-key k", ["access_key_id": .text("k")]),
            ("a b --access-key=", ["access_key_id": .text("")]),
            ("a b --access-key=-k", ["access_key_id": .text("-k")]),
            ("a b --limit -3", ["limit": .integer(-3)]),
            ("a b --limit 3 --limit 4", ["limit": .integer(4)]),
            ("a b --no-verify", ["verify": .flag(false)]),
            ("a b --verify=no", ["verify": .flag(false)]),
            ("a b --verify=maybe", nil),
            ("a b --no-verify=true", nil),
            ("a b --no-limit", nil),
            ("a b --dry-run", ["dry_run": .flag(true)]),
            ("a b -n", ["dry_run": .flag(true)]),
            ("a b -x", nil),
            ("a b --shape square", ["shape": .text("square")]),
            ("a b --shape oval", nil),
            ("a b --part-size 16MiB", ["part_size": .integer(16 << 20)]),
            ("a b --part-size 16lb", nil),
            ("a b --filter x,y --filter z", ["filter": .list(["x", "y", "z"])]),
            ("a b --limit", nil), ("a b --limit --json", nil), ("a b --limit x", nil),
            ("a", nil), ("", nil), ("a b --unknown", nil), ("a b --target x y --cids q", nil),
            ("--target x --cids q", ["cids": .list(["q"]), "target": .text("x")]),
        ] as [(String, [String: FieldValue]?)]
    )
    func `the words of a command make its values`(line: String, expected: [String: FieldValue]?) throws {
        guard let expected else {
            #expect(throws: ArgumentError.self) { try parse("pin add " + line) }
            return
        }
        let values = try parse("pin add " + line).values
        for (name, value) in expected { #expect(values[name] == value) }
    }

    @Test(arguments: [
        ("--endpoint http://x,y", ["endpoint=http://x,y"]), ("--endpoint-url=x", ["endpoint=x"]),
        ("--no-tls --port 5", ["tls=false", "port=5"]), ("--tls n", ["tls=true"]),
        ("--hosts a --hosts b,c", ["hosts=a,b,c"]), ("--port 1 --port 2", ["port=2"]),
        ("--settings a=1,2 --port 5", ["a=1,2", "port=5"]),
        ("--words a,b --port 5 --words c", ["words=a,b", "port=5", "words=c"]),
    ])
    func `flags of open fields become settings`(line: String, settings: [String]) throws {
        #expect(try parse("backend create " + line).values["settings"] == .list(settings))
    }

    @Test func `an open field must fit its kind`() {
        #expect(throws: ArgumentError.self) { try parse("backend create n --port many") }
        #expect(throws: ArgumentError.self) { try parse("backend create n extra") }
    }

    @Test func `global flags stand anywhere before the dashes`() throws {
        let global = try parse("--json pin -q add a --home=/h --no-progress b -v").global
        #expect(global.json && global.quiet && !global.progress && global.verbose && global.home == "/h")
        #expect(try parse("pin add a -- --json").global.json == false)
    }

    @Test(arguments: ["-qv", "-Qv", "-vq"])
    func `short flags may stand together`(word: String) throws {
        let global = try parse("pin add \(word) a b").global
        #expect(global.quiet && global.verbose && !global.json)
        #expect(throws: ArgumentError.self) { try parse("pin add \(word)x a b") }
        #expect(throws: ArgumentError.self) { try parse("pin add -\(word) a b") }
    }

    @Test func `a variable gives a value where no flag does`() throws {
        let variable: (String) -> String? = { $0 == "SAMPLE_KEY" ? "fromEnvironment" : nil }
        let words = ["pin", "add", "a", "b"]
        #expect(
            try sampleParser.parse(words, environment: variable).values["access_key_id"] == .text("fromEnvironment")
        )
        let given = try sampleParser.parse(words + ["--access-key=x"], environment: variable)
        #expect(given.values["access_key_id"] == .text("x"))
    }

    @Test(arguments: ["pin add --help", "pin add -h --unknown", "--help pin add", "pin add a --limit x --help"])
    func `help is given whatever else is wrong`(line: String) throws {
        let invocation = try parse(line)
        #expect(invocation.global.help)
        guard case .command(let command) = invocation.topic else {
            Issue.record("\(line) is no command")
            return
        }
        #expect(command.name == "pin add")
    }

    @Test(arguments: [
        ("pni add a b", "“pni” is not a command; did you mean “pin”?", ""),
        ("pin ad a b", "“pin ad” is not a command; did you mean “pin add”?", "pin"),
        ("pin add a b --limti 3", "“pin add” has no flag --limti; did you mean --limit?", "pin add"),
        ("pin add a b --jsno", "“pin add” has no flag --jsno; did you mean --json?", "pin add"),
        (
            "pin add a b --limit", "--limit needs a value; one that begins with a dash is written --limit=VALUE.",
            "pin add"
        ),
        ("pin add a", "“pin add” needs TARGET: Where to.", "pin add"),
        (
            "version x",
            "“version” takes no words beside flags, and word 1 of 1 fits nothing; the value of a flag is one word, and that of "
                + "one that is true or false stands behind `=`.",
            "version"
        ),
        ("--jsn", "“ipfs-kit” has no flag --jsn; did you mean --json?", ""),
        ("frobnicate", "“frobnicate” is not a command.", ""),
    ])
    func `an error says what is meant and what helps`(line: String, message: String, topic: String) {
        let error = #expect(throws: ArgumentError.self) { try parse(line) }
        #expect(error?.message == message)
        #expect(error?.topic == topic)
    }

    @Test(arguments: [
        "version WORD", "version a WORD", "backend create b WORD", "backend create b --settings secret WORD",
    ])
    func `a word that fits nothing is not repeated`(line: String) {
        let error = #expect(throws: ArgumentError.self) { try parse(line) }
        #expect(error?.message.contains("fits nothing") == true && error?.message.contains("WORD") == false)
    }

    @Test func `the value of a secret is in no message`() {
        let secret = Command(name: "x", summary: "", details: "") {
            Command.Inputs(
                fields: SecretNumber.fieldInfo,
                openFields: [],
                defaults: [:]
            )
        }
        let error = #expect(throws: ArgumentError.self) {
            try ArgumentParser([secret]).parse(["x", "--code", "hunter2"])
        }
        #expect(error?.message == "--code: the value does not fit.")
    }

    private func parse(_ line: String) throws -> Invocation {
        try sampleParser.parse(line.split(separator: " ").map(String.init))
    }
}

private struct SecretNumber: Described {
    var code = 0

    static let fields: [Field<Self>] = [Field("code", \.code, help: "The code.", secret: true)]
}
