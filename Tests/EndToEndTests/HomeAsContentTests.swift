import Foundation
import Samples
import TestKit
import Testing

/// The kit home, and what the program makes for a while, are never content.
///
/// Whoever opens and closes the files of the catalog drops the locks that SQLite has on them.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct HomeAsContentTests {
    /// A user whose home lies in a folder with other content, and with other names for files of the home.
    private static func user() async throws -> User {
        let user = try await User.ready()
        try await user.shell(
            """
            cd '\(user.folder)' && mkdir inner && printf 1 > inner/a && printf 2 > b && cp -l b b-too && \
            ln ipfs-kit/catalog.sqlite hard && ln ipfs-kit/config/main.yaml hard-too && ln -s ipfs-kit soft && \
            ln -s ipfs-kit/catalog.sqlite soft-file && ln -s ../ipfs-kit/store inner/soft-inside
            """
        )
        return user
    }

    @Test func `hidden files are left out until somebody asks for them, and told`() async throws {
        let user = try await User.ready()
        try await user.shell(
            "cd '\(user.folder)'; mkdir -p tree/.git tree/sub; echo 1 | tee tree/.env tree/a tree/sub/.b"
        )
        for command in [["add", "tree"], ["car", "create", "tree"]] {
            let words = command.dropLast() + [user.folder + "/tree"]
            func output(_ name: String) -> [String] { command[0] == "car" ? ["-o", user.folder + "/" + name] : [] }
            let some = try await user.attempt(words + output("some.car"))
            #expect(some.code == 0 && some.errorText.contains("and 2 more whose names begin with a dot were left out"))
            let all = try await user.attempt(words + ["-H"] + output("all.car"))
            #expect(all.code == 0 && !all.errorText.contains("left out"), "\(all.errorText)")
        }
        let lines = try await user.run("add", user.folder + "/tree", "--json").text.split(separator: "\n")
        #expect(
            try Answer.parse(String(lines.last ?? "")).left_out.items.compactMap(\.reason.text) == [
                "hidden", "hidden", "hidden",
            ]
        )
    }

    @Test(
        arguments: [
            ["add"], ["add", "--no-copy"], ["add", "-n"], ["add", "-w"],
            ["add", "--dereference-symlinks"],
        ]
    )
    func itIsLeftOutOfAFolderAndThatIsSaid(words: [String]) async throws {
        let user = try await Self.user()
        let isFollowed = words.contains("--dereference-symlinks")
        let result = try await user.attempt(words + [user.folder, "--hidden", "--json"])
        #expect(result.code == 0, "\(result.errorText)")
        let lines = try Answer.lines(result.text)
        let left = lines.last?.left_out.items.compactMap(\.name.text) ?? []
        let wanted = ["hard", "hard-too", "ipfs-kit"] + (isFollowed ? ["inner/soft-inside", "soft", "soft-file"] : [])
        #expect(left.sorted() == wanted.map { "user/" + $0 }.sorted())
        #expect(lines.last?.left_out.items.allSatisfy { $0.reason == .text("home") } == true)
        for name in wanted { #expect(result.errorText.contains("user/\(name) "), "\(result.errorText)") }
        let added = lines.dropLast().compactMap(\.name.text)
        #expect(added.contains("user/inner/a") && added.contains("user/b") && added.contains("user/b-too"))
        #expect(!added.contains { $0.contains("ipfs-kit/") || $0 == "user/hard" })
    }

    @Test func anArchiveOfAFolderHasNothingOfIt() async throws {
        let user = try await Self.user()
        let path = Scratch.current + "/x.car"
        let answer = try await user.json("car", "create", user.folder, "-o", path)
        #expect(answer.left_out.items.count == 3)
        try await user.run("car", "extract", path, "-o", Scratch.current + "/out")
        let names = try Trees.contents(of: Scratch.current + "/out").keys
        #expect(names.contains("inner/a") && !names.contains { $0.hasPrefix("ipfs-kit") || $0.hasPrefix("hard") })
    }

    /// Named themselves, the home and what is in it are refused, by every command that reads what somebody names.
    @Test func namedItIsRefused() async throws {
        let user = try await Self.user()
        let outputs = ["car convert", "car split", "car join", "car index", "car extract"]
        let makers = ["add", "add --no-copy", "add -n", "car create -o \(Scratch.current)/o"]
        for command in makers + ["block put", "dag put", "dag import"] {
            let names = [
                "ipfs-kit/catalog.sqlite", "ipfs-kit/config/main.yaml", "ipfs-kit/store/lock", "hard", "hard-too",
            ]
            let folders = makers.contains(command) ? ["ipfs-kit", "ipfs-kit/store", "ipfs-kit/store/.."] : []
            for name in names + folders {
                let words = command.split(separator: " ").map(String.init) + ["\(user.folder)/\(name)"]
                let result = try await user.attempt(words)
                #expect(result.code == 12 && result.errorText.contains("kit home"), "\(words): \(result.errorText)")
            }
        }
        for command in ["car verify", "car inspect"] + outputs.map({ $0 + " -o \(Scratch.current)/o" }) {
            for name in ["ipfs-kit/catalog.sqlite", "hard", "soft-file"] {
                let words = command.split(separator: " ").map(String.init) + ["\(user.folder)/\(name)"]
                #expect(try await user.attempt(words).code == 12, "\(words)")
            }
        }
        // A link that is added as a link opens nothing; what it leads to is refused.
        try await user.run("add", user.folder + "/soft")
        try await user.run("add", "--dereference-args", user.folder + "/soft", code: 12)
        try await user.run("add", "--dereference-args", user.folder + "/soft-file", code: 12)
        // Its archives may be looked at: a pack of the store is one.
        try await user.add(sampleBytes(100))
        try await user.run("car", "verify", user.home + "/store/packs/000001.car")
    }

    /// No call of the program but SQLite's opens a file of the catalog.
    @Test func nothingOpensTheCatalogButSQLite() async throws {
        try Requirement.check("strace", program: "strace")
        let user = try await Self.user()
        let kit = try #require(Programs.kit).path
        for words in [
            "status", "add --hidden '\(user.folder)'", "add --no-copy --dereference-symlinks '\(user.folder)'",
        ] {
            let log = Scratch.current + "/calls"
            try await user.shell(
                "IPFS_KIT_HOME='\(user.home)' strace -f -e trace=open,openat -o '\(log)' '\(kit)' \(words) > /dev/null"
            )
            let opened = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").filter {
                $0.contains("catalog.sqlite") || $0.contains("/hard\"") || $0.contains("/soft-file\"")
            }
            // SQLite opens each of them for writing, and never closes and opens them again.
            #expect(opened.allSatisfy { $0.contains("O_RDWR") && $0.contains("/ipfs-kit/catalog.sqlite") }, "\(opened)")
            #expect(!opened.isEmpty && opened.count <= 4, "\(words): \(opened)")
        }
    }

    /// What a stopped run left behind, and what this run makes for a while, in a folder whose hidden files are taken.
    @Test func scratchFilesAreLeftOut() async throws {
        let user = try await User.ready()
        let tree = user.folder + "/tree"
        try await user.shell(
            "mkdir -p '\(tree)/below' && cd '\(tree)' && printf 1 > a && printf 2 > .hidden && printf 3 > below/b"
        )
        let wanted = try await user.run("add", tree, "--hidden", "-Qn").text
        // With the output inside the folder, and the leftovers of others beside it.
        try await user.shell(
            """
            cd '\(tree)' && mkdir .old.car.812.9348756234.part && printf 4 > .old.car.812.9348756234.part/x && \
            printf 5 > below/..out.17.18446744073709551615.part
            """
        )
        for round in ["one.car", "two.car"] {
            let answer = try await user.json("car", "create", tree, "--hidden", "-o", "\(tree)/\(round)")
            #expect(answer.cid.text.map { $0 + "\n" } == wanted)
            #expect(answer.left_out.items.map(\.reason) == [.text("leftover"), .text("leftover")])
            try FileManager.default.removeItem(atPath: "\(tree)/\(round)")
        }
        #expect(try await user.run("add", tree, "--hidden", "-Q").text == wanted)
        // A name that only looks a little like it is content.
        try await user.shell("printf 6 > '\(tree)/.a.part'; printf 7 > '\(tree)/.a.x.7.part'")
        let more = try Answer.lines(try await user.run("add", tree, "--hidden", "--json").text)
        #expect(Set(more.compactMap(\.name.text)).isSuperset(of: ["tree/.a.part", "tree/.a.x.7.part"]))
    }

    /// What is kept in the home is gone with it, whatever the path to it is.
    @Test(arguments: ["home", "home/store/packs", "link"]) func theHomeIsNoPlaceForReplicas(
        _ place: String
    ) async throws {
        let user = try await User.ready()
        try await user.add(sampleBytes(1000))
        try await user.shell("ln -s '\(user.home)/store' '\(user.folder)/link'")
        let path = place.hasPrefix("home") ? user.home + place.dropFirst(4) : user.folder + "/link"
        try await user.run("backend", "create", "inside", "filesystem", "--path", path)
        let sync = try await user.run("sync", code: 2)
        #expect(sync.text.contains("lies in the kit home") && sync.text.contains("Run: ipfs-kit backend show inside"))
        #expect(try !Trees.files(in: path).contains { $0.hasPrefix("cars/") || $0.hasPrefix("kits/") })
        // A folder that holds the home, such as the disk it is on, is one that may be chosen.
        try await user.run("backend", "create", "around", "filesystem", "--path", user.folder)
        try await user.run("sync", "around")
    }
}
