import Catalog
@testable import Operations
import Multiformats
import Replication
import Schema
import Storage
import Testing

/// What failures of the floors below mean for the shell.
@Suite struct ErrorTests {
    @Test(arguments: [
        (StorageError.Code.notFound, ExitCode.notFound), (.exists, .other), (.permissionDenied, .authorisation),
        (.badCredentials, .authorisation), (.rateLimited, .temporary), (.quotaExceeded, .limit), (.tooLarge, .limit),
        (.unavailable, .temporary), (.unsupported, .refused), (.corrupt, .verification), (.badSettings, .usage),
        (.cancelled, .interrupted), (.unexpected, .other), (.changed, .temporary), (.superseded, .locked),
        (.late, .temporary),
    ])
    func storageErrorsHaveCodesAndHints(_ code: StorageError.Code, _ expected: ExitCode) {
        let error = KitError(StorageError(code, "It failed.", backend: "my-s3"))
        #expect(error.code == expected && error.backend == "my-s3")
        #expect(error.message.contains("my-s3"))
        #expect(code == .cancelled || error.hint?.hasPrefix("ipfs-kit ") == true)
    }

    @Test func everyStorageErrorIsMapped() {
        #expect(StorageError.Code.allCases.count == 16)
    }

    @Test(arguments: [
        (CatalogError.Code.busy, ExitCode.locked), (.full, .limit), (.permissionDenied, .authorisation),
        (.corrupt, .verification), (.tooNew, .other), (.unexpected, .other), (.fenced, .locked),
        (.missing, .other), (.inputOutput, .temporary),
    ])
    func catalogErrorsHaveCodes(_ code: CatalogError.Code, _ expected: ExitCode) {
        #expect(KitError(CatalogError(code, "It failed.")).code == expected)
        #expect(KitError(.catalog(CatalogError(code, "It failed."))).code == expected)
    }

    @Test func theNumbersAreThePromisedOnes() {
        let numbers: [ExitCode: Int32] = [
            .ok: 0, .other: 1, .usage: 2, .noSuchBackend: 3, .notFound: 4, .temporary: 5, .partlyFailed: 6,
            .authorisation: 7, .limit: 8, .verification: 10, .locked: 11, .refused: 12, .interrupted: 130,
        ]
        #expect(Set(ExitCode.allCases) == Set(numbers.keys))
        for (code, number) in numbers { #expect(code.rawValue == number) }
    }

    @Test func suspicionIsARefusalAndALeaseALock() {
        #expect(KitError(.suspicious("It looks empty.")).code == .refused)
        #expect(KitError(.badSnapshot("It is damaged.")).code == .verification)
    }

    @Test func machinesGetEveryPart() {
        let json = KitError(.locked, "It is locked.", hint: "ipfs-kit status", backend: "b").json
        #expect(json["code"] == .integer(11) && json["kind"] == .string("locked"))
        #expect(json["hint"] == .string("ipfs-kit status") && json["backend"] == .string("b"))
        #expect(json["cid"] == .null && json["may_retry"] == true && json["retry_after"] == .null)
    }

    /// Whether another try may help is what the service said, or what the kind of the failure says.
    @Test func `an error says whether another try may help`() {
        func json(_ code: StorageError.Code, _ retry: StorageError.Retry) -> JSON {
            KitError(StorageError(code, "It failed.", retry: retry)).json
        }
        #expect(json(.rateLimited, .after(.seconds(90)))["retry_after"] == .integer(90))
        #expect(json(.unavailable, .never)["may_retry"] == true)
        #expect(json(.badCredentials, .never)["may_retry"] == false)
        #expect(KitError(.locked, "It is held.").about(.v1(.raw, .sha256(of: [1]))).json["may_retry"] == true)
    }
}
