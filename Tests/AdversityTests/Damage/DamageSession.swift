import Foundation
import Operations
import TestKit
import Testing

/// The commands of an owner of a damaged home, and the laws that each of them keeps.
struct DamageSession {
    private let original: Original
    private let damages: [DamagedFile]
    private(set) var result = DamageRun.Result()

    init(original: Original, damages: [DamagedFile]) {
        (self.original, self.damages) = (original, damages)
    }

    private static let codes = Set(ExitCode.allCases.map { Int($0.rawValue) })

    private mutating func alarm(_ kind: String, _ seen: [String]) {
        guard !seen.isEmpty else { return }
        result.alarms.append(Alarm(run: "", kind: kind, text: seen.joined(separator: "; ")))
    }

    /// Runs a command; it must end by itself, with a code that is known, and say something where it fails.
    @discardableResult
    private mutating func run(_ world: World, _ words: [String]) async throws -> ProcessResult {
        self.result.commands += 1
        let result = try await world.user.attempt(words, timeout: .seconds(60))
        let command = words.prefix(2).joined(separator: " ")
        if result.timedOut { alarm("\(command) hangs", ["it did not end in 60 s"]) }
        if !result.timedOut, !Self.codes.contains(result.code) {
            alarm("\(command) crashes", ["code \(result.code): \(result.errorText.prefix(800))"])
        }
        if result.code != 0, result.text.isEmpty, result.errorText.isEmpty {
            alarm("\(command) fails in silence", ["code \(result.code)"])
        }
        return result
    }

    // MARK: What removes

    /// Collects and prunes: nothing that is pinned goes, whatever is damaged.
    mutating func collects(_ world: World) async throws {
        defer { world.remove() }
        let blocks = original.blocks
        let before = try world.blocks(blocks)
        let copies = whole(in: world)
        try await run(world, ["gc", "--waste", "0"])
        let after = try world.blocks(blocks)
        let gone = blocks.keys.filter { !(before[$0] ?? []).isSubset(of: after[$0] ?? []) }
        alarm("gc removed what is pinned", gone.map { "blocks of \($0)" })
        try await world.forgetOthers()
        try await run(world, ["sync", "--prune"])
        let left = whole(in: world)
        alarm("sync --prune removed what is pinned", copies.subtracting(left).sorted())
    }

    /// The copies that are whole, by backend and root.
    private func whole(in world: World) -> Set<String> {
        Set(
            world.copies.flatMap { name, roots in
                roots.filter { world.isWhole($0, on: name) }.map { "\($0) on \(name)" }
            }
        )
    }

    // MARK: What reads

    /// Looks at everything without repairing anything.
    mutating func looks(_ world: inout World) async throws {
        try await status(world)
        try await pins(world, "pin ls")
        let lost = try await reads(world)
        try await get(world)
        let checked = try await run(world, ["store", "verify"])
        if checked.code == 0 { alarm("store verify says 0 over loss", lost) }
        let verified = try await run(world, ["verify", "--json"])
        if verified.code == 0 { alarm("verify says 0 over loss", try await world.brokenCopies()) }
    }

    private mutating func status(_ world: World) async throws {
        let result = try await run(world, ["status", "--json"])
        guard result.code == 0 else { return }
        let count = try Answer.parse(result.text).pin_count.int ?? -1
        if count < world.pins.count { alarm("status says 0 over loss", ["\(count) of \(world.pins.count) pins"]) }
    }

    private mutating func pins(_ world: World, _ law: String) async throws {
        let result = try await run(world, ["pin", "ls", "--json"])
        guard result.code == 0 else { return named(result, law) }
        let listed = Set(try Answer.parse(result.text).pins.items.compactMap(\.cid.text))
        alarm("\(law) says 0 over loss", world.pins.subtracting(listed).sorted())
    }

    /// Reads every pin; returns those that cannot be read.
    private mutating func reads(_ world: World) async throws -> [String] {
        var lost: [String] = []
        for root in world.pins.sorted().compactMap(world.root(of:)) {
            let files = root.files.sorted { $0.key < $1.key }
            let paths = files.map { root.cid + ($0.key.isEmpty ? "" : "/" + $0.key) }
            let result = try await run(world, ["cat"] + paths)
            let expected = files.flatMap(\.value)
            let got = [UInt8](result.output)
            if result.code == 0, got != expected { alarm("cat gives wrong bytes", [root.cid]) }
            if result.code != 0 {
                lost.append("\(root.cid) cannot be read")
                if !expected.starts(with: got) { alarm("cat gives wrong bytes", [root.cid]) }
                named(result, "cat")
            }
        }
        return lost
    }

    private mutating func get(_ world: World) async throws {
        let target = world.folder + "/got"
        let result = try await run(world, ["get", world.cid("tree"), "-o", target])
        let isThere = FileManager.default.fileExists(atPath: target)
        let isRight = try isThere && Trees.contents(of: target) == Trees.contents(of: original.world.files + "/tree")
        if result.code == 0, !isRight { alarm("get says 0 and wrote something else", [result.text]) }
        if result.code != 0, isThere, !isRight { alarm("get leaves a part under the final name", [result.errorText]) }
    }

    /// A refusal names a command that helps, or the file that is damaged.
    private mutating func named(_ result: ProcessResult, _ command: String) {
        let text = result.text + result.errorText
        // A database is one thing to its owner, with its log.
        let files = damages.map { file in
            file.path.contains("catalog.sqlite") ? "catalog" : (file.path as NSString).lastPathComponent
        }
        if Hint.all(in: result).isEmpty, !files.contains(where: text.contains) {
            alarm("\(command) refuses and names neither a command nor a file", ["code \(result.code): \(text)"])
        }
    }

    // MARK: What the program itself proposes

    /// Follows the commands that answers name: one that ends with 0 has helped.
    mutating func follows(_ world: World) async throws {
        defer { world.remove() }
        let paths = world.pins.sorted().map { $0 == world.cid("tree") ? $0 + "/a.bin" : $0 }
        for words in [["pin", "ls"], ["cat"] + paths, ["store", "verify"], ["verify"]] {
            _ = try await settle(world, words, depth: 0)
        }
    }

    /// Runs a command, and while it fails what it names as a help, which may name another; returns how it ended at
    /// last.
    private mutating func settle(_ world: World, _ words: [String], depth: Int) async throws -> Int {
        var followed: [[String]] = []
        while true {
            let result = try await run(world, words)
            guard result.code != 0, depth < 4, followed.count < 5 else { return result.code }
            if depth > 0, result.code == 2 { alarm("a hint cannot be run", ["\(words): \(result.errorText)"]) }
            guard let hint = Hint.all(in: result).first(where: Hint.repairs), hint != words else { return result.code }
            if followed.contains(hint) {
                let seen = "\(words.prefix(2)) names \(hint) again: \(result.text)\(result.errorText)"
                alarm("a hint ended with 0 and did not help", [seen])
                return result.code
            }
            followed.append(hint)
            self.result.hintsFollowed += 1
            guard try await settle(world, hint, depth: depth + 1) == 0 else { return result.code }
        }
    }

    // MARK: What repairs

    /// Recovers into a new home from one backend alone.
    mutating func recovers(_ world: World, _ backend: String) async throws {
        var fresh = world
        fresh.user = User(at: world.folder + "/fresh")
        try FileManager.default.createDirectory(atPath: fresh.user.folder, withIntermediateDirectories: true)
        try await run(fresh, ["init"])
        try await run(fresh, ["backend", "create", backend, "filesystem", "--path", world.disk(backend)])
        let result = try await run(fresh, ["recover", "--from", backend, "--json"])
        fresh.pins = world.copies[backend] ?? []
        let there = damages.filter { $0.path.hasPrefix(backend) }
        // What was taken away, or replaced by what once was whole, nobody can miss who has nothing else.
        let isSeen = !there.contains { $0.site != .archive && $0.cannotBeSeen }
        if result.code == 0 {
            let lost = try await fresh.lostPins()
            if isSeen { alarm("recover says 0 over loss", lost) }
            if lost.isEmpty { alarm("recover says 0 over loss", try await fresh.unreadable()) }
        } else if there.isEmpty {
            alarm("recover fails from a whole backend", ["code \(result.code): \(result.text)\(result.errorText)"])
        }
        alarm("recover gives wrong bytes", try await wrongBytes(fresh))
    }

    private mutating func wrongBytes(_ world: World) async throws -> [String] {
        let root = try #require(world.roots["one"])
        let result = try await run(world, ["cat", root.cid])
        return root.files[""]?.starts(with: [UInt8](result.output)) == true ? [] : [root.cid]
    }

    /// Does what an owner does who wants everything whole; afterwards it is, where something whole was left.
    mutating func repairs(_ world: inout World) async throws {
        let rebuilt = try await run(world, ["store", "rebuild-index"])
        let inPacks = try world.blocks(original.blocks).filter { Set(original.blocks[$0.key] ?? []) == $0.value }
        if rebuilt.code == 0 {
            var sound = world
            sound.pins = Set(inPacks.keys)
            alarm("store rebuild-index says 0 and sound blocks stay lost", try await sound.unreadable())
        }
        let checked = try await run(world, ["verify"])
        let restored = try await run(world, ["restore"])
        if restored.code == 0 { alarm("restore says 0 over loss", try await world.unreadable()) }
        let synced = try await run(world, ["sync"])
        // A backend whose file is gone is no backend any more.
        let isConfigured = !damages.contains { $0.site == .settings }
        if synced.code == 0, isConfigured, checked.code == 0 || checked.code == 10 {
            alarm("sync says 0 over loss", whole(in: original.world).subtracting(whole(in: world)).sorted())
        }
        let again = try await run(world, ["verify"])
        if again.code == 0 { alarm("verify says 0 over loss", try await world.brokenCopies()) }
        try await run(world, ["gc"])
        let lost = try await reads(world)
        try await pins(world, "pin ls after repairs")
        guard isRepairable else { return }
        // What was on no backend is gone where it was damaged in the store.
        let kept = lost.filter { !$0.hasPrefix(world.cid("late")) }
        alarm("it is not repaired", kept)
        alarm("it is not repaired", whole(in: original.world).subtracting(whole(in: world)).sorted())
    }

    /// Whether all that was damaged can be made again from something that is whole, by the commands above.
    private var isRepairable: Bool {
        let isHomeHit = damages.contains { !$0.site.isOnABackend && !$0.site.isMadeAgain }
        let isBackendHit = damages.contains { $0.site.isOnABackend }
        let canBeMended: [Site] = [.pack, .references, .index, .indexFile, .shm, .archive, .snapshot]
        return damages.allSatisfy { canBeMended.contains($0.site) && $0.damage != .folder }
            && !(isHomeHit && isBackendHit)
    }
}
