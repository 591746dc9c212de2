import Foundation
import HTTPClient
import Schema
import Storage
import TestKit
import Testing

@testable import Services

/// What Kubo 0.42 answered when it was recorded, and what is made of it.
@Suite struct KuboErrorTests {
    /// One recorded answer.
    private struct Recorded {
        let status: Int
        let headers: HTTPHeaders
        let body: [UInt8]
        let trailer: String?

        init(_ id: String) throws {
            let file = packageRoot.appending(path: "Tests/Fixtures/kubo-rpc/transcripts.json")
            let all = try JSON(reading: Data(contentsOf: file)).items ?? []
            let response = try #require(all.first { $0["id"]?.string == id }?["response"])
            status = Int(try #require(response["status"]?.natural))
            func fields(_ list: JSON?) -> HTTPHeaders {
                let pairs = (list?.items ?? []).compactMap { $0.items?.compactMap(\.string) }
                return HTTPHeaders(pairs.map { HTTPField(name: $0[0], value: $0[1]) })
            }
            headers = fields(response["headers"])
            body = Array((response["body"]?["text"]?.string ?? "").utf8)
            trailer = fields(response["trailers"])["X-Stream-Error"]
        }
    }

    private let errors = NodeErrors(host: "node.test")

    private func request(_ subject: NodeErrors.Subject?) -> NodeRequest {
        NodeRequest(what: "Asking", command: "x", subject: subject)
    }

    @Test(arguments: [
        ("pin-ls-arg-missing", NodeErrors.Subject.pin, StorageError.Code.notFound),
        ("pin-rm-notpinned", .pin, .notFound),
        ("block-get", .block, .notFound), ("block-stat-missing", .block, .notFound),
        ("files-stat-missing", .file, .notFound), ("files-read-dir", .file, .exists),
        // What is missing elsewhere than where it was asked for is no absence.
        ("pin-ls-arg-missing", .file, .unexpected), ("files-stat-missing", .pin, .unavailable),
        ("dag-export-missing", .pin, .corrupt), ("cat-missing", .file, .corrupt), ("partial-pin", .pin, .corrupt),
        ("dag-import-badhash", .pin, .corrupt), ("dag-import-truncated", .pin, .unavailable),
        ("dag-import-garbage", .pin, .unavailable), ("pin-ls-badtype", .pin, .unavailable),
        ("origin-forbidden", .pin, .permissionDenied), ("get-method-not-allowed", .pin, .badSettings),
        ("bool-bad", .pin, .unexpected),
    ]) func answersMeanWhatTheySay(
        _ id: String,
        _ subject: NodeErrors.Subject,
        _ code: StorageError.Code
    ) throws {
        let recorded = try Recorded(id)
        let error = errors.translate(
            request(subject),
            HTTPReply(status: recorded.status, headers: recorded.headers, body: recorded.body),
            now: Timestamp(milliseconds: 0)
        )
        #expect(error.code == code, "\(error)")
        #expect(error.message.hasPrefix("Asking failed: ") && ".?".contains(error.message.suffix(1)))
    }

    @Test func whatStandsBehindABodyIsAnError() throws {
        for id in ["partial-cat", "files-rm-dir"] {
            let recorded = try Recorded(id)
            #expect(recorded.status == 200)
            let message = try #require(recorded.trailer)
            #expect(errors.said(request(.file), message).code != .notFound)
        }
        let pins = try Recorded("dag-import-missing-blocks").body
        let root = try JSON(reading: pins)["Root"]
        let message = try #require(root?["PinErrorMsg"]?.string)
        #expect(errors.said(request(nil), message).code == .corrupt)
    }

    @Test(arguments: [
        (403, "Kubo RPC Access Denied: Please provide", StorageError.Code.badCredentials, "credentials.api_auth"),
        (401, "", .badCredentials, "401"), (404, "404 page not found\n", .badSettings, "connection.api_url"),
        (429, "", .rateLimited, "fewer"), (502, "<html>", .unavailable, "502"), (302, "", .unavailable, "web page"),
        (200, "<html>", .unavailable, "web page"),
    ]) func answersOfOthersAreNotTheNodes(
        _ status: Int,
        _ body: String,
        _ code: StorageError.Code,
        _ phrase: String
    ) {
        for subject in [NodeErrors.Subject.pin, .file, .block] {
            let error = errors.translate(
                request(subject),
                HTTPReply(status: status, headers: HTTPHeaders([]), body: Array(body.utf8)),
                now: Timestamp(milliseconds: 0)
            )
            #expect(error.code == code && error.message.contains(phrase), "\(error)")
        }
    }

    @Test(arguments: [
        ("write blocks/XY: no space left on device", StorageError.Code.quotaExceeded, StorageError.Retry.never),
        ("someone else has the lock", .unavailable, .later), ("context deadline exceeded", .unavailable, .later),
        ("this command must be run in online mode", .unavailable, .never),
        ("no decoder registered for multicodec code 133 (0x85)", .unsupported, .never),
        ("something that nobody knows", .unavailable, .later),
    ]) func messagesDecideWhetherItMayHelpToTryAgain(
        _ message: String,
        _ code: StorageError.Code,
        _ retry: StorageError.Retry
    ) {
        let error = errors.said(request(nil), message)
        #expect(error.code == code && error.retry == retry)
        #expect(error.message.contains(message))
        #expect(error.mayHaveHappened == (code == .unavailable))
    }
}
