import Foundation
import POSIX
import Synchronization
import TestKit
import Testing

/// Programs that run beside this one, and files in memory.
@Suite struct ChildProcessTests {
    /// What a child told.
    private final class Seen: Sendable {
        let output = Mutex<[UInt8]>([])
        let end = Mutex<ChildEnd?>(nil)

        func take(_ event: ChildEvent) -> Bool {
            switch event {
            case .output(let bytes): output.withLock { $0 += bytes }
            case .ended(let end): self.end.withLock { $0 = end }
            case .input, .tick: break
            }
            return true
        }

        var ended: ChildEnd? { end.withLock { $0 } }
        var count: Int { output.withLock { $0.count } }
    }

    @Test func `more than two pipes hold goes through a child, in its order`() async throws {
        let seen = Seen()
        let child = try ChildProcess(["cat"]) { seen.take($0) }
        var sent: [UInt8] = []
        for index in 0..<200 {
            let piece = [UInt8](repeating: UInt8(index), count: 40_000 + index)
            sent += piece
            child.send([piece.prefix(3), piece.dropFirst(3)])
        }
        #expect(try await holds { seen.count == sent.count })
        #expect(seen.output.withLock { $0 } == sent)
        #expect(seen.ended == nil)
        withExtendedLifetime(child) {}
    }

    @Test func `the end is told with the last words`() async throws {
        let seen = Seen()
        let script = "i=0; while [ $i -lt 2000 ]; do echo line-$i >&2; i=$((i+1)); done; exit 7"
        let child = try ChildProcess(["sh", "-c", script]) { seen.take($0) }
        #expect(try await holds { seen.ended != nil })
        #expect(seen.ended?.code == 7)
        let words = String(decoding: seen.ended?.errors ?? [], as: UTF8.self)
        #expect(words.hasSuffix("line-1999\n"))
        #expect(words.utf8.count <= 4096)
        // What is sent to one that has ended is lost, and harms nobody.
        child.send([[1, 2, 3]])
    }

    @Test func `a child ends with whoever held it, also one that does not listen`() async throws {
        for script in ["cat", "trap '' TERM; echo ready; while :; do read line || sleep 1; done"] {
            let seen = Seen()
            var child: ChildProcess? = try ChildProcess(["sh", "-c", script]) { seen.take($0) }
            if script != "cat" { #expect(try await holds { seen.count > 0 }) }
            #expect(child != nil)
            child = nil
            #expect(try await holds { seen.ended != nil })
        }
    }

    @Test func `a child has its words, its variables, and no descriptor of ours`() async throws {
        let seen = Seen()
        let script = #"printf '%s|%s|%s|' "$0" "$1" "$MARK"; ls /proc/self/fd | wc -w; exit 0"#
        let child = try ChildProcess(["sh", "-c", script, "a b", "$c"], setting: ["MARK": "here"]) { seen.take($0) }
        #expect(try await holds { seen.ended != nil })
        let text = String(decoding: seen.output.withLock { $0 }, as: UTF8.self)
        // Its three, and the folder that is listed.
        #expect(text == "a b|$c|here|4\n")
        withExtendedLifetime(child) {}
    }

    @Test func `a program that is not there cannot be started`() {
        #expect(throws: FileError.self) { try ChildProcess(["/no/such/program"]) { _ in true } }
    }

    @Test func `a file in memory is read by its path, and is no more when nobody holds it`() throws {
        var file: MemoryFile? = try MemoryFile(Array("secret".utf8))
        let path = try #require(file?.path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "secret")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "secret")
        #expect(!FileManager.default.isExecutableFile(atPath: path))
        file = nil
        #expect(file == nil)
        #expect((try? String(contentsOfFile: path, encoding: .utf8)) != "secret")
    }

    @Test func `a program in memory is started by its path`() async throws {
        let seen = Seen()
        let file = try MemoryFile(Array("#!/bin/sh\necho \"$1\"\n".utf8), isProgram: true)
        let child = try ChildProcess([file.path, "hello"]) { seen.take($0) }
        #expect(try await holds { seen.ended != nil })
        #expect(String(decoding: seen.output.withLock { $0 }, as: UTF8.self) == "hello\n")
        withExtendedLifetime((child, file)) {}
    }

    /// Also one that is stopped, and hears nothing else.
    @Test func `a child can be ended at once`() async throws {
        let seen = Seen()
        let child = try ChildProcess(["sh", "-c", "kill -STOP $$; sleep 60"]) { seen.take($0) }
        child.endNow()
        #expect(try await holds { seen.ended != nil })
        #expect(seen.ended?.code == 128 + SIGKILL)
        child.endNow()
    }

    /// What a child started ends with it, unless it may stay, as a mount may.
    @Test(arguments: [false, true]) func `what is left of a child ends with it`(_ mayLeave: Bool) async throws {
        let seen = Seen()
        let script = "trap '' TERM; sleep 60 >/dev/null 2>&1 & echo $!"
        let child = try ChildProcess(["sh", "-c", script], mayLeave: mayLeave) { seen.take($0) }
        #expect(try await holds { seen.ended != nil })
        #expect(seen.ended?.code == 0)
        let text = String(decoding: seen.output.withLock { $0 }, as: UTF8.self)
        let left = try #require(Int32(text.trimmingCharacters(in: .newlines)))
        defer { killProcess(left) }
        if mayLeave { #expect(processIsAlive(left)) } else { #expect(try await holds { !processIsAlive(left) }) }
        withExtendedLifetime(child) {}
    }

    /// Whoever has a port is told from the one who should.
    @Test func `who listens on a port is known`() throws {
        let server = try SocketServer { _ in }
        #expect(localListener(on: server.port, is: processIdentifier) == true)
        #expect(localListener(on: server.port, is: 1) == false)
        #expect(localListener(on: 1, is: processIdentifier) == nil)
    }
}
