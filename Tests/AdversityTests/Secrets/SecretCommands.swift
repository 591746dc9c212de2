import Foundation
import Operations
import Schema
import TestKit

/// Every command of the table, with words that make it do something.
enum SecretCommands {
    /// What stands for each backend in turn.
    private static let each = "BACKEND"

    /// The words behind the name of each command; a command that is not here gets what its fields ask for.
    private static func words(_ world: World) -> [String: [[String]]] {
        let (tree, file, new) = (world.cid("tree"), world.cid("file"), world.folder + "/new")
        let car = world.files + "/tree.car"
        return [
            "init": [[]], "add": [[world.files + "/tree"]], "get": [[tree, "-o", new]], "cat": [[file]], "ls": [[tree]],
            "dag get": [[tree]], "dag put": [[world.files + "/value.json"]], "dag resolve": [[tree + "/a"]],
            "dag stat": [[tree]], "dag export": [[tree, "-o", new]], "dag import": [[car]], "car inspect": [[car]],
            "car verify": [[car]], "car create": [[world.files + "/tree", "-o", new]],
            "car extract": [[car, "-o", new]], "car split": [[car, "--size", "10KB", "-o", new]],
            "car join": [[car, "-o", new]], "car convert": [[car, "-o", new]], "car index": [[car, "-o", new]],
            "block get": [[file]], "block put": [[world.files + "/file"]], "block stat": [[file]],
            "cid format": [[tree]], "cid base32": [[tree]], "cid info": [[tree]], "gc": [["--waste", "0"]],
            "store verify": [[]], "store rebuild-index": [[]], "store stat": [[]], "pin add": [[tree]],
            "pin rm": [[file]], "pin ls": [[]], "pin show": [[tree]], "backend types": [[], ["s3"]],
            "backend list": [[]], "backend create": [["more", "s3", "--bucket", "works-more"]],
            "backend show": [[each]], "backend update": [[each, "--region", "eu-west-1"]],
            "backend remove": [[each, "--force"]], "backend enable": [[each]], "backend disable": [[each]],
            "backend test": [[each]], "backend certify": [[each]],
            "backend pin add": [[each, tree, "cars/x.car"]], "backend pin list": [[each]],
            "backend pin find": [[tree]], "backend pin remove": [[each, tree]], "whereis": [[tree]],
            // What it prints of a root that is there is a secret on purpose.
            "backend pin url": [[each, "bafkqaaa"]],
            "backend mark-dirty": [[each]], "backend dirty": [[]],
            "sync": [[], ["--force"], ["--prune", "--force"], ["--dry-run"], [each, "--force"]], "status": [[]],
            "verify": [[], [each]], "restore": [[], [tree]],
            "recover": [["--from", each], ["--from", each, "--dry-run"]],
            "completion": [["bash"]], "version": [[]],
        ]
    }

    /// All commands, with each of the backends where they take one.
    static func all(_ world: World, backends: [String]) -> [[String]] {
        let known = words(world)
        return operations(on: .commandLine).flatMap { operation -> [[String]] in
            let name = operation.name.split(separator: " ").map(String.init)
            let rows = known[operation.name] ?? [guessed(operation.fieldInfo, world)]
            return rows.flatMap { row in
                row.contains(each)
                    ? backends.map { backend in name + row.map { $0 == each ? backend : $0 } } : [name + row]
            }
        }
    }

    /// Whether a command asks a backend, or says how backends are.
    static func asks(_ words: [String]) -> Bool {
        ["backend", "sync", "status", "verify", "restore", "recover", "whereis"].contains(words[0])
    }

    /// Values for what a command cannot do without.
    private static func guessed(_ fields: [FieldInfo], _ world: World) -> [String] {
        fields.filter(\.isRequired).flatMap { field -> [String] in
            let value =
                switch field.name {
                case let name where name.contains("cid") || name.contains("root"): world.cid("tree")
                case let name where name.contains("file") || name.contains("path") || name == "output":
                    world.folder + "/new"
                default: each
                }
            return field.isPositional ? [value] : [field.flag, value]
        }
    }
}
