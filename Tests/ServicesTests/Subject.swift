import Foundation
import Schema
import Services
import Storage
import StorageLaws
import TestKit
import Testing

/// A backend of one type on a real place, for the laws; each type has its own in its folder.
struct Subject: Sendable, CustomTestStringConvertible {
    /// All of them.
    static let all =
        aria2 + external + ftp + gateway + ipfsCluster + kubo + localDirectory + pinningService + s3 + sftp + sshfs
        + webdav

    /// The word for it in `IPFS_KIT_SUBJECT`.
    let name: String
    /// The word for the type in a backend file.
    let type: String
    /// The length, in bytes, around which the service begins to divide uploads, or what it stores.
    let boundary: Int
    /// Why laws do not apply, where they do not.
    var exceptions: Set<String> = []
    /// Whether there is room for named objects; where there is none, only laws of content are tried.
    var keepsObjects = true
    /// Opens a backend that only gives, where something else stores for it: the laws of content are tried on that.
    var stocked: (@Sendable () async throws -> any ContentService)?
    /// Whether about a thousand objects may be stored.
    var allowsBulk = true
    /// Laws that the server itself breaks, by their titles, and a part of the sentence that says how.
    var weaknesses: [String: [String]] = [:]
    /// What is needed to stand between us and the server, where that is reached by HTTP.
    var http: OverHTTP?
    /// Opens backends of the type whose settings let them do other things.
    var others: [@Sendable () async throws -> any ContentService] = []
    /// Opens a backend on an empty place of its own.
    let open: @Sendable () async throws -> any ContentService
    /// Opens a backend around which things can be made to go wrong, and says who does that.
    let openTroubled: @Sendable () async throws -> (any ContentService, any Troublemaker)

    var testDescription: String { name }

    /// A server that is reached by HTTP.
    struct OverHTTP: Sendable {
        /// How the requests look by which a call about the object of this name goes over the wire; that of an upload is
        /// the one with its bytes.
        let requests: @Sendable (Trouble.Call, String) -> (method: String, path: String)
        /// Where the server is, and the settings of a backend on an empty place of it that is reached at another
        /// endpoint.
        let server:
            @Sendable () async throws -> (endpoint: String, settings: @Sendable (String) -> [String: FieldValue])
    }

    /// Those before which the faulty proxy can stand.
    static let overHTTP = all.filter { $0.http != nil }

    /// Lends an open backend, which is closed afterwards.
    func lend<Value>(_ body: (any ContentService) async throws -> Value) async throws -> Value {
        try await Self.closing(try await open(), body)
    }

    /// Closes a backend when all was done with it.
    static func closing<Value>(
        _ content: any ContentService,
        _ body: (any ContentService) async throws -> Value
    ) async throws -> Value {
        do {
            let value = try await body(content)
            await content.close()
            return value
        } catch {
            await content.close()
            throw error
        }
    }

    /// Opens a backend behind a proxy of its own.
    func openBehind(
        _ rules: [FaultyProxy.Rule],
        retries: Int = 3,
        meter: Meter = Meter()
    ) async throws -> (objects: any StorageService, proxy: FaultyProxy) {
        let (endpoint, settings) = try await #require(http).server()
        let proxy = try await FaultyProxy.start(before: endpoint, rules)
        let content = try await Self.open(type, settings(proxy.endpoint), retries: retries, meter: meter)
        return (try #require(content.objects), proxy)
    }

    /// The sentences in which laws say that nothing of this can be made to happen.
    static func impossible(_ troubles: [Trouble]) -> Set<String> {
        Set(troubles.map { "It cannot be brought about here that \($0)." })
    }

    /// What can only go wrong on a wire, as far as laws ask for it.
    static let wireTroubles: [Trouble] =
        [
            .breaksOff(after: 65_536), .endsUnannounced(after: 65_536), .ignoresRanges, .shiftsRanges, .tellsNoLength,
            .praisesEarly, .echoesDigests, .altersUploads, .cutsLists, .listsWithoutEnd(areEmpty: false),
            .encodesReads, .losesAnswer(to: .put), .losesAnswer(to: .delete),
        ] + Trouble.Call.allCases.map { .answers(.loginPage, to: $0) }

    /// Opens a backend of a type by its settings.
    static func open(
        _ type: String,
        _ values: [String: FieldValue],
        retries: Int = 3,
        timeout: Int = 30,
        rate: UInt64 = 0,
        timing: Timing = Timing(now: systemTime),
        gate: any ChangeGate = OpenGate(),
        meter: Meter = Meter(),
        state: String? = nil,
        offers: @escaping Offers.Source = { (_, _) in Offers() }
    ) async throws -> any ContentService {
        let row = try #require(ServiceRow.named(type))
        var operational = OperationalSettings()
        operational.retryCount = retries
        operational.timeout = timeout
        operational.bandwidthLimit = ByteCount(rate)
        let context = ServiceContext(
            backend: "subject",
            type: type,
            operational: operational,
            policy: CallPolicy(backend: "subject", operational, timing: timing, gate: gate, meter: meter),
            environment: { _ in nil },
            state: state,
            offers: offers
        )
        return try await row.open(values, in: context).content()
    }

    private static let systemTime: @Sendable () -> Int64 = {
        Int64(Date().timeIntervalSince1970 * 1000)
    }
}
