import Foundation
import Operations
import TestKit
import Testing

/// What tests ask a world, and have done in it.
extension World {
    /// That a command ends with 0.
    func failing(_ words: String...) async throws -> [String] {
        let result = try await user.attempt(words)
        let said = "\(words.joined(separator: " ")) ended with \(result.code): \(result.text)\(result.errorText)"
        return result.code == 0 ? [] : [said]
    }

    /// That these roots are pinned and readable.
    func unpinned(_ words: [String]) async throws -> [String] {
        var world = self
        world.pins = Set(words.map(cid))
        return try await world.lostPins() + world.unreadable()
    }

    /// That every pin is whole on the backends that it wants, that the catalog knows it, and that no backend is out of
    /// step.
    func notInStep() async throws -> [String] {
        var missing = try await user.dirty().map { "\($0) is out of step" }
        for cid in pins.sorted() {
            let wanted = cid == self.cid("single") ? 1 : copies.count
            let holders = copies.keys.filter { isWhole(cid, on: $0) }
            if holders.count < wanted { missing.append("\(cid) is whole on \(holders.sorted()) alone") }
            let mappings = try await user.json("whereis", cid).mappings.items
            let stored = mappings.filter { $0.status.text == "stored" }
            if stored.count < wanted { missing.append("\(cid) is known to be stored on \(stored.count) alone") }
        }
        return missing
    }

    /// Writes files and finds out what adding them will give, in a home of another user.
    mutating func foresee(_ word: String, _ contents: [String: [UInt8]], _ flags: [String]) async throws {
        var other = World(folder + "/foreseen")
        try FileManager.default.createDirectory(atPath: other.user.folder, withIntermediateDirectories: true)
        try await other.user.run("init")
        try await other.add(word, contents, "--chunker", "size-16384")
        roots[word] = other.roots[word]
        try FileManager.default.moveItem(atPath: "\(other.files)/\(word)", toPath: "\(files)/\(word)")
        other.remove()
    }

    /// Says of every other home that was seen on a backend that it is gone; of a copied world, that is the original.
    func forgetOthers() async throws {
        for name in copies.keys.sorted() {
            let peers = try await user.attempt(["backend", "peers", name, "--json"])
            guard peers.code == 0 else { continue }
            for home in try Answer.parse(peers.text).peers.items.compactMap(\.home.text) {
                let forgotten = try await user.attempt(["backend", "peers", "forget", home])
                try #require(forgotten.code == 0, "\(home): \(forgotten.errorText)")
            }
        }
    }
}

/// Commands that the program names as those that help.
enum Hint {
    /// The words of each command that an answer names after `Run: `, or as a `hint` in JSON, without the name of the
    /// program.
    static func all(in result: ProcessResult) -> [[String]] {
        let lines = (result.text + "\n" + result.errorText).split(separator: "\n").map(String.init)
        let printed = lines.compactMap { line in line.range(of: "Run: ").map { String(line[$0.upperBound...]) } }
        let values = lines.compactMap { try? Answer.parse($0) }
        let all = printed + values.flatMap(hints)
        var seen: Set<String> = []
        return all.filter { $0.hasPrefix("ipfs-kit ") && seen.insert($0).inserted }
            .map { $0.split(separator: " ").dropFirst().map { $0.trimmingCharacters(in: ["."]) } }
    }

    /// Whether a hint is a command that changes something, with nothing in it that the owner has to fill in.
    static func repairs(_ words: [String]) -> Bool {
        let isWhole = !words.contains { word in
            word.contains("…")
                || word.contains { $0.isUppercase } && word.allSatisfy { $0.isUppercase || "_-".contains($0) }
        }
        let changing = operations(on: .commandLine).filter { $0.changes && $0.name != "backend test" }
        return isWhole && changing.contains { words.starts(with: $0.name.split(separator: " ").map(String.init)) }
    }

    private static func hints(_ answer: Answer) -> [String] {
        switch answer {
        case .object(let members):
            members.sorted { $0.key < $1.key }.flatMap { key, value in
                key == "hint" ? [value.text].compactMap(\.self) : hints(value)
            }
        case .list(let items): items.flatMap(hints)
        default: []
        }
    }
}

/// A database as another program sees it.
enum SQLiteFile {
    /// Writes what is in the log of a database into the database itself.
    static func empty(_ path: String) async throws {
        let script = """
            import sqlite3, sys
            print(sqlite3.connect(sys.argv[1]).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
            """
        let python = try #require(Programs.python)
        let result = try await ProcessRunner.run(python, ["-c", script, path])
        try #require(result.text.contains("(0,"), "\(result.text)\(result.errorText)")
    }

    /// What is wrong with a copy of a catalog that should have so many pins.
    static func problems(_ path: String, pins: Int) async throws -> [String] {
        let script = """
            import sqlite3, sys
            database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
            check = database.execute("PRAGMA integrity_check").fetchone()[0]
            count = database.execute("SELECT count(*) FROM pins").fetchone()[0]
            print("" if check == "ok" and count == int(sys.argv[2]) else f"{check}, {count} pins")
            """
        let python = try #require(Programs.python)
        let result = try await ProcessRunner.run(python, ["-c", script, path, "\(pins)"])
        let text = (result.text + result.errorText).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? [] : ["\(path): \(text)"]
    }
}
