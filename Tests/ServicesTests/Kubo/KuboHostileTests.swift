import Foundation
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// What is made of a server that answers as no node does.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct KuboHostileTests {
    private static let json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    private static let archive = SampleArchive(seed: 1)

    /// A backend on a server that says who it is, answers every other request with the same text, and closes.
    private func open(_ answer: String) async throws -> any ContentService {
        let (bytes, identity) = (Array(answer.utf8), Array(whole(#"{"ID":"12D3KooW"}"#).utf8))
        let server = try SocketServer { connection in
            let head = connection.readRequest().head
            connection.send(head.contains("/id ") ? identity : bytes)
        }
        return try await open(at: server.url)
    }

    private func open(at url: String) async throws -> any ContentService {
        var operational = OperationalSettings()
        operational.retryCount = 0
        let context = ServiceContext(
            backend: "node",
            type: "ipfs",
            operational: operational,
            policy: CallPolicy(backend: "node", operational, timing: Timing(now: { 0 })),
            environment: { _ in nil }
        )
        return try await Kubo.open(try KuboSettings(values: ["api_url": .text(url)]), in: context)
    }

    private func whole(_ body: String) -> String { "\(Self.json)Content-Length: \(body.utf8.count)\r\n\r\n\(body)" }

    /// An answer that comes in one chunk, with what stands behind it.
    private func chunked(_ body: String, trailer: String = "", mark: String = "X-Chunked-Output: 1\r\n") -> String {
        let size = String(body.utf8.count, radix: 16)
        return "\(Self.json)\(mark)Transfer-Encoding: chunked\r\n\r\n\(size)\r\n\(body)\r\n0\r\n\(trailer)\r\n"
    }

    private func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    private func list(_ answer: String) async throws -> StorageError? {
        let content = try await open(answer)
        return await failure { for try await _ in content.roots() {} }
    }

    @Test(arguments: [
        "", "{}", "null", "[1]", "{\"Keys\":{}}", "{\"Keys\":null}", "{\"Keys\":{\"x\":{\"Type\":\"recursive\"}}}",
        "{\"Keys\":{\"OTHER\":{\"Type\":\"recursive\"}}}", "{\"Keys\":{\"ROOT\":{\"Type\":\"indirect\"}}}",
        "{\"Keys\":{\"ROOT\":{\"Type\":\"recursive\"}}", "{\"Keys\":{\"ROOT\":{\"Type\":\"recursive\"}}}\n{}",
        "{\"Keys\":{\"ROOT\":{\"Type\":\"recursive\"},\"ROOT\":{}}}", "not pinned or pinned indirectly",
    ]) func whatDoesNotSayThatItIsPinnedSaysNothing(_ text: String) async throws {
        let other = SampleArchive(seed: 2).root
        let body = text.replacingOccurrences(of: "ROOT", with: "\(Self.archive.root)")
            .replacingOccurrences(of: "OTHER", with: "\(other)")
        let content = try await open(whole(body))
        guard case .unknown(let error) = await content.presence(of: Self.archive.root, at: nil) else {
            Issue.record("“\(text)” was taken for an answer.")
            return
        }
        #expect(error.code == .unavailable)
    }

    @Test func whatSaysThatItIsPinnedIsBelieved() async throws {
        let content = try await open(whole(#"{"Keys":{"\#(Self.archive.root)":{"Type":"recursive","Name":""}}}"#))
        guard case .present(let held) = await content.presence(of: Self.archive.root, at: nil) else {
            Issue.record("The node said that it is there.")
            return
        }
        #expect(held.root == Self.archive.root && held.place == "12D3KooW \(Self.archive.root)" && held.length == nil)
    }

    /// Only an error of the node's, with its status, tells of an absence.
    @Test(arguments: [200, 404, 503]) func wordsWithAnotherStatusAreNoAbsence(_ status: Int) async throws {
        let body = #"{"Message":"path 'x' is not pinned","Code":0,"Type":"error"}"#
        let content = try await open(
            "HTTP/1.1 \(status) X\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        let presence = await content.presence(of: Self.archive.root, at: nil)
        if case .absent = presence { Issue.record("A status of \(status) was taken for an absence.") }
        if case .present = presence { Issue.record("A status of \(status) was taken for a presence.") }
    }

    @Test(arguments: [
        "", "{}", #"{"Root":{"Cid":{"/":"OTHER"},"PinErrorMsg":""}}"#, #"{"Root":{"Cid":{"/":"ROOT"}}}"#,
        #"{"Root":{"Cid":"ROOT","PinErrorMsg":""}}"#, #"{"Root":{"Cid":{"/":"ROOT"},"PinErrorMsg":"no"}}"#,
        "{\"Root\":{\"Cid\":{\"/\":\"ROOT\"},\"PinErrorMsg\":\"\"}}\n{\"Root\":{\"Cid\":{\"/\":\"OTHER\"},\"PinErrorMsg\":\"\"}}",
        "{\"Root\":{\"Cid\":{\"/\":\"ROOT\"},\"PinErrorMsg\":\"\"}}\n{\"Message\":\"it broke\",\"Code\":0,\"Type\":\"error\"}",
        #"{"Stats":{"BlockCount":4,"BlockBytesCount":9}}"#,
    ]) func whatDoesNotSayThatItPinnedStoredNothing(_ text: String) async throws {
        let other = SampleArchive(seed: 2).root
        let body = text.replacingOccurrences(of: "ROOT", with: "\(Self.archive.root)")
            .replacingOccurrences(of: "OTHER", with: "\(other)")
        let content = try await open(whole(body))
        let error = await failure { _ = try await content.store(Upload(Self.archive.root, Self.archive.body)) }
        #expect(error?.mayHaveHappened == true, "“\(text)” was taken for an answer.")
    }

    @Test func aListThatEndsWithAnErrorIsNoList() async throws {
        let line = #"{"Cid":"\#(Self.archive.root)","Type":"recursive"}"# + "\n"
        #expect(try await list(chunked(line)) == nil)
        #expect(try await list(chunked(line, trailer: "X-Stream-Error: context canceled\r\n"))?.code == .unavailable)
        let error = #"{"Message":"context canceled","Code":0,"Type":"error"}"#
        #expect(try await list(chunked(line + error + "\n"))?.code == .unavailable)
        // Cut off before the last chunk.
        #expect(try await list(String(chunked(line).dropLast(5)))?.code == .unavailable)
        // An empty answer that is not said to be a stream may be anybody's.
        #expect(try await list(chunked(line, mark: ""))?.code == .unavailable)
        #expect(try await list("\(Self.json)Content-Length: 0\r\n\r\n")?.code == .unavailable)
    }

    @Test(arguments: [
        "{\"Cid\":\"ROOT\"}\n", "{\"Cid\":1,\"Type\":\"recursive\"}\n", "{\"Cid\":\"ROOT\",\"Type\":\"direct\"}\n",
        "x\n",
        "{\"Cid\":\"ROOT\",\"Type\":\"recursive\"", "[[[",
    ]) func aListWithLinesOfAnotherKindIsNoList(_ text: String) async throws {
        let body = text.replacingOccurrences(of: "ROOT", with: "\(Self.archive.root)")
        #expect(try await list(chunked(body))?.code == .unavailable)
    }

    /// Nobody's memory is taken for a line that does not end.
    @Test func aLineWithoutAnEndIsRefused() async throws {
        let error = try await list(chunked(String(repeating: "x", count: 100_000)))
        #expect(error?.code == .unavailable && error?.message.contains("longer than") == true)
    }

    /// A node may have pins of kinds that nobody here can keep.
    @Test func pinsThatCannotBeOursArePassedOver() async throws {
        let lines = ["not-a-cid", "\(Self.archive.root)", ""].map { #"{"Cid":"\#($0)","Type":"recursive"}"# + "\n" }
        let content = try await open(chunked(lines.joined()))
        var found: [HeldRoot] = []
        for try await page in content.roots() { found += page }
        #expect(found.map(\.root) == [Self.archive.root])
    }

    @Test func aBlockThatIsTooLongIsNotTaken() async throws {
        let body = String(repeating: "x", count: 9 << 20)
        let content = try await open(chunked(body, mark: "X-Stream-Output: 1\r\n"))
        let error = await failure { _ = try await content.block(Self.archive.root) }
        #expect(error?.code == .tooLarge)
    }

    @Test func aDocumentThatIsTooLongIsNotTaken() async throws {
        let server = try SocketServer { connection in
            _ = connection.readRequest()
            connection.send("\(Self.json)Connection: close\r\n\r\n")
            let part = [UInt8](repeating: 0x20, count: 1 << 20)
            for _ in 0..<80 where connection.send(part) == part.count {}
        }
        let objects = try #require(try await open(at: server.url).objects)
        let error = await failure { for try await _ in objects.list("") {} }
        #expect(error?.message.contains("more than \(64 << 20) bytes") == true)
    }

    @Test func aListOfManyObjectsIsRead() async throws {
        let rows = (0..<100_000).map {
            #"{"Name":"kits%2Fo\#($0)","Type":0,"Size":300,"Hash":"\#(Self.archive.root)"}"#
        }
        let objects = try #require(try await open(whole("{\"Entries\":[\(rows.joined(separator: ","))]}\n")).objects)
        var count = 0
        for try await page in objects.list("kits/") { count += page.count }
        #expect(count == 100_000)
    }

    /// What the node says that it got is compared with what was sent, before it gets a name.
    @Test func aNodeThatGotOtherBytesIsNotBelieved() async throws {
        let other = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"
        let server = try SocketServer { connection in
            while let (head, _) = connection.nextRequest() {
                let body = head.contains("/add?") ? #"{"Name":"object","Hash":"\#(other)","Size":"3"}"# + "\n" : ""
                connection.send("\(Self.json)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
        }
        let objects = try #require(try await open(at: server.url).objects)
        let name = try #require(ObjectName("object"))
        #expect(await failure { _ = try await objects.put(name, Body([1, 2, 3])) }?.code == .corrupt)
    }

    /// The answer to a range says how much comes: all, where the offset was not heeded.
    @Test func otherBytesThanWereAskedForAreNotTaken() async throws {
        let server = try SocketServer { connection in
            while let head = connection.nextHead() {
                if head.contains("files/stat") {
                    connection.send(
                        "\(Self.json)Content-Length: 100\r\n\r\n"
                            + #"{"Hash":"\#(Self.archive.root)","Size":300,"Type":"file"}"#.padding(
                                toLength: 100,
                                withPad: " ",
                                startingAt: 0
                            )
                    )
                } else {
                    let body = String(repeating: "y", count: 300)
                    connection.send(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Stream-Output: 1\r\nX-Content-Length: 300\r\n"
                            + "Content-Length: 300\r\n\r\n\(body)"
                    )
                }
            }
        }
        let objects = try #require(try await open(at: server.url).objects)
        let name = try #require(ObjectName("object"))
        #expect(try await collect(objects.read(name), limit: 1000).count == 300)
        #expect(await failure { _ = try await collect(objects.read(name, 10..<20), limit: 1000) } != nil)
    }
}
