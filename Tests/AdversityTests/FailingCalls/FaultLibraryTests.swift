import Foundation
import TestKit
import Testing

extension Adversity {
    /// The library that makes calls fail, under a program of which every call is known.
    @Suite(.memoryScratch) struct FaultLibraryTests {
        /// What the small programs are written in: one call each.
        private static let prelude = """
            import os, sys
            os.chdir(sys.argv[1])
            here = os.getcwd()
            def make(name): return os.open(here + "/" + name, os.O_RDWR | os.O_CREAT, 0o600)
            def put(name, text, offset=0):
                file = make(name)
                count = os.pwrite(file, text, offset)
                os.fsync(file)
                return count
            def flush(name="."):
                folder = os.open(here + "/" + name, os.O_RDONLY)
                os.fsync(folder)
            def everything():
                import ctypes
                ctypes.CDLL(None).syncfs(os.open(here, os.O_RDONLY))
            def attempt(work):
                try: return work()
                except OSError as error: return error.errno

            """

        /// Runs a program under a fault in a folder with the file `old`, which holds `before`.
        private func run(
            _ fault: String,
            _ program: String
        ) async throws -> (ProcessResult, [String: String], CallRecord) {
            let folder = "\(Scratch.current)/\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try write(Array("before".utf8), to: folder + "/old")
            let fault = try #require(Fault(fault))
            let python = try #require(Programs.python)
            let environment = try fault.environment(below: folder, log: folder + ".log")
            let script = Self.prelude + program
            let result = try await ProcessRunner.run(python, ["-c", script, folder], environment: environment)
            var files: [String: String] = [:]
            for name in try Trees.files(in: folder) where !name.hasPrefix(".unflushed/") {
                files[name] = String(decoding: try bytes(at: "\(folder)/\(name)"), as: UTF8.self)
            }
            return (result, files, try CallRecord(folder + ".log"))
        }

        @Test(arguments: [
            ("pwrite/2/EIO/once", "[3, 5, 3, 3]"), ("pwrite/2/ENOSPC/from", "[3, 28, 28, 28]"),
            ("pwrite/1/EINTR/alternate", "[4, 3, 4, 3]"), ("pwrite/3/none/short", "[3, 3, 1, 3]"),
            ("pwrite/2/EIO/done", "[3, 5, 3, 3]"), ("fsync/2/EIO/once", "[3, 5, 3, 3]"),
            ("rename/1/EIO/once", "[3, 3, 3, 3]"),
        ])
        func `the call whose turn it is fails`(fault: String, answers: String) async throws {
            let program = #"print([attempt(lambda: put("a", b"abc", 3 * n)) for n in range(4)], flush=True)"#
            let (result, files, record) = try await run(fault, program)
            // Python itself calls again after EINTR.
            let expected = fault.contains("EINTR") ? "[3, 3, 3, 3]" : answers
            #expect(result.text == expected + "\n", "\(result.errorText)")
            let isMet = !fault.hasPrefix("rename")
            #expect(record.counts["open"] == 4 && (record.failed > 0) == isMet && record.first.hasSuffix("/a") == isMet)
            if fault.contains("done") { #expect(files["a"] == "abcabcabcabc") }
        }

        @Test func `a flush that fails loses what was written since the last`() async throws {
            let program =
                #"put("old", b"X"); print(attempt(lambda: put("old", b"YZ", 1)), attempt(lambda: put("old", b"W", 5)))"#
            let (result, files, _) = try await run("fsync/2/EIO/lost", program)
            #expect(result.text == "5 1\n", "\(result.errorText)")
            #expect(files["old"] == "XeforW")
        }

        @Test(arguments: [
            // Flushed, but its name is not; its name, but not its bytes; both.
            (#"put("new", b"abc")"#, ["old": "before"]),
            (#"os.pwrite(make("new"), b"abc", 0); flush()"#, ["old": "before", "new": ""]),
            (#"put("new", b"abc"); flush()"#, ["old": "before", "new": "abc"]),
            // A name that was given to something else.
            (
                #"put("new", b"abc"); flush(); os.rename(here + "/new", here + "/old")"#,
                ["old": "before", "new": "abc"]
            ),
            (#"put("new", b"abc"); os.rename(here + "/new", here + "/old"); flush()"#, ["old": "abc"]),
            // A name that was removed, and one that nobody flushed.
            (#"os.unlink(here + "/old")"#, ["old": "before"]), (#"os.unlink(here + "/old"); flush()"#, [:]),
            // A folder is lost with all that is in it.
            (#"os.mkdir(here + "/d"); put("d/new", b"abc"); flush("d")"#, ["old": "before"]),
            (#"os.mkdir(here + "/d"); put("d/new", b"abc"); flush("d"); flush()"#, ["old": "before", "d/new": "abc"]),
            // Bytes that were replaced, and a length that was cut.
            (#"os.pwrite(make("old"), b"XXXXXXXXXXXX", 2)"#, ["old": "before"]),
            (#"os.ftruncate(make("old"), 2)"#, ["old": "before"]),
            (#"file = make("old"); os.ftruncate(file, 2); os.fsync(file)"#, ["old": "be"]),
            // The whole file system.
            (#"os.pwrite(make("new"), b"abc", 0); everything()"#, ["old": "before", "new": "abc"]),
        ])
        func `what was not flushed is gone when the power fails`(program: String, left: [String: String]) async throws {
            let (result, files, _) = try await run("exit/1/none/cut", program)
            #expect(result.code == 0, "\(result.errorText)")
            #expect(files == left)
            // The same where it fails before the next call.
            let (other, stopped, _) = try await run("chmod/1/none/cut", program + "; os.chmod(here + '/old', 0o600)")
            #expect(other.code == 128 + 9 || !left.keys.contains("old"), "\(other.errorText)")
            #expect(stopped == left)
        }

        @Test(arguments: [("kill", ""), ("torn", "ab"), ("last", "abcd")])
        func `the process ends before, in or after a call`(mode: String, left: String) async throws {
            let (result, files, _) = try await run("pwrite/1/none/\(mode)", #"put("new", b"abcd"); print("lived")"#)
            #expect(result.code == 128 + 9 && result.text.isEmpty)
            #expect(files["new"] == left)
        }
    }
}
