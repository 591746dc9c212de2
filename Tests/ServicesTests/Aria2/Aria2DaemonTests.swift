import Foundation
import POSIX
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// A daemon that runs already, and what answers in its place.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct Aria2DaemonTests {
    private let archive = SampleArchive(seed: 1, leaves: 1500)

    /// The settings for a daemon, which writes where both can.
    private func settings(_ url: String, _ secret: String = "a secret of the test") -> [String: FieldValue] {
        ["rpc_url": .text(url), "rpc_secret": .text(secret), "download_folder": .text(Scratch.current)]
    }

    private func failure(_ content: any ContentService) async -> StorageError? {
        do {
            _ = try await collect(content.read(archive.root), limit: 1 << 30)
            return nil
        } catch {
            return error
        }
    }

    @Test func aDaemonThatRunsIsUsedAndLeftAsItWas() async throws {
        let server = try await Aria2Server.start(secret: "a secret of the test")
        let giver = try await URLGiver()
        try await giver.store(archive)
        let content = try await Subject.openFetching(settings(server.url), offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            #expect(try await collect(content.read(archive.root), limit: 1 << 30) == archive.bytes)
            #expect(try await content.probe().contains("with 0 downloads"))
        }
        // It knows of nothing any more, and runs on.
        #expect(try await server.call("tellStopped", "0, 100") == "[]")
        let left = try Trees.files(in: Scratch.current).filter { !$0.hasSuffix(".lock") }
        #expect(left.isEmpty, "\(left)")
    }

    @Test func itsSecretAndItsFolderAreChecked() async throws {
        let server = try await Aria2Server.start(secret: "a secret of the test")
        let giver = try await URLGiver()
        try await giver.store(archive)
        let wrong = try await Subject.openFetching(
            settings(server.url, "another"),
            offering: URLGiver.offers(of: [giver])
        )
        try await Subject.closing(wrong) { (content) async throws in
            let error = await failure(content)
            #expect(error?.code == .badCredentials && error?.message.contains("rpc_secret") == true)
        }
        // What it writes is looked for where it says that it is: here another root of the file system is in between.
        let far = try await Aria2Server.start(secret: "a secret of the test", replacing: Scratch.current)
        let content = try await Subject.openFetching(settings(far.url), offering: URLGiver.offers(of: [giver]))
        try await Subject.closing(content) { (content) async throws in
            let error = await failure(content)
            let isTold = error?.message.contains("download_folder") == true
            #expect(error?.code == .badSettings && isTold, "\(error.debugDescription)")
        }
    }

    /// A folder that is not there is not made: a disk may not be mounted.
    @Test func aFolderThatIsGoneIsNotMade() async throws {
        let folder = Scratch.current + "/gone"
        let content = try await Subject.openFetching(["download_folder": .text(folder)])
        let error = await #expect(throws: StorageError.self) { try await content.probe() }
        #expect(error?.code == .unavailable && !FileManager.default.fileExists(atPath: folder))
        await content.close()
    }

    /// A backend on a server that answers every call with the same text, and closes.
    private func open(answering answer: String, status: String = "200 OK") async throws -> any ContentService {
        let server = try SocketServer { connection in
            _ = connection.readRequest()
            connection.send("HTTP/1.1 \(status)\r\nContent-Length: \(answer.utf8.count)\r\n\r\n\(answer)")
        }
        return try await Subject.openFetching(settings(server.url + "/jsonrpc"), retries: 0, timeout: 2) { (_, _) in
            let url = ObjectURL("http://127.0.0.1:1/x?X-Amz-Signature=\(String(repeating: "5e", count: 32))", of: "x")
            return Offers([Offers.Copy(backend: "giver", at: Location("x"), urls: [url], sha256: nil)])
        }
    }

    private static func reply(_ result: String) -> String { #"{"jsonrpc":"2.0","id":"ipfs-kit","result":\#(result)}"# }

    /// Numbers that are none, states that nobody knows, what is too long, and what is no answer at all.
    @Test(arguments: [
        "", "{}", "null", "[]", "<html>log in</html>", reply("null"), reply("[]"), reply("\"0000000000000000\""),
        reply(#"{"status":"active","totalLength":"-1","completedLength":"0"}"#),
        reply(#"{"status":"asleep","totalLength":"1","completedLength":"0"}"#),
        reply(#"{"status":"active","totalLength":1,"completedLength":0}"#),
        reply("[[{\"version\":1}],[{}]]"), reply("[1,2]"), reply("[[],[]]"), #"{"id":"another","result":"OK"}"#,
        #"{"id":"ipfs-kit","error":{"code":1}}"#, reply("\"" + String(repeating: "x", count: 1 << 20) + "\""),
        String(repeating: "[", count: 100_000),
    ]) func answersThatAreNoneAreTold(_ answer: String) async throws {
        let content = try await open(answering: answer)
        try await Subject.closing(content) { (content) async throws in
            let error = await failure(content)
            #expect([.unavailable, .unexpected].contains(error?.code), "\(String(describing: error))")
            await #expect(throws: StorageError.self) { try await content.probe() }
            guard case .unknown = await content.presence(of: archive.root, at: nil) else {
                Issue.record("“\(answer)” was taken for an answer.")
                return
            }
        }
    }

    @Test(arguments: ["500 Oops", "404 Not Found", "302 Found", "401 Unauthorized"])
    func othersThatAnswerAreTold(_ status: String) async throws {
        let content = try await open(answering: Self.reply("\"OK\""), status: status)
        try await Subject.closing(content) { (content) async throws in
            let error = await failure(content)
            #expect(error?.code == .unavailable && error?.message.contains("aria2") == true)
        }
    }

    /// What it repeats of a URL is shown to nobody.
    @Test func whatItSaysIsClean() async throws {
        let signature = String(repeating: "5e", count: 32)
        let words = "Cannot open http://127.0.0.1:1/x?X-Amz-Signature=\(signature) with \(signature)"
        let answer = #"{"id":"ipfs-kit","error":{"code":1,"message":"\#(words)"}}"#
        let content = try await open(answering: answer, status: "400 Bad Request")
        try await Subject.closing(content) { (content) async throws in
            let error = await failure(content)
            #expect(error?.message.contains("5e5e5e") == false && error?.message.contains("Cannot open") == true)
        }
        #expect(!Redactor.shared.clean("later: \(signature)").contains("5e5e5e"))
    }

    /// A daemon that says nothing is not waited for without end.
    @Test func silenceIsNoticed() async throws {
        let server = try SocketServer { connection in
            _ = connection.readRequest()
            connection.waitForHangUp()
        }
        let content = try await Subject.openFetching(settings(server.url), retries: 0, timeout: 1)
        try await Subject.closing(content) { (content) async throws in
            let error = await #expect(throws: StorageError.self) { try await content.probe() }
            #expect(error?.code == .unavailable)
        }
    }

    /// Who has the port of a daemon that is started is not taken for it.
    @Test func aStrangerOnThePortIsShownNothing() async throws {
        let asked = Locked(0)
        let server = try SocketServer { connection in
            asked.change { $0 += 1 }
            _ = connection.readRequest()
        }
        let values: [String: FieldValue] = ["listen_port": .integer(Int64(server.port))]
        let content = try await Subject.openFetching(values, retries: 0, timeout: 5)
        let error = await #expect(throws: StorageError.self) { try await content.probe() }
        #expect(error?.code == .unavailable && asked.read { $0 } == 0)
        await content.close()
    }

    /// Nothing but the web is asked for, and nobody is shown a password.
    @Test(arguments: [
        "file:///etc/passwd", "magnet:?xt=urn:btih:248D0A1CD08284299DE78D5C1ED359BB46717D8C", "ftp://127.0.0.1/x",
        "http://user:password@127.0.0.1/x", "http://127.0.0.1/x y", "", "http://127.0.0.1/x\n--on-download-start=sh",
    ]) func whatIsNoURLOfTheWebIsNotAskedFor(_ text: String) async throws {
        let asked = Locked(0)
        let server = try SocketServer { _ in asked.change { $0 += 1 } }
        let content = try await Subject.openFetching(settings(server.url), retries: 0) { (_, _) in
            Offers([Offers.Copy(backend: "giver", at: nil, urls: [ObjectURL(text, of: "x")], sha256: nil)])
        }
        try await Subject.closing(content) { (content) async throws in
            #expect(await failure(content)?.code == .unsupported)
            #expect(asked.read { $0 } == 0)
        }
    }

    /// What is sent to a server goes to no other, wherever that one points.
    @Test func nothingGoesAlongToAnotherServer() async throws {
        let heads = Locked<[String]>([])
        let bytes = archive.bytes
        let other = try SocketServer { connection in
            let head = connection.readRequest().head
            heads.change { $0.append(head) }
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\nConnection: close\r\n\r\n")
            connection.send(bytes)
        }
        let target = other.url + "/elsewhere"
        let first = try SocketServer { connection in
            _ = connection.readRequest()
            connection.send(
                "HTTP/1.1 302 Found\r\nLocation: \(target)\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
            )
        }
        let url = ObjectURL("http://localhost:\(first.port)/x?X-Amz-Signature=5e5e5e5e5e5e", of: "x")
        let content = try await Subject.openFetching { (_, _) in
            Offers([Offers.Copy(backend: "giver", at: nil, urls: [url], sha256: nil)])
        }
        try await Subject.closing(content) { (content) async throws in
            #expect(try await collect(content.read(archive.root), limit: 1 << 30) == archive.bytes)
        }
        // One without anything in it takes the place of what aria2 would send.
        let sent = heads.read { $0 }.joined().lowercased().replacing(/cookie: ?\r\n/, with: "")
        #expect(sent.contains("/elsewhere"))
        for word in ["authorization", "cookie", "referer", "5e5e5e"] { #expect(!sent.contains(word), "\(sent)") }
    }
}
