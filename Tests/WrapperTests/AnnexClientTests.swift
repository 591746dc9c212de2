import AnnexClient
import Digests
import Foundation
import POSIX
import Synchronization
import TestKit
import Testing

/// The client of programs that speak git-annex's protocol.
@Suite(.scratch, .timeLimit(.minutes(2))) struct AnnexClientTests {
    /// A host that tells a program its folder, and nothing else.
    private final class Host: AnnexHost {
        let folder: String
        private let initialised = Mutex(false)

        init(_ folder: String) { self.folder = folder }

        var isInitialised: Bool { initialised.withLock { $0 } }
        func noteInitialised() { initialised.withLock { $0 = true } }

        func answer(_ question: AnnexQuestion) -> AnnexValue {
            if case .config("directory") = question { .value(folder) } else { .value("") }
        }
    }

    private func client(
        _ words: [String],
        _ host: any AnnexHost,
        offering extensions: [String] = ["IPFSKIT"],
        timeout: Duration = .seconds(30)
    ) -> AnnexClient {
        AnnexClient(
            AnnexProgram(words) { _ in true },
            host,
            offering: extensions,
            processes: 4,
            timeout: timeout,
            now: { .milliseconds(monotonicMilliseconds()) }
        )
    }

    /// A program in the shell that says its version, and then what follows.
    private func script(_ text: String) throws -> [String] {
        let path = Scratch.current + "/script-\(UUID().uuidString)"
        try write(Array("echo VERSION 1\nread -r _; echo UNSUPPORTED-REQUEST\n\(text)\n".utf8), to: path)
        return ["sh", path]
    }

    @Test(arguments: FolderProgram.allCases) func severalThingsAtOnce(_ program: FolderProgram) async throws {
        let folder = Scratch.current + "/place"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = try program.write(to: Scratch.current + "/programs")
        let annex = client([path], Host(folder))
        #expect(try await annex.features().isAsync == (program == .python))
        let spool = AnnexSpool(in: Scratch.current + "/transfers")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    let key = "SHA256E-s\(number)--x.\(number)"
                    let file = try spool.begin(key)
                    try write([UInt8](repeating: UInt8(number), count: number), to: file.path)
                    #expect(try await annex.ask(.store(key: key, file: file.path)) == .success)
                    #expect(try await annex.ask(.check(key: key)) == .success)
                    let back = try spool.begin(key)
                    #expect(try await annex.ask(.retrieve(key: key, file: back.path)) == .success)
                    #expect(try bytes(at: back.path) == [UInt8](repeating: UInt8(number), count: number))
                    #expect(try await annex.ask(.remove(key: key)) == .success)
                    #expect(try await annex.ask(.check(key: key)) == .absent)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await annex.ask(.cost) == .unsupported)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
        await annex.close()
        spool.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: Scratch.current + "/transfers") == [".lock"])
    }

    @Test func whatAProgramTellsOfItself() async throws {
        let annex = client(
            try script(
                """
                while read -r word rest; do case $word in
                INITREMOTE|PREPARE) echo $word-SUCCESS ;;
                GETCOST) echo COST 175 ;;
                GETAVAILABILITY) echo AVAILABILITY LOCAL ;;
                GETINFO) echo INFOFIELD a b; echo INFOVALUE c d; echo INFOEND ;;
                LISTCONFIGS) echo CONFIG directory where it lies; echo CONFIGEND ;;
                WHEREIS) echo WHEREIS-SUCCESS http://one.test/$rest ;;
                esac; done
                """
            ),
            Host("")
        )
        #expect(try await annex.ask(.cost) == .number(175))
        #expect(try await annex.ask(.availability) == .text("LOCAL"))
        #expect(try await annex.ask(.info) == .pairs([AnnexPair(name: "a b", value: "c d")]))
        #expect(try await annex.ask(.settings) == .pairs([AnnexPair(name: "directory", value: "where it lies")]))
        #expect(try await annex.ask(.whereIs(key: "k")) == .text("http://one.test/k"))
        await annex.close()
    }

    /// A list that does not go forward, or goes on with nothing, has no end.
    @Test(arguments: [
        ("echo KEY 1 b; echo KEY 1 a", "order"), ("echo KEY 1 a; echo KEY 1 a", "order"),
        ("echo LISTKEYS-MORE", "lists nothing"),
        ("echo KEY x a", "without a length"),
    ])
    func aListWithoutAnEndIsNone(_ answer: String, _ words: String) async throws {
        let text =
            "while read -r word rest; do case $word in LISTKEYS) \(answer) ;; *) echo $word-SUCCESS ;; esac; done"
        let annex = client(try script(text), Host(""))
        let error = await #expect(throws: AnnexError.self) { try await annex.ask(.list(prefix: "", after: "")) }
        #expect(
            error?.code == .protocolViolation && error?.message.contains(words) == true,
            "\(String(describing: error))"
        )
        await annex.close()
    }

    /// One whose processes work without a word goes on, and so does one whose word grows; one that does nothing is
    /// ended, and so is one that does nothing but talk.
    @Test(arguments: [
        ("while :; do :; done & sleep 6; kill $!", true), ("sleep 60", false),
        ("for i in 1 2 3 4 5 6; do sleep 1; echo PROGRESS $((i * 5000)); done", true),
        ("while :; do sleep 0.5; echo DEBUG more; done", false),
        ("while :; do sleep 0.5; echo PROGRESS 1; done", false),
        ("i=0; while :; do sleep 0.5; i=$((i + 1)); echo PROGRESS $i; done", false),
        ("while :; do echo more and more and more >&2; done", false), ("yes | cat >&2", false),
    ])
    func aTransferGoesOnAsLongAsSomethingIsDone(_ act: String, _ goesOn: Bool) async throws {
        let text = """
            while read -r word way key file; do case $word in
            TRANSFER) \(act); echo TRANSFER-SUCCESS $way $key ;; *) echo $word-SUCCESS ;; esac; done
            """
        let annex = client(try script(text), Host(""), timeout: .seconds(3))
        do {
            #expect(try await annex.ask(.store(key: "k", file: "/f")) == .success)
            #expect(goesOn)
        } catch {
            #expect(error.code == .timedOut && !goesOn, "\(error)")
        }
        await annex.close()
    }

    /// Where no bytes are to move, nothing but the answer is one.
    @Test(arguments: ["DEBUG more", "INFO more", "PROGRESS 1", "PROGRESS $i"])
    func aQuestionIsNotAnsweredByTalk(_ line: String) async throws {
        let text = """
            i=0; while read -r word key; do case $word in
            CHECKPRESENT) while :; do sleep 0.3; i=$((i + 10000)); echo \(line); done ;; *) echo $word-SUCCESS ;; esac; done
            """
        let annex = client(try script(text), Host(""), timeout: .seconds(2))
        let start = ContinuousClock.now
        let error = await #expect(throws: AnnexError.self) { try await annex.ask(.check(key: "k")) }
        #expect(error?.code == .timedOut && ContinuousClock.now - start < .seconds(15), "\(String(describing: error))")
        await annex.close()
    }

    @Test func theFoldersOfAKeyAreGitAnnexs() async throws {
        try FolderProgram.check("git-annex", "git")
        let annex = try #require(Programs.find("git-annex"))
        let git = try #require(Programs.find("git"))
        _ = try await ProcessRunner.run(git, ["init", "-q"], folder: URL(filePath: Scratch.current))
        for key in ["XIPFSKIT--cars~bafy.car", "SHA256E-s30--abc.txt", "WORM-s3-m9--x"] {
            let told = try await ProcessRunner.run(
                annex,
                ["examinekey", key, "--format=${hashdirmixed}|${hashdirlower}"],
                folder: URL(filePath: Scratch.current)
            )
            let memory = AnnexMemory(
                in: Scratch.current,
                .init(config: [:], user: "", password: "", identifier: "", name: "", fingerprint: ""),
                digest: { _ in digest(.md5, of: Array(key.utf8)) },
                learn: { _ in }
            )
            let own = [false, true].map { isLower in
                if case .value(let text) = memory.answer(.directory(key: key, isLower: isLower)) { text } else { "" }
            }
            #expect(own.joined(separator: "|") == told.text.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}
