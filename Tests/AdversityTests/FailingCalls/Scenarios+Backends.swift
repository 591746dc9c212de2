import Foundation
import Samples
import TestKit
import Testing

/// Commands that read and write backends, or mend the store.
extension Scenario {
    static let syncing: [Scenario] = [
        Scenario(
            name: "sync",
            command: { _ in ["sync", "--json"] },
            missing: { world, _ in try await world.notInStep() }
        ),
        Scenario(
            name: "sync-prune",
            arrive: { world in
                try await world.user.run("pin", "add", world.cid("gone"))
                try await world.user.run("sync")
                try await world.forgetOthers()
                try await world.user.run("pin", "rm", world.cid("gone"))
                try await world.add("later", ["": sampleBytes(9000, seed: 25)])
            },
            command: { _ in ["sync", "--prune", "--json"] },
            missing: { world, _ in
                let left = try await world.notInStep()
                let unwanted = try ["left", "right"].filter { name in
                    try world.archives(on: name).contains("cars/\(world.cid("gone")).car")
                }
                return left + unwanted.map { "\($0) still has what no pin wants" }
            }
        ),
        Scenario(
            name: "sync-force",
            prepare: { world in try await world.sync() },
            command: { _ in ["sync", "--force", "--json"] },
            missing: { world, _ in try await world.notInStep() }
        ),
    ]

    static let checking: [Scenario] = [
        Scenario(
            name: "verify",
            command: { _ in ["verify", "--json"] },
            missing: { world, _ in try await world.brokenCopies() }
        ),
        Scenario(
            name: "verify-damaged",
            prepare: { world in
                let path = "\(world.disk("left"))/cars/\(world.cid("tree")).car"
                var content = try bytes(at: path)
                content[content.count / 2] ^= 4
                try write(content, to: path)
                world.expectNothing(of: "tree")
                // What the catalog says of it is what verify is to mend.
                world.believed = ["left": [world.cid("tree")]]
            },
            command: { _ in ["verify", "--json"] },
            missing: { _, result in result.code == 0 ? ["verify ended with 0 over a damaged copy"] : [] },
            codesWhenDone: [10]
        ),
        Scenario(
            name: "store-verify",
            command: { _ in ["store", "verify", "--json"] },
            missing: { world, _ in try await world.unreadable() }
        ),
    ]

    static let repairing: [Scenario] = [
        Scenario(
            name: "restore",
            prepare: { world in
                try await world.sync()
                for name in try Trees.files(in: world.user.home + "/store") {
                    try FileManager.default.removeItem(atPath: world.user.home + "/store/" + name)
                }
            },
            command: { _ in ["restore", "--json"] },
            missing: { world, _ in try await world.unreadable() },
            isReadable: false
        ),
        Scenario(
            name: "recover",
            prepare: { world in
                try await world.sync()
                world.user = User(at: world.folder + "/fresh")
                try FileManager.default.createDirectory(atPath: world.user.folder, withIntermediateDirectories: true)
                try await world.user.run("init")
                try await world.user.run("backend", "create", "left", "filesystem", "--path", world.disk("left"))
                world.recovered = world.pins
                world.pins = []
                world.copies["right"] = nil
            },
            command: { _ in ["recover", "--from", "left", "--json"] },
            missing: { world, _ in
                var whole = world
                whole.pins = world.recovered
                return try await whole.lostPins() + whole.unreadable()
            }
        ),
        Scenario(
            name: "gc",
            command: { _ in ["gc", "--waste", "0", "--json"] },
            missing: { world, _ in
                let found = try await world.user.attempt(["block", "stat", world.cid("gone")])
                return found.code == 4 ? [] : ["what no pin wants is still there: \(found.code)"]
            }
        ),
        Scenario(
            name: "store-rebuild-index",
            command: { _ in ["store", "rebuild-index", "--json"] },
            missing: { world, _ in try await world.unreadable() }
        ),
        Scenario(
            name: "store-rebuild-lost-index",
            prepare: { world in
                for name in try Trees.files(in: world.user.home + "/store/index") where name.hasSuffix(".idx") {
                    try FileManager.default.removeItem(atPath: world.user.home + "/store/index/" + name)
                }
            },
            command: { _ in ["store", "rebuild-index", "--json"] },
            missing: { world, _ in try await world.unreadable() },
            isReadable: false
        ),
    ]

    static let reading: [Scenario] = [
        Scenario(
            name: "pin-ls",
            command: { _ in ["pin", "ls", "--json"] },
            missing: { world, result in
                let listed = Set(try Answer.parse(result.text).pins.items.compactMap(\.cid.text))
                return world.pins.subtracting(listed).map { "it ended with 0 and left out \($0)" }
            }
        ),
        Scenario(
            name: "status",
            command: { _ in ["status", "--json"] },
            missing: { world, result in
                let answer = try Answer.parse(result.text)
                let isWhole = answer.backends.items.count == 2 || !answer.warnings.items.isEmpty
                return isWhole && answer.pin_count.int == world.pins.count
                    ? [] : ["it ended with 0 and said \(result.text)"]
            }
        ),
        Scenario(
            name: "cat",
            command: { world in ["cat", world.cid("tree") + "/a.bin"] },
            missing: { world, result in
                [UInt8](result.output) == world.roots["tree"]?.files["a.bin"] ? [] : ["it gave other bytes"]
            }
        ),
        Scenario(
            name: "get",
            command: { world in ["get", world.cid("tree"), "-o", world.folder + "/got", "--json"] },
            missing: { world, _ in
                let got = try Trees.contents(of: world.folder + "/got")
                return try got == Trees.contents(of: world.files + "/tree") ? [] : ["it wrote something else"]
            },
            codesWhenDone: [0, 1, 2, 12]
        ),
        Scenario(
            name: "dag-export",
            command: { world in ["dag", "export", world.cid("tree"), "-o", world.folder + "/got.car", "--json"] },
            missing: { world, _ in
                let got = try? Data(contentsOf: URL(filePath: world.folder + "/got.car"))
                return got == world.roots["tree"]?.archive ? [] : ["it wrote something else"]
            },
            codesWhenDone: [0, 1, 2, 12]
        ),
    ]
}
