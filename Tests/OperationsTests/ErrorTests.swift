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
        #expect(code == .cancelled || error.hint?.command().hasPrefix("ipfs-kit ") == true)
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
        let json = KitError(.locked, "It is locked.", hint: Hint(Status.self), backend: "b").json
        #expect(json["code"] == .integer(11) && json["kind"] == .string("locked"))
        #expect(
            json["hint"] == ["operation": "status", "values": [:], "gives_up": false] && json["backend"] == .string("b")
        )
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

    /// A hint is an operation with values: what is to be found stands in capitals, and words are quoted for the shell.
    @Test func `a hint is written for whoever reads it`() {
        #expect(Hint(Sync.self, ["names": "a", "prune": "true"]).command() == "ipfs-kit sync a --prune")
        #expect(Hint(BackendCreate.self).command() == "ipfs-kit backend create NAME TYPE")
        #expect(Hint(Recover.self).command(home: "/my home") == "ipfs-kit --home '/my home' recover --from FROM")
        #expect(
            Hint(Cat.self, ["paths": "it's", "output": nil]).command() == #"ipfs-kit cat 'it'\''s' --output OUTPUT"#
        )
        #expect(
            Hint.help(on: "pin add").command() == "ipfs-kit help pin add" && Hint.help().command() == "ipfs-kit help"
        )
        let json = Hint(PinAdd.self, ["cids": "bafy", "name": nil]).json
        #expect(json == ["operation": "pin add", "values": ["cids": ["bafy"], "name": .null], "gives_up": false])
    }
}
