internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage

/// Has objects taken out of an archive class, from which nothing can be read before (RestoreObject of Amazon's S3 API).
struct S3Recall: Sendable {
    let connection: S3Connection
    /// For how many days what was taken out can be read; with 0 nobody is asked to do so, for it costs money.
    let days: Int
    let tier: S3Settings.RestoreTier

    /// The error to end a read with that failed: where the object is in an archive, it is asked for by those who may,
    /// and the error says when to come again.
    func told(_ error: StorageError, of name: ObjectName) async -> StorageError {
        guard let fault = error.cause as? XMLFault, fault.code == "InvalidObjectState" else { return error }
        guard days > 0 else {
            let help = "set connection.restore_days to have it taken out for so long, which the service charges for"
            return error.saying("\(error.message.dropLast()): \(help).")
        }
        do throws(StorageError) {
            return try await ask(for: name, fault)
        } catch let refusal {
            return refusal.code == .unsupported ? error.saying("\(error.message) \(refusal.message)") : refusal
        }
    }

    private func ask(for name: ObjectName, _ fault: XMLFault) async throws(StorageError) -> StorageError {
        let what = "Asking for \(name), which is in an archive"
        let wait = Self.wait(fault.details, tier)
        // What is in the archive of a class that chooses by itself comes back for good.
        let time = fault.details["AccessTier"] == nil ? "<Days>\(days)</Days>" : ""
        let word = tier.rawValue.prefix(1).uppercased() + tier.rawValue.dropFirst()
        let document = Array(
            """
            <RestoreRequest xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\(time)\
            <GlacierJobParameters><Tier>\(word)</Tier></GlacierJobParameters></RestoreRequest>
            """.utf8
        )
        var request = S3Request(what: what, method: "POST", key: connection.target.prefix + name.text)
        request.query = [HTTPField(name: "restore", value: "")]
        request.add("Content-Type", "application/xml")
        request.payloadHash = hex(digest(.sha256, of: document))
        request.body = .bytes(document)
        let prepared = request
        let reply = try await connection.policy.run(change: .recall(name)) { () async throws(StorageError) in
            try await connection.exchange(prepared)
        }
        switch (reply.status, XMLFault(reply.body)?.code) {
        case (202, _): return due(name, "was asked for", wait)
        case (409, "RestoreAlreadyInProgress"): return due(name, "had been asked for", min(wait, .seconds(3600)))
        case (200, nil):
            let message = "\(name) was taken out of an archive in the meantime."
            return StorageError(.unavailable, message, retry: .later).ofObject
        default: throw await connection.failure(prepared, reply)
        }
    }

    /// What is on its way, and until when, to the minute.
    private func due(_ name: ObjectName, _ how: String, _ wait: Duration) -> StorageError {
        let minutes = connection.policy.timing.now() / 60_000 + wait.components.seconds / 60 + 1
        let time = Timestamp(milliseconds: minutes * 60_000)
        let message = "\(name) is in an archive, and \(how): that takes a while, so ask again at \(time)."
        return StorageError(.unavailable, message, retry: .after(wait)).ofObject
    }

    /// How long the service takes at most, as Amazon says (“Understanding archive retrieval options”).
    private static func wait(_ details: [String: String], _ tier: S3Settings.RestoreTier) -> Duration {
        let isDeep = ["StorageClass", "AccessTier"].contains { details[$0]?.hasPrefix("DEEP_ARCHIVE") == true }
        let hours =
            switch tier {
            case .bulk: isDeep ? 48 : 12
            case .standard: isDeep ? 12 : 5
            // What is deep has no such tier, and the service says so.
            case .expedited: 0
            }
        return hours == 0 ? .seconds(300) : .seconds(hours * 3600)
    }
}
