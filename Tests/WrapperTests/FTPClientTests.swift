import Foundation
import POSIX
import TestKit
import Testing

@testable import FTPClient

/// What servers say, and how it is read.
@Suite struct FTPClientTests {
    private func replies(_ parts: [String]) throws -> [FTPReply] {
        var reader = FTPReplyReader()
        var found: [FTPReply] = []
        for part in parts {
            reader.add(Array(part.utf8))
            while let reply = try reader.next() { found.append(reply) }
        }
        return found
    }

    @Test func `replies are found however they are cut`() throws {
        let text = "220-Hello\r\n 220 not the end\r\n221 nor this\r\n220-\r\n220 end\r\n331 more\n200\r\n"
        let whole = try replies([text])
        #expect(whole.map(\.code) == [220, 331, 200])
        #expect(whole[0].lines == ["Hello", " 220 not the end", "221 nor this", "", "end"])
        for index in text.indices {
            #expect(try replies([String(text[..<index]), String(text[index...])]) == whole)
        }
        #expect(try replies(text.map { String($0) }) == whole)
    }

    @Test(arguments: ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 400\r\n", "999 x\r\n", "22 x\r\n", "220x\r\n", "\r\n"])
    func `what is no reply is told as what it is`(_ text: String) {
        #expect(throws: FTPReplyReader.Stranger.self) { try replies([text]) }
    }

    @Test func `a reply without end is given up`() {
        let line = "220-" + String(repeating: "x", count: 1000) + "\r\n"
        #expect(throws: FTPReplyReader.Stranger.self) { try replies(Array(repeating: line, count: 1000)) }
        #expect(throws: FTPReplyReader.Stranger.self) { try replies([String(repeating: "2", count: 300_000)]) }
    }

    @Test(
        arguments: [
            (
                "type=file;size=4;modify=20261128031709; name with space", "name with space", FTPEntry.Kind.file,
                UInt64?(4)
            ),
            ("Type=dir;Modify=20261128031709;Size=0; d", "d", .directory, 0),
            ("size=1;type=OS.unix=slink:/target; l", "l", .link, 1),
            ("type=OS.unix=pipe; p", "p", .other, nil), ("type=file;  b", " b", .file, nil),
        ]
    )
    func `facts are read`(_ line: String, _ name: String, _ kind: FTPEntry.Kind, _ length: UInt64?) throws {
        let entry = try #require(FTPEntry(facts: line))
        #expect(entry.name == name && entry.kind == kind && entry.length == length)
    }

    @Test(arguments: ["", "name", "type=file;size=4;", "size=4; name", "type=file; "])
    func `what lacks a name or a type is no entry`(_ line: String) { #expect(FTPEntry(facts: line) == nil) }

    @Test(
        arguments: [
            (
                "-rw-r--r--    1 14       50        1000000 Nov 28 03:06 a b", "a b", FTPEntry.Kind.file,
                UInt64?(1_000_000)
            ),
            ("-rw-r--r-- 1 owner group 4 Nov  8 2025 name", "name", .file, 4),
            ("-rw-r--r-- 1 owner 4 Nov 28 03:06  two", " two", .file, 4),
            ("drwxr-xr-x+ 2 0 0 4096 Feb 29 12:00 d", "d", .directory, nil),
            ("lrwxrwxrwx 1 0 0 5 Jan 01 2024 l -> x -> y", "l", .link, nil),
            ("prw-r--r-- 1 0 0 0 Jan 01 00:00 p", "p", .other, nil),
            ("-rw-r--r-- 1 o g 7 2026-11-28 03:06 iso", "iso", .file, 7),
            ("-rw-r--r-- 1 Mar May 12 Jun 13 14:15 x", "x", .file, 12),
            ("11-28-26  03:06AM                  123 iis.car", "iis.car", .file, 123),
            ("11-28-2026  03:06       <DIR>          some folder", "some folder", .directory, nil),
            ("11/28/26  03:06PM       <JUNCTION>     j", "j", .link, nil),
        ]
    )
    func `lists for people are read`(
        _ line: String,
        _ name: String,
        _ kind: FTPEntry.Kind,
        _ length: UInt64?
    ) throws {
        let entry = try #require(FTPEntry(listed: line))
        #expect(entry.name == name && entry.kind == kind && entry.length == length)
    }

    @Test(
        arguments: [
            "what is this", "-rw-r--r-- 1 o g x Nov 28 03:06 a", "-rw-r--r-- 1 o g 4 Nov 32 03:06 a",
            "-rw-r--r-- 1 o g 4 Nov 28 03:06", "11-28-26 03:06AM x a", "-", "d", "?????????? ? ? ? ? ? x",
        ]
    )
    func `a line that is none is no entry`(_ line: String) { #expect(FTPEntry(listed: line) == nil) }

    @Test func `a list is read however it is cut, each name once, and a line that is none ends it`() throws {
        let text =
            "total 8\r\n-rw-r--r-- 1 o g 4 Nov 28 03:06 a\r\n-rw-r--r-- 1 o g 4 Nov 28 03:06 a\n"
            + "drwxr-xr-x 1 o g 4 Nov 28 03:06 b"
        for index in text.indices {
            var list = FTPList(.plain, of: "x")
            for part in [text[..<index], text[index...]] { try list.add(Array(part.utf8)) }
            #expect(try list.end().map(\.name) == ["a", "b"])
        }
        var list = FTPList(.plain, of: "x")
        #expect(throws: FTPError.self) { try list.add(Array((text + "\r\nnonsense\r\n").utf8)) }
    }

    @Test(
        arguments: [
            ("19700101000000", Int64(0)), ("20261128030614", 1_795_835_174_000),
            ("20240229235959.5", 1_709_251_199_500),
            ("20000301000000", 951_868_800_000), ("21000228235959", 4_107_542_399_000),
        ]
    )
    func `times are read, and the next second is told`(_ text: String, _ milliseconds: Int64) throws {
        let time = try #require(FTPTime(text))
        #expect(time.milliseconds == milliseconds)
        #expect(time.next?.milliseconds == (milliseconds / 1000 + 1) * 1000)
    }

    @Test(arguments: ["", "2026", "20261328030614", "2026112803061x", "20261128030614.", "19100112803061400"])
    func `what is no time is none`(_ text: String) { #expect(FTPTime(text) == nil) }

    @Test(
        arguments: [
            ("Entering Extended Passive Mode (|||49199|)", 49_199), ("ok (!!!21!)", 21), ("(|||0|)", nil),
            ("(|||65536|)", nil), ("(||21|)", nil), ("no", nil), ("(|||-5|)", nil),
        ]
    )
    func `the port of the newer way is read`(_ words: String, _ port: Int?) {
        #expect(FTPConnection.port(extended: words) == port)
    }

    @Test(
        arguments: [
            ("Entering Passive Mode (127,0,0,1,195,80).", 50_000), ("10,0,0,1,0,21", 21), ("(1,2,3,4,5)", nil),
            ("(1,2,3,4,256,1)", nil), ("(1,2,3,4,0,0)", nil), ("", nil),
        ]
    )
    func `the port of the older way is read`(_ words: String, _ port: Int?) {
        #expect(FTPConnection.port(old: words) == port)
    }

    @Test func `the directory after the login is read`() {
        #expect(FTPOpener.path("\"/a/b\" is the current directory") == "/a/b")
        #expect(FTPOpener.path("\"/a \"\"b\"\"\" x") == "/a \"b\"")
        #expect(FTPOpener.path("/a") == nil)
        #expect(FTPOpener.path("\"unended") == nil)
    }

    @Test(
        arguments: [
            (421, "There are too many connections from your internet address.", FTPError.Code.tooMany),
            (530, "Sorry, the maximum number of allowed clients (1) from your host are already connected.", .tooMany),
            (421, "Timeout.", .disconnected), (530, "Login incorrect.", .notAuthenticated),
            (530, "Non-anonymous sessions must use encryption.", .needsTLS),
            (522, "Data connections must be encrypted.", .needsTLS),
            (552, "Quota", .noSpace), (451, "Failure writing to local file. No space left on device", .noSpace),
            (426, "Failure writing network stream.", .broken), (550, "Permission denied.", .permissionDenied),
            (550, "No such file or directory.", .refused), (550, "File exists.", .exists),
            (550, "x does not exist", .refused),
            (502, "Command not implemented.", .unsupported),
        ]
    )
    func `numbers and words mean what servers mean by them`(_ number: Int, _ words: String, _ code: FTPError.Code) {
        #expect(FTPError(FTPReply(code: number, lines: [words]), to: "x", by: "y").code == code)
    }

    @Test func `what would be another command is not said`() {
        for text in ["a\r\nDELE b", "a\nb", "a\u{0}", "a\u{7F}"] { #expect(!FTPLogin.isSayable(text)) }
        #expect(FTPLogin.isSayable("ünï cödé"))
    }

    @Test(.timeLimit(.minutes(1))) func `who says nothing is given up in time, and a stop ends the wait`() async throws
    {
        // It hears nothing but the end.
        let listening = try SocketServer { _ = $0.readToEnd() }
        var login = FTPLogin()
        (login.host, login.port, login.security) = ("127.0.0.1", Int(listening.port), .none)
        let client = try FTPClient(login, connections: 1, timeout: .milliseconds(300))
        await #expect(throws: FTPError.self) { _ = try await client.lend() }
        let patient = try FTPClient(login, connections: 1, timeout: .seconds(3600))
        let task = Task {
            do throws(FTPError) {
                _ = try await patient.lend()
                return FTPError.Code?.none
            } catch {
                return error.code
            }
        }
        #expect(try await holds { listening.connectionCount == 2 })
        task.cancel()
        #expect(await task.value == .cancelled)
    }
}
