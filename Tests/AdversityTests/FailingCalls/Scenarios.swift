import Foundation
import Operations
import Samples
import TestKit
import Testing

extension Scenario {
    /// The commands whose calls fail.
    static let all: [Scenario] =
        homes + adding + pinning + configuring + syncing + checking + repairing + reading
        + (operations(on: .commandLine).contains { $0.name == "catalog backup" } ? [backup] : [])

    private static let homes: [Scenario] = [
        Scenario(
            name: "init",
            prepare: { world in
                world.user = User(at: world.folder + "/fresh")
                world.pins = []
                world.copies = [:]
                try FileManager.default.createDirectory(atPath: world.user.folder, withIntermediateDirectories: true)
            },
            command: { _ in ["init"] },
            missing: { world, _ in try await world.failing("status") },
            hasHome: false
        ),
        Scenario(
            name: "init-again",
            command: { _ in ["init"] },
            missing: { world, _ in try await world.failing("status") }
        ),
    ]

    private static let more: [String: [UInt8]] = [
        "one": sampleBytes(90_000, seed: 21), "two": sampleBytes(3000, seed: 22), "below/three": [1, 2, 3],
    ]

    /// Adds something new, of which only the CID and the archive are known before.
    private static func adding(
        _ name: String,
        _ contents: [String: [UInt8]] = more,
        _ flags: [String] = []
    ) -> Scenario {
        Scenario(
            name: name,
            prepare: { world in try await world.foresee("new", contents, flags) },
            command: { world in ["add", "\(world.files)/new", "--chunker", "size-16384", "--json"] + flags },
            missing: { world, _ in try await world.unpinned(["new"]) }
        )
    }

    private static let adding: [Scenario] = [
        adding("add"),
        adding("add-no-copy", more, ["--no-copy"]),
        adding("add-file", ["": sampleBytes(200_000, seed: 23)]),
        Scenario(
            name: "add-known",
            command: { world in ["add", "\(world.files)/gone", "--chunker", "size-16384", "--json"] },
            missing: { world, _ in try await world.unpinned(["gone"]) }
        ),
        Scenario(
            name: "dag-import",
            prepare: { world in
                try await world.foresee("new", more, [])
                try write([UInt8](world.roots["new"]?.archive ?? Data()), to: world.files + "/new.car")
            },
            command: { world in ["dag", "import", world.files + "/new.car", "--json"] },
            missing: { world, _ in try await world.unpinned(["new"]) }
        ),
        Scenario(
            name: "block-put",
            prepare: { world in try await world.foresee("block", ["": sampleBytes(5000, seed: 24)], []) },
            command: { world in ["block", "put", "\(world.files)/block", "--pin", "--json"] },
            missing: { world, _ in try await world.unpinned(["block"]) }
        ),
    ]

    private static let pinning: [Scenario] = [
        Scenario(
            name: "pin-add",
            command: { world in ["pin", "add", world.cid("gone"), "--name", "back", "--json"] },
            missing: { world, _ in try await world.unpinned(["gone"]) }
        ),
        Scenario(
            name: "pin-rm",
            prepare: { world in
                world.pins.remove(world.cid("late"))
                world.expectNothing(of: "late")
            },
            command: { world in ["pin", "rm", world.cid("late"), "--json"] },
            missing: { world, _ in
                try await world.user.pins().contains(world.cid("late")) ? ["the pin is still listed"] : []
            },
            codesWhenDone: [0, 4]
        ),
    ]

    private static let configuring: [Scenario] = [
        Scenario(
            name: "backend-create",
            prepare: { world in
                try FileManager.default.createDirectory(
                    atPath: world.disk("third"),
                    withIntermediateDirectories: true
                )
            },
            command: { world in ["backend", "create", "third", "filesystem", "--path", world.disk("third"), "--json"] },
            missing: { world, _ in try await world.failing("backend", "show", "third") },
            codesWhenDone: [0, 1, 2, 12]
        ),
        Scenario(
            name: "backend-remove",
            prepare: { world in world.copies["right"] = nil },
            command: { _ in ["backend", "remove", "right", "--force", "--json"] },
            missing: { world, _ in
                let shown = try await world.user.attempt(["backend", "show", "right"])
                return shown.code == 3 ? [] : ["backend show right ended with \(shown.code)"]
            },
            codesWhenDone: [0, 3]
        ),
        Scenario(
            name: "backend-pin-add",
            command: { world in ["backend", "pin", "add", "left", world.cid("late"), "cars/x.car", "--json"] },
            missing: { world, _ in
                let found = try await world.user.json("whereis", world.cid("late")).mappings.items
                return found.contains { $0.backend_name.text == "left" } ? [] : ["the mapping is not there"]
            }
        ),
        Scenario(
            name: "backend-mark-dirty",
            prepare: { world in try await world.sync() },
            command: { _ in ["backend", "mark-dirty", "left", "--reason", "told", "--json"] },
            // The world is a copy, so all backends are to be looked at anyway.
            missing: { world, _ in
                let dirty = try await world.user.json("backend", "dirty").dirty.items
                let isTold = dirty.contains { $0.name == .text("left") && $0.state.reason == .text("told") }
                return isTold ? [] : ["left is not dirty"]
            }
        ),
    ]

    private static let backup = Scenario(
        name: "catalog-backup",
        command: { world in ["catalog", "backup", world.folder + "/backup.sqlite", "--json"] },
        missing: { world, _ in
            try await SQLiteFile.problems(world.folder + "/backup.sqlite", pins: world.pins.count)
        },
        codesWhenDone: [0, 1, 2, 12]
    )
}
