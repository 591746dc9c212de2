import Digests
import HTTPClient
import Schema
import Storage
import Testing

@testable import Services

struct S3ErrorTests {
    private let errors = S3Errors(bucket: "bkt", host: "s3.test")

    @Test(arguments: [
        (404, "NoSuchKey", StorageError.Code.notFound, StorageError.Retry.never, "“bkt”"),
        (404, "NoSuchBucket", .unavailable, .never, "connection.bucket"),
        (403, "SignatureDoesNotMatch", .badCredentials, .never, "credentials.secret_access_key"),
        (403, "InvalidAccessKeyId", .badCredentials, .never, "credentials.access_key_id"),
        (400, "ExpiredToken", .badCredentials, .never, "expired"),
        (403, "AccessDenied", .permissionDenied, .never, "“bkt”"),
        (403, "QuotaExceeded", .quotaExceeded, .never, "room"),
        (503, "SlowDown", .rateLimited, .later, "fewer"),
        (400, "RequestTimeout", .unavailable, .later, "now"),
        (400, "EntityTooSmall", .badSettings, .never, "connection.part_size"),
        (400, "BadDigest", .corrupt, .later, "changed"),
        (501, "NotImplemented", .unsupported, .never, "cannot"),
        (418, "Teapot", .unexpected, .never, "418 (Teapot: “Said.”)"),
        (403, "", .permissionDenied, .never, "403"), (401, "", .badCredentials, .never, "401"),
        (500, "", .unavailable, .later, "500"), (302, "", .unavailable, .never, "connection.endpoint"),
        (404, "", .unavailable, .never, "does not say"), (500, "NoSuchKey", .unavailable, .later, "500"),
        (200, "NoSuchKey", .unexpected, .never, "200"), (412, "", .changed, .never, "replaced"),
        (413, "", .tooLarge, .never, "413"), (429, "", .rateLimited, .later, "429"),
    ])
    func table(
        _ status: Int,
        _ word: String,
        _ code: StorageError.Code,
        _ retry: StorageError.Retry,
        _ phrase: String
    ) {
        let error = errors.translate(
            "Storing x",
            reply(status, [:], word.isEmpty ? "" : fault(word)),
            now: noon
        )
        #expect(error.code == code)
        #expect(error.retry == retry)
        #expect(error.message.contains(phrase))
        #expect(error.message.hasPrefix("Storing x failed: ") && ".?".contains(error.message.suffix(1)))
    }

    @Test(arguments: [
        ("7", StorageError.Retry.after(.seconds(7))), ("Thu, 01 Jan 2026 12:00:30 GMT", .after(.seconds(30))),
        ("Thu, 01 Jan 2026 11:00:00 GMT", .after(.zero)), ("soon", .later), ("-1", .later), ("+1", .later),
        ("4294967295", .after(.seconds(3600))), ("99999999999999999999999999", .later),
        ("Fri, 31 Dec 9999 23:59:59 GMT", .after(.seconds(3600))), ("Fri, 31 Dec 99999 23:59:59 GMT", .later),
    ])
    func retryAfter(_ text: String, _ retry: StorageError.Retry) {
        #expect(errors.translate("x", reply(503, ["retry-after": text]), now: noon).retry == retry)
    }

    @Test func hostileTextIsCut() {
        let text = fault("A\u{202E}<!-- -->b&#10;", "").replacing(
            "Said.",
            with: String(repeating: "x\u{9B}", count: 900)
        )
        let error = errors.translate("x", reply(400, [:], text), now: noon)
        #expect(error.message.utf8.count < 400)
        #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x9B })
    }

    @Test(arguments: [
        (HTTPError.Code.cannotConnect, StorageError.Code.unavailable, StorageError.Retry.later, false),
        (.timedOut, .unavailable, .later, true), (.truncated, .unavailable, .later, true),
        (.tls, .unavailable, .never, false), (.cancelled, .cancelled, .never, true),
        (.protocolViolation, .unavailable, .later, true),
    ])
    func exchanges(
        _ from: HTTPError.Code,
        _ code: StorageError.Code,
        _ retry: StorageError.Retry,
        _ mayHaveHappened: Bool
    ) {
        let error = errors.http.translate("x", HTTPError(code: from, message: "It broke."))
        #expect(error.code == code)
        #expect(error.retry == retry)
        #expect(error.mayHaveHappened == mayHaveHappened)
    }
}
