import Arguments
import Schema

/// A command with every kind of input.
struct Sample: Described {
    enum Shape: String, FieldChoice { case round, square }

    var cids: [String] = []
    var target: String?
    var accessKeyID = ""
    var secret = ""
    var limit = 10
    var verify = true
    var dryRun = false
    var shape = Shape.round
    var size = ByteCount(1 << 20)
    var filter: [String] = []

    static let fields: [Field<Self>] = [
        Field("cids", \.cids, help: "The roots.", required: true, positional: true),
        Field("target", \.target, help: "Where to.", required: true, positional: true),
        Field("access_key_id", \.accessKeyID, help: "The key.", env: ["SAMPLE_KEY"], aliases: ["access-key"]),
        Field("secret", \.secret, help: "The secret.", secret: true),
        Field("limit", \.limit, help: "How many."),
        Field("verify", \.verify, help: "Read it back."),
        Field("dry_run", \.dryRun, help: "Change nothing."),
        Field("shape", \.shape, help: "The shape."),
        Field("part_size", \.size, help: "The length of a part."),
        Field("filter", \.filter, help: "Only these."),
    ]
}

/// A command that takes settings that it does not know itself.
struct Open: Described {
    var name = ""
    var settings: [String] = []

    static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The name.", positional: true),
        Field("settings", \.settings, help: "More settings.", whole: true),
    ]
}

/// Settings of two services that use one name differently.
struct Settings: Described {
    var endpoint = ""
    var tls = true
    var hosts: [String] = []
    var words: [String] = []
    var port = 0

    static let fields: [Field<Self>] = [
        Field("endpoint", \.endpoint, help: "The address.", aliases: ["endpoint_url"]),
        Field("tls", \.tls, help: "Use TLS."),
        Field("hosts", \.hosts, help: "The hosts."),
        Field("words", \.words, help: "The words.", whole: true),
        Field("port", \.port, help: "The port."),
    ]
}

/// A command without inputs.
struct Nothing: Described {
    static let fields: [Field<Self>] = []
}

/// A small set of commands with groups in groups.
let sampleParser = ArgumentParser([
    command("version", Nothing.self), command("pin add", Sample.self), command("backend", Nothing.self),
    command("backend create", Open.self, open: Settings.fieldInfo), command("backend list", Nothing.self),
    command("store pin add", Nothing.self), command("store pin list", Nothing.self), HelpInputs.command,
])

private func command(_ name: String, _ type: (some Described).Type, open: [FieldInfo] = []) -> Command {
    Command(name: name, summary: "Does \(name).", details: "First.\n  ipfs-kit \(name)") {
        Command.Inputs(type, openFields: open)
    }
}
