import Foundation
import Samples
import TestKit
import Testing

/// A kit home, its backends and the files beside it in one folder, with all that was acknowledged there.
///
/// It is made once and copied for each run.
struct World: Sendable {
    /// A root with what it leads to.
    struct Root: Sendable {
        let cid: String
        /// The bytes of each file, by its path below the root; "" for a root that is a file.
        var files: [String: [UInt8]]
        /// Its archive, the same on every backend.
        var archive: Data
    }

    let folder: String
    var user: User
    /// What is pinned for good.
    var pins: Set<String> = []
    /// What is whole on each backend, for good.
    var copies: [String: Set<String>] = [:]
    /// What will be pinned when a recovery is done.
    var recovered: Set<String> = []
    /// Damaged copies of which the catalog does not know yet.
    var believed: [String: Set<String>] = [:]
    /// All roots of this world by a word for each, pinned or not.
    var roots: [String: Root] = [:]

    init(_ folder: String) {
        self.folder = folder
        user = User(at: folder + "/user")
    }

    /// The folder of a backend.
    func disk(_ name: String) -> String { "\(folder)/\(name)" }

    /// The CID of a root, by its word.
    func cid(_ word: String) -> String { roots[word]?.cid ?? word }

    /// The root of a CID.
    func root(of cid: String) -> Root? { roots.values.first { $0.cid == cid } }

    /// The folder of the files that were added.
    var files: String { folder + "/files" }

    /// A copy in another folder; backends lead to the copy's own folders.
    @concurrent
    func copy(to target: String) async throws -> World {
        let copy = try #require(Programs.find("cp"))
        let result = try await ProcessRunner.run(copy, ["-a", "--reflink=auto", folder, target])
        try #require(result.code == 0, "\(result.errorText)")
        var world = self
        world = World(target)
        (world.pins, world.copies, world.roots) = (pins, copies, roots)
        (world.recovered, world.believed) = (recovered, believed)
        world.user = User(at: target + user.folder.dropFirst(folder.count))
        world.user.environment = user.environment
        try world.redirectBackends(from: folder)
        return world
    }

    /// Changes the paths in the files of the backends, as an owner would who moved a disk.
    private func redirectBackends(from old: String) throws {
        let files = FileManager.default
        for user in try files.contentsOfDirectory(atPath: folder) {
            let configured = "\(folder)/\(user)/ipfs-kit/backend_configs"
            for name in (try? files.contentsOfDirectory(atPath: configured)) ?? [] where name.hasSuffix(".yaml") {
                let path = URL(filePath: "\(configured)/\(name)")
                // It may be damaged, and stays as it is then.
                guard var text = try? Data(contentsOf: path), let range = text.range(of: Data((old + "/").utf8)) else {
                    continue
                }
                text.replaceSubrange(range, with: Data((folder + "/").utf8))
                try text.write(to: path)
            }
        }
    }

    /// Removes the folder.
    func remove() { try? FileManager.default.removeItem(atPath: folder) }
}

extension World {
    /// What of that which was acknowledged is not there, in a sentence for each.
    func losses(readable: Bool = true) async throws -> [String] {
        var losses = try await lostPins()
        if readable { losses += try await unreadable() }
        losses += try await brokenCopies()
        return losses
    }

    /// Pins that are not listed.
    func lostPins() async throws -> [String] {
        let result = try await user.attempt(["pin", "ls", "--json"])
        guard result.code == 0 else { return ["pin ls ended with \(result.code): \(result.errorText)"] }
        let listed = Set(try Answer.parse(result.text).pins.items.compactMap(\.cid.text))
        return pins.subtracting(listed).sorted().map { "the pin \($0) is not listed" }
    }

    /// Pinned files whose bytes do not come back.
    func unreadable() async throws -> [String] {
        let kept = pins.sorted().compactMap(root(of:))
        let files = kept.flatMap { root in
            root.files.sorted { $0.key < $1.key }.map { (root.cid + ($0.key.isEmpty ? "" : "/" + $0.key), $0.value) }
        }
        guard !files.isEmpty else { return [] }
        let result = try await user.attempt(["cat"] + files.map(\.0))
        guard result.code == 0 else { return ["cat of all pins ended with \(result.code): \(result.errorText)"] }
        return [UInt8](result.output) == files.flatMap(\.1) ? [] : ["cat of all pins gave other bytes"]
    }

    /// Copies that are not whole though they were acknowledged, or though the catalog says so.
    func brokenCopies() async throws -> [String] {
        var broken: [String] = []
        for (backend, kept) in copies.sorted(by: { $0.key < $1.key }) {
            for cid in kept.sorted() where !isWhole(cid, on: backend) {
                broken.append("the copy of \(cid) on \(backend) is not whole")
            }
            let result = try await user.attempt(["backend", "pin", "list", backend, "--json"])
            // A backend whose file is gone is no backend any more.
            if result.code == 3 { continue }
            guard result.code == 0 else {
                broken.append("backend pin list \(backend) ended with \(result.code): \(result.errorText)")
                continue
            }
            for mapping in try Answer.parse(result.text).mappings.items where mapping.status.text == "stored" {
                guard let cid = mapping.cid.text, let path = mapping.car_file_path.text else { continue }
                if !isWhole(cid, on: backend, path: path), believed[backend]?.contains(cid) != true {
                    broken.append("\(backend) is said to store \(cid), and \(path) is not its archive")
                }
            }
        }
        return broken
    }

    /// Whether a backend holds the archive of a root, byte for byte.
    func isWhole(_ cid: String, on backend: String, path: String? = nil) -> Bool {
        guard let archive = root(of: cid)?.archive else { return true }
        let file = URL(filePath: disk(backend)).appending(path: path ?? "cars/\(cid).car")
        return (try? Data(contentsOf: file)) == archive
    }

    /// The paths of all archives on a backend, whoever wants them.
    func archives(on backend: String) throws -> Set<String> {
        Set(try Trees.files(in: disk(backend)).filter { $0.hasPrefix("cars/") })
    }
}
