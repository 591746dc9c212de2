import Foundation
import Services
import Storage
import TestKit
import Testing

extension Adversity {
    /// Secrets stand in every place where they can stand, and every command meets services that give back what they
    /// know.
    ///
    /// No secret shows in an output, in a file of the home, on a backend or in the title of a process.
    @Suite(.memoryScratch, .serialized, .timeLimit(.minutes(30))) struct SecretTests {
        /// How services answer, and the proxy before them, with `WHO` for its user and password and `HOST` for a host
        /// that answers.
        private static let answers: [(how: String, proxy: String?)] = [
            ("works", nil), ("e403", nil), ("e500", nil), ("odd400", nil), ("odd503", nil), ("odd200", nil),
            ("code400", nil),
            ("json400", nil), ("text400", nil), ("html502", nil), ("empty401", nil), ("moved301", nil),
            ("reason503", nil),
            ("p407", "http://WHO@HOST"), ("odd403", "http://WHO@HOST"), ("works", "http://WHO@127.0.0.1:1"),
            ("works", "http://WHO@127.0.0.1:99999"), ("works", "http://WHO@bad host:80"), ("works", "ftp://WHO@HOST"),
            ("works", "nonsense://WHO@HOST"), ("works", "WHO@HOST"),
        ]

        @Test func noCommandTellsASecret() async throws {
            let folder = Scratch.current
            let server = try await EchoServer.start()
            let base = try await SecretHome.good(in: folder + "/base", server)
            // Everything is on all backends, so that there is something to ask each of them for.
            try await base.world.user.run("sync")
            let titles = Titles(base.canaries + [SecretHome.proxy])
            let watching = Task { try await titles.watch() }
            defer { watching.cancel() }
            var alarms: [Alarm] = []
            var runs = 0
            for (turn, answer) in Self.answers.enumerated() where Options.answer ?? answer.how == answer.how {
                let known = base.canaries.map { ($0.name.split(separator: ".").first.map(String.init) ?? "", $0.text) }
                try await server.tell(known + (answer.proxy == nil ? [] : [("*", SecretHome.proxy.core)]))
                var home = try await base.answered(answer.how, in: "\(folder)/\(answer.how)-\(turn)")
                home.setProxy(answer.proxy, server)
                // Commands that ask nobody see nothing of this: once with each flag is enough for them.
                let all = SecretCommands.all(home.world, backends: home.backends)
                let commands = turn < 4 ? all : all.filter { SecretCommands.asks($0) }
                let results = try await run(commands, home, turn, folder) + [try await written(home, folder)]
                runs += results.count
                alarms += results.flatMap(\.self)
                home.world.remove()
            }
            alarms += titles.seen.map { Alarm(run: "", kind: "the title of a process", text: $0) }
            alarms += try await sent(server, base.canaries, folder)
            alarms.report("IPFS_KIT_ANSWER")
            print(
                "   secrets: \(runs) runs of commands with \(Self.answers.count) answers, \(base.canaries.count + 1) secrets"
            )
        }

        @Test func settingsThatAreWrongAreNotTold() async throws {
            let folder = Scratch.current
            let server = try await EchoServer.start()
            let home = try await SecretHome.bad(in: folder + "/bad", server)
            // What is about one backend comes once for each; what is about all, with all flags.
            let words = ["show", "test", "update", "sync", "verify", "recover"]
            let each = SecretCommands.all(home.world, backends: home.backends).filter { command in
                SecretCommands.asks(command) && words.contains { command.prefix(2).contains($0) }
            }
            let all = SecretCommands.all(home.world, backends: []).filter { SecretCommands.asks($0) }
            var results = try await run(each, home, 0, folder)
            for turn in 0..<4 { results += try await run(all, home, turn, folder) }
            results.flatMap(\.self).report("IPFS_KIT_ANSWER")
            print("   wrong settings: \(results.count) runs of commands, \(home.backends.count) backends")
        }

        /// Who writes a snapshot may name in it whatever he wants to see of the home that recovers from it.
        @Test func settingsFromASnapshotStayInert() async throws {
            let folder = Scratch.current
            let server = try await EchoServer.start()
            let (home, canaries) = try await SecretHome.recovered(in: folder, server)
            let words = SecretCommands.all(home.world, backends: ["disk", "mirror"]).filter { words in
                !["init", "backend enable", "backend update", "backend create"].contains { name in
                    words.starts(with: name.split(separator: " ").map(String.init))
                }
            }
            try await server.tell([])
            let runs = try await run(words, home, 0, folder)
            let search = try CanarySearch(canaries, in: folder)
            try await server.log().write(to: URL(filePath: folder + "/log"))
            let hits = try await search.hits(at: folder + "/log")
            (hits.map { Alarm(run: "", kind: "sent to a stranger", text: $0) } + runs.flatMap(\.self)).report(
                "IPFS_KIT_ANSWER"
            )
            print("   foreign settings: \(runs.count) runs of commands")
        }

        /// Runs every command in a copy of a home, and searches what it wrote.
        private func run(
            _ commands: [[String]],
            _ home: SecretHome,
            _ turn: Int,
            _ folder: String
        ) async throws -> [[Alarm]] {
            let search = try CanarySearch(home.canaries + [SecretHome.proxy], in: folder)
            let name = (home.world.folder as NSString).lastPathComponent
            return try await sideBySide(Array(commands.enumerated())) { index, words in
                let world = try await home.world.copy(to: "\(folder)/\(name)-run-\(index)")
                defer { world.remove() }
                let moved = words.map { $0.replacingOccurrences(of: home.world.folder, with: world.folder) }
                // All flags come with every command, if not with every answer.
                let flags = [["--json"], ["--verbose"], [], ["--help"]][(turn + index) % 4]
                let result = try await world.user.attempt(moved + flags, timeout: .seconds(60))
                try result.output.write(to: URL(filePath: world.folder + "/printed"))
                try result.errors.write(to: URL(filePath: world.folder + "/printed-errors"))
                let hits = try await search.hits(at: world.folder)
                let command = (words + flags).joined(separator: " ").replacingOccurrences(
                    of: home.world.folder,
                    with: ""
                )
                return hits.map { hit in
                    let kind = hit.split { ".-".contains($0) }.first.map(String.init) ?? ""
                    return Alarm(
                        run: String(name.prefix { $0 != "-" }),
                        kind: "a secret, \(kind)",
                        text: "\(command): \(hit)"
                    )
                }
            }
        }

        /// Runs what writes to the catalog and to the index files in one copy of a home, and looks inside these files.
        private func written(_ home: SecretHome, _ folder: String) async throws -> [Alarm] {
            let search = try CanarySearch(home.canaries + [SecretHome.proxy], in: folder)
            let name = (home.world.folder as NSString).lastPathComponent
            let world = try await home.world.copy(to: "\(folder)/\(name)-all")
            defer { world.remove() }
            for words in [["sync", "--force"], ["verify"], ["sync"], ["restore"], ["status"]] {
                _ = try await world.user.attempt(words, timeout: .seconds(60))
            }
            try await SecretFiles.unpack(world.user.home, to: world.folder + "/unpacked")
            let hits = try await search.hits(at: world.folder + "/unpacked")
            return hits.map { Alarm(run: name, kind: "in the catalog or an index file", text: $0) }
        }

        /// What went over the wire: no secret key, and no secret at all in what was stored.
        private func sent(_ server: EchoServer, _ canaries: [Canary], _ folder: String) async throws -> [Alarm] {
            let place = folder + "/sent"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try await server.bodies().write(to: URL(filePath: place + "/bodies"))
            let everything = try CanarySearch(canaries + [SecretHome.proxy], in: folder)
            let stored = try await everything.hits(at: place + "/bodies")
            try await server.log().write(to: URL(filePath: place + "/log"))
            let keys = try CanarySearch(canaries.filter { $0.name.hasSuffix(".secret") }, in: folder)
            let wire = try await keys.hits(at: place + "/log")
            return stored.map { Alarm(run: "", kind: "stored on a service", text: $0) }
                + wire.map { Alarm(run: "", kind: "sent over the wire", text: $0) }
        }
    }
}
