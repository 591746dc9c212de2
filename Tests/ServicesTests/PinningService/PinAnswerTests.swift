import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// What is made of the answers of a pinning service, and of those of somebody else.
@Suite(.inTurn, .timeLimit(.minutes(3))) struct PinAnswerTests {
    private typealias Trial = PinningTrial
    private let archive = SampleArchive(seed: 1)

    private func roots(_ content: any ContentService) async throws -> [String] {
        var found: [String] = []
        for try await page in content.roots() { found += page.map { "\($0.root)" } }
        return found
    }

    /// Fills the account with requests, so many of one moment; gives their roots.
    private func fill(_ trial: Trial, _ count: Int, alike: Int) async throws -> [String] {
        let reply = try await trial.server.send("PUT", "/-/fill/all", #"{"count": \#(count), "alike": \#(alike)}"#)
        return try JSON(reading: reply).items?.compactMap(\.string) ?? []
    }

    // MARK: Lists

    /// Whatever fits on a page, and however many were made at one time: each is listed once.
    @Test(arguments: [(7, 3), (10, 9), (10, 1), (3, 1), (200, 200), (201, 200), (67, 66), (1000, 10)])
    func aListHasEachOfThemOnce(_ page: Int, _ alike: Int) async throws {
        let trial = try await Trial()
        let all = try await fill(trial, 200, alike: alike)
        try await trial.server.begin("page", #"{"size": \#(page)}"#)
        let found = try await roots(try await trial.open())
        #expect(found.count == 200 && Set(found) == Set(all))
        let requests = try await trial.count("GET /psa/pins?status=pinned&limit=1000")
        #expect(Int(trial.meter.counts.pages) == requests)
    }

    @Test func aLongListComesInPagesOfAThousand() async throws {
        let trial = try await Trial()
        let all = try await fill(trial, 2500, alike: 2)
        let found = try await roots(try await trial.open())
        #expect(found.count == 2500 && Set(found) == Set(all) && trial.meter.counts.pages == 3)
        // A page that is full to the last may have more behind it, whatever is said.
        let exact = try await Trial()
        _ = try await fill(exact, 1000, alike: 2)
        #expect(try await roots(try await exact.open()).count == 1000 && exact.meter.counts.pages == 2)
    }

    /// A list that cannot be finished is none: nothing is absent by it.
    @Test(arguments: ["equal", "ignore-before", "miscount", "backwards"])
    func aListThatLeadsNowhereEndsWithAnError(_ fault: String) async throws {
        let trial = try await Trial()
        _ = try await fill(trial, 60, alike: fault == "equal" ? 12 : 2)
        try await trial.server.begin("page", #"{"size": \#(fault == "miscount" ? 100 : 10)}"#)
        if fault != "equal" { try await trial.server.begin(fault) }
        let content = try await trial.open()
        let error = await Trial.failure { _ = try await roots(content) }
        #expect(error?.code == .unavailable, "\(String(describing: error))")
        guard fault == "miscount" else { return }
        guard case .unknown = await content.presence(of: archive.root, at: nil) else {
            Issue.record("Something is said to be absent by a list that is not whole.")
            return
        }
    }

    @Test func aRootThatWasAskedForTwiceIsListedOnce() async throws {
        let trial = try await Trial(["--have", "\(archive.root)"])
        for _ in 0..<3 { try await trial.addForeign(archive.root) }
        #expect(try await roots(try await trial.open()) == ["\(archive.root)"])
    }

    // MARK: Refusals

    private static let json = #""type": "application/json""#

    @Test(arguments: [
        (401, #"{\"error\":{\"reason\":\"UNAUTHORIZED\",\"details\":\"no\"}}"#, StorageError.Code.badCredentials),
        (403, #"{\"error\":{\"reason\":\"CUSTOM_CODE\",\"details\":\"no\"}}"#, .permissionDenied),
        (409, #"{\"error\":{\"reason\":\"INSUFFICIENT_FUNDS\",\"details\":\"Unable to process\"}}"#, .quotaExceeded),
        (409, #"{\"error\":{\"reason\":\"PIN_LIMIT\",\"details\":\"\"}}"#, .quotaExceeded),
        (429, #"{\"error\":{\"reason\":\"SLOW\",\"details\":\"\"}}"#, .rateLimited), (429, "", .rateLimited),
        (413, "", .tooLarge), (500, #"{\"error\":{\"reason\":\"INTERNAL_SERVER_ERROR\"}}"#, .unavailable),
        (502, "<html>", .unavailable), (404, "", .badSettings), (405, "", .unsupported),
        (404, #"{\"error\":{\"reason\":\"NOT_FOUND\",\"details\":\"\"}}"#, .badSettings),
        (400, #"{\"error\":{\"reason\":\"BAD_REQUEST\",\"details\":\"meta\"}}"#, .unexpected),
        (400, #"{\"error\":\"Invalid\",\"message\":\"what\"}"#, .unexpected), (307, "", .unavailable),
        (200, "<!DOCTYPE html><html></html>", .unavailable), (200, "", .unavailable), (200, "{}", .unavailable),
        (200, #"{\"count\":1,\"results\":[]}"#, .unavailable), (200, #"{\"count\":0}"#, .unavailable),
        (200, #"{\"count\":-1,\"results\":[]}"#, .unavailable),
        (200, #"{\"count\":1,\"results\":[{\"requestid\":\"a\",\"status\":\"pinned\"}]}"#, .unavailable),
    ]) func anAnswerThatSaysNothingOfItIsNoAbsence(
        _ status: Int,
        _ body: String,
        _ code: StorageError.Code
    ) async throws {
        let trial = try await Trial()
        let type = body.hasPrefix("<") ? #""type": "text/html""# : Self.json
        try await trial.server.begin("status", #"{"status": \#(status), "body": "\#(body)", \#(type)}"#)
        let content = try await trial.open()
        guard case .unknown(let error) = await content.presence(of: archive.root, at: nil) else {
            Issue.record("\(status) “\(body)” was taken for an answer.")
            return
        }
        #expect(error.code == code, "\(error)")
        #expect(!error.message.contains(trial.server.token))
        #expect(await Trial.failure { _ = try await content.store(archive.upload) }?.code == code)
    }

    /// Only in its own words the service says that it does not know a number; else its list tells.
    @Test func aNumberThatIsNotFoundIsAnAbsenceInItsOwnWords() async throws {
        let trial = try await Trial()
        let content = try await trial.open()
        let place = Location("pins/none")
        guard case .absent = await content.presence(of: archive.root, at: place) else {
            Issue.record("The service said that there is none.")
            return
        }
        for body in ["", "<html></html>", #"{\"error\":{\"reason\":\"GONE\"}}"#] {
            try await trial.server.begin("status", #"{"status": 404, "body": "\#(body)", \#(Self.json)}"#)
            guard case .unknown = await content.presence(of: archive.root, at: place) else {
                Issue.record("“\(body)” was taken for an absence.")
                return
            }
            #expect(await Trial.failure { try await content.remove(archive.root, at: place) } != nil)
        }
    }

    @Test func aWrongTokenIsTold() async throws {
        let trial = try await Trial()
        let content = try await trial.open("pinning_service", ["token": .text("a-wrong-token-0815")])
        let error = await Trial.failure { _ = try await content.store(archive.upload) }
        #expect(error?.code == .badCredentials && error?.message.contains("wrong-token") == false)
        // The older pair of Pinata is shown where there is no token.
        let older: [String: FieldValue] = [
            "token": .text(""), "api_key": .text("older-key"), "api_secret": .text("older-secret"),
        ]
        guard case .absent = try await trial.open("pinata", older).presence(of: archive.root, at: nil) else {
            Issue.record("The older pair was not shown.")
            return
        }
    }

    // MARK: The gateway

    private func stored(_ type: String = "pinata") async throws -> (Trial, any ContentService) {
        let trial = try await Trial()
        let content = try await trial.open(type, retries: 1)
        _ = try await content.store(archive.upload)
        return (trial, content)
    }

    private func read(_ content: any ContentService) async throws -> [UInt8] {
        try await collect(content.read(archive.root), limit: 1 << 20)
    }

    @Test func theGatewayGivesTheCARThatWasSent() async throws {
        let (trial, content) = try await stored()
        #expect(try await read(content) == archive.bytes)
        let block = try await content.block(archive.root)
        #expect(!block.isEmpty && Data(archive.bytes).range(of: Data(block)) != nil)
        let other = SampleArchive(seed: 2).root
        #expect(await Trial.failure { _ = try await content.block(other) }?.code == .notFound)
        let last = try #require(try await trial.server.requests().first { $0.contains("/ipfs/") })
        #expect(last.hasSuffix("?format=car&car-version=1&car-order=dfs&car-dups=n&dag-scope=all"))
    }

    @Test(arguments: [
        (404, "", "text/plain", StorageError.Code.unavailable, true), (410, "", "text/plain", .permissionDenied, false),
        (429, "", "text/plain", .rateLimited, false), (504, "", "text/plain", .unavailable, false),
        (403, "", "text/plain", .permissionDenied, false), (451, "", "text/plain", .permissionDenied, false),
        (200, "<html></html>", "text/html", .unavailable, false), (200, "", "application/json", .unsupported, false),
    ]) func aGatewayThatDoesNotGiveItIsNoAbsence(
        _ status: Int,
        _ body: String,
        _ type: String,
        _ code: StorageError.Code,
        _ isLie: Bool
    ) async throws {
        let (trial, content) = try await stored()
        try await trial.server.begin(
            "gateway-status",
            #"{"status": \#(status), "body": "\#(body)", "type": "\#(type)"}"#
        )
        let error = await Trial.failure { _ = try await read(content) }
        #expect(error?.code == code && error?.isBrokenPromise == isLie, "\(String(describing: error))")
    }

    /// What a gateway has from elsewhere, or for a while, is no copy at the service.
    @Test func whatIsNotPinnedIsNotThereWhateverTheGatewayHas() async throws {
        let (trial, content) = try await stored()
        try await trial.addForeign(archive.root)
        // The file is gone, and a request of somebody has the gateway give it.
        try await content.remove(archive.root, at: nil)
        try await trial.server.forgetRequests()
        #expect(await Trial.failure { _ = try await read(content) }?.code == .notFound)
        #expect(try await trial.count("GET /ipfs/") == 0)
    }

    @Test(arguments: [("close", true), ("end", false)])
    func aCutAnswerIsNeverWhole(_ how: String, _ isSeen: Bool) async throws {
        let (trial, content) = try await stored()
        try await trial.server.begin("cut", #"{"bytes": 300, "how": "\#(how)"}"#)
        let error = await Trial.failure {
            // What seems to be whole is not, and whoever reads the blocks sees that.
            if archive.problem(of: try await read(content)) != nil { throw StorageError(.corrupt, "cut") }
        }
        #expect(error?.code == (isSeen ? .unavailable : .corrupt))
    }

    @Test func aGatewayIsShownWhatItAsksFor() async throws {
        let trial = try await Trial(["--gateway-token", "let-me-in-0815"])
        let content = try await trial.open("pinata", ["gateway_token": .text("let-me-in-0815")])
        _ = try await content.store(archive.upload)
        #expect(try await read(content) == archive.bytes)
        let error = await Trial.failure { _ = try await read(try await trial.open("pinata")) }
        #expect(error?.code == .permissionDenied && error?.message.contains("gateway_token") == true)
    }

    /// Without a gateway nothing is given back, and nothing is promised.
    @Test func withoutAGatewayThereIsItsWordAlone() async throws {
        let trial = try await Trial(["--have", "\(archive.root)"])
        let content = try await trial.open("pinning_service", ["gateway_url": .text("none")])
        #expect(content.capabilities == [.write, .delete, .listing, .sharedRoots, .pins])
        _ = try await content.store(archive.upload)
        #expect(PinningTrial.place(await content.presence(of: archive.root, at: nil)) != nil)
        #expect(await Trial.failure { _ = try await read(content) }?.code == .unsupported)
    }
}
