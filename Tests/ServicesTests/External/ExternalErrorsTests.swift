import Storage
import Testing

@testable import Services

/// What words of programs mean, and that names in them mean nothing.
@Suite struct ExternalErrorsTests {
    /// What programs say, with a name in it, and what it means whatever that name is.
    static let sentences: [(words: String, code: StorageError.Code)] = [
        ("write NAME: no space left on device", .quotaExceeded),
        (
            "Failed to copy NAME: googleapi: Error 403: The user's Drive storage quota has been exceeded., "
                + "storageQuotaExceeded", .quotaExceeded
        ),
        ("NAME: 507 Insufficient Storage", .quotaExceeded),
        ("cannot read \"NAME\nwrite: disk full", .quotaExceeded),
        ("api error SlowDown: Please reduce your request rate (NAME)", .rateLimited),
        ("Error 429: Too Many Requests, NAME", .rateLimited),
        ("googleapi: Error 403: Rate Limit Exceeded, userRateLimitExceeded: NAME", .rateLimited),
        ("HTTP error 401 (401 Unauthorized) for NAME", .badCredentials),
        ("StatusCode: 403, api error InvalidAccessKeyId: there is no such key, NAME", .badCredentials),
        ("couldn't fetch token: invalid_grant: maybe it expired? NAME", .badCredentials),
        ("open NAME: permission denied", .permissionDenied),
        ("NAME: 403 Forbidden", .permissionDenied),
        ("api error AccessDenied: Access Denied. NAME", .permissionDenied),
        ("open NAME: read-only file system", .permissionDenied),
        ("read NAME: connection reset by peer", .unavailable),
        ("Failed to create file system for NAME: didn't find section in config file (NAME)", .unavailable),
        ("NAME", .unavailable), ("neither NAME nor NAME", .unavailable),
    ]

    static let names = [
        "remote:quota-2026/x", "/srv/forbidden/unauthorized", "quota.example.com", "XIPFSKIT--quota~slowdown",
        "C:\\read-only\\quota", "quota-2026", "forbidden_1", "'no space left'", "\"permission denied: x\"",
        "“rate limit”", "'it's the quota'", "'unauthorized' 'disk full'",
    ]

    @Test(arguments: sentences.indices) func namesMeanNothing(_ index: Int) {
        let (words, code) = Self.sentences[index]
        let mayHelp = code == .unavailable || code == .rateLimited
        let retry: StorageError.Retry = mayHelp ? .later : .never
        for name in Self.names {
            let said = words.replacing("NAME", with: name)
            let errors = [
                ExternalErrors.refused("Storing cars/x", said, []), ExternalErrors.unknown("Finding cars/x", said, []),
            ]
            for error in errors { #expect(error.code == code && error.retry == retry, "\(error)") }
        }
    }

    /// Names that look like words are known from the settings, and those that are words of what is meant stay.
    @Test(arguments: [
        ("S3 bucket quota path my forbidden things: connection reset by peer", StorageError.Code.unavailable),
        ("S3 bucket Quota path storage: Access Denied", .permissionDenied),
        ("S3 bucket quota path storage: insufficient storage", .quotaExceeded),
    ])
    func namesOfTheSettingsMeanNothing(_ words: String, _ code: StorageError.Code) {
        let error = ExternalErrors.refused("Storing cars/x", words, ["quota", "my forbidden things", "storage", "s3"])
        #expect(error.code == code, "\(error)")
    }

    @Test func anOldRcloneIsToldByWhatStandsInQuotes() {
        let words = "Error: unknown command \"gitannex\" for \"rclone\""
        #expect(ExternalErrors.refused("Storing cars/x", words, []).code == .badSettings)
    }
}
