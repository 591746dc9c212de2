import Foundation
import TestKit
import Testing

/// The words of the command line, as they arrive, and how each command ends on the same cause.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(5))) struct CommandLineTests {
    /// A library that is loaded before the program and moves the environment, as libfaketime does: Swift's own list of
    /// arguments is empty then.
    @Test func noWordGetsLostWhenALibraryChangesTheEnvironment() async throws {
        try Requirement.check("cc", program: "cc")
        let user = try await User.ready()
        let library = Scratch.current + "/moved.so"
        try await user.shell(
            """
            cd '\(Scratch.current)' && echo '#include <stdlib.h>
            __attribute__((constructor)) static void move(void) { setenv("MOVED", "1", 1); }' > moved.c && \
            cc -shared -fPIC -o '\(library)' moved.c
            """
        )
        var preloaded = user
        preloaded.environment["LD_PRELOAD"] = library
        #expect(try await preloaded.json("status").home == .text(user.home))
        try await preloaded.run("pin", "show", "bafkqaaa", code: 4)
        try await preloaded.run("--home", Scratch.current + "/nowhere", "sync", code: 1)
    }

    @Test func aProgramWithoutACommandHasDoneNothingWell() async throws {
        let user = try User()
        for words in [[], ["--json"], ["--home", user.home], ["car"], ["--verbose", "backend"]] {
            let result = try await user.attempt(words)
            #expect(result.code == 2 && result.output.isEmpty && result.errorText.contains("Usage: "), "\(words)")
        }
        for words in [["help"], ["--help"], ["-h"], ["help", "car"], ["car", "--help"], ["version"], ["--version"]] {
            let result = try await user.attempt(words)
            #expect(result.code == 0 && !result.output.isEmpty && result.errorText.isEmpty, "\(words)")
        }
    }

    /// A word that is no UTF-8 would name another file if it were repaired.
    @Test func wordsThatAreNoTextAreRefused() async throws {
        let user = try await User.ready()
        let kit = try #require(Programs.kit).path
        for words in [
            "add \"$name\"", "add -n \"$name\"", "get bafkqaaa -o \"$name\"", "--home \"$name\" init", "\"$name\"",
        ] {
            let script = """
                cd '\(user.folder)'; name="$(printf 'b\\377.txt')"; printf 1 > "$name"
                IPFS_KIT_HOME='\(user.home)' '\(kit)' \(words) > out 2> err; code=$?; cat err; exit $code
                """
            let result = try await ProcessRunner.run(URL(filePath: "/bin/sh"), ["-c", script])
            #expect(result.code == 2 && result.text.contains(#"b\xFF.txt"#), "\(words): \(result.text)")
        }
        let home = "IPFS_KIT_HOME=\"$(printf '/tmp/h\\377')\" '\(kit)' status"
        let result = try await ProcessRunner.run(URL(filePath: "/bin/sh"), ["-c", home])
        #expect(result.code == 2 && result.errorText.contains("IPFS_KIT_HOME"))
        // In a folder whose own name is no text, everything can be named.
        try await user.shell(
            """
            set -e; cd '\(user.folder)'; mkdir "$(printf 'd\\344')"; cd "$(printf 'd\\344')"; printf 1 > a
            export IPFS_KIT_HOME='\(user.home)'; '\(kit)' add -q a; root=$('\(kit)' add -Q .); '\(kit)' get -q $root -o out
            cmp a out/a; '\(kit)' car create -q . -o x.car; '\(kit)' car verify -q x.car; rm a; test "$(ls)" = "$(printf 'out\\nx.car')"
            """
        )
        #expect(try await user.json("pin", "ls").pins.items.contains { $0.name == .text(#"d\xE4"#) })
    }

    @Test func manyFlagsAndManyWordsTakeLinearTime() async throws {
        let user = try await User.ready()
        func time(_ count: Int) async throws -> Double {
            let words = (0..<count).flatMap { _ in ["-qv", "bafkqaaa"] }
            return try await CommandTime.of(["cid", "base32"] + words, user)
        }
        #expect(try await CommandTime.isLinear(small: time(2000), large: time(16_000)))
    }
}
