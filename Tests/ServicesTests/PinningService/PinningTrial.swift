import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// A backend on a simulator of its own, with a node that stands for the network.
struct PinningTrial {
    let server: PinningServer
    let meter = Meter()
    let now = Locked(Int64(Date().timeIntervalSince1970 * 1000))
    let state: String?

    init(_ switches: [String] = [], state: String? = nil) async throws {
        server = try await PinningServer.start(switches)
        self.state = state
    }

    /// Opens the backend by a word for the type, for one kit or another.
    func open(
        _ type: String = "pinning_service",
        _ more: [String: FieldValue] = [:],
        retries: Int = 0,
        kit: String? = "our-kit"
    ) async throws -> any ContentService {
        var values: [String: FieldValue] = [
            "endpoint": .text(server.endpoint + "/psa"), "gateway_url": .text(server.endpoint),
            "token": .text(server.token),
        ]
        if type == "pinata" { values["upload_url"] = .text(server.endpoint) }
        values.merge(more) { $1 }
        var operational = OperationalSettings()
        operational.retryCount = retries
        let timing = Timing(now: { now.read { $0 } }, sleep: { _ in }, random: { 0 })
        var context = ServiceContext(
            backend: "pins",
            type: type,
            operational: operational,
            policy: CallPolicy(backend: "pins", operational, timing: timing, meter: meter),
            environment: { _ in nil },
            state: state
        )
        context.kit = { kit }
        return try await PinningService.open(try PinningSettings(values: values), in: context)
    }

    /// What the service has of requests, from the newest to the oldest.
    func pins(_ query: String = "") async throws -> [JSON] {
        let target = "/psa/pins?status=queued,pinning,pinned,failed&limit=1000\(query)"
        return try JSON(reading: try await server.send("GET", target))["results"]?.items ?? []
    }

    /// Makes a request as somebody else who uses the account.
    @discardableResult
    func addForeign(_ root: CID, name: String = "theirs") async throws -> String {
        let reply = try await server.send("POST", "/psa/pins", #"{"cid": "\#(root)", "name": "\#(name)"}"#)
        return try #require(try JSON(reading: reply)["requestid"]?.string)
    }

    /// How many requests of this beginning came since they were forgotten.
    func count(_ start: String) async throws -> Int {
        try await server.requests().count { $0.hasPrefix(start) }
    }

    /// What a call failed with; nil where it did not.
    static func failure(_ work: () async throws -> Void) async -> StorageError? {
        do {
            try await work()
            return nil
        } catch {
            return error as? StorageError
        }
    }

    /// The place of what is said to be there; nil where it is not.
    static func place(_ presence: Presence) -> Location? { presence.held?.location }
}
