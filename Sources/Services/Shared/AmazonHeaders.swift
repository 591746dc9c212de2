internal import HTTPClient
internal import Schema
internal import Storage

/// What services of Amazon's protocol keep beside the bytes of an object, in the fields of requests and replies.
enum AmazonHeaders {
    private static let metadataPrefix = "x-amz-meta-"
    private static let lockMode = "x-amz-object-lock-mode"
    private static let lockEnd = "x-amz-object-lock-retain-until-date"

    /// The fields of an upload that has metadata.
    static func fields(_ metadata: ObjectMetadata) -> [HTTPField] {
        metadata.values.sorted { $0.key < $1.key }.map { HTTPField(name: metadataPrefix + $0.key, value: $0.value) }
    }

    /// The metadata of an object, with keys in small letters, whatever the service makes of them.
    static func metadata(_ headers: HTTPHeaders) -> [String: String] {
        let found = headers.fields.compactMap { field -> (String, String)? in
            let name = field.name.lowercased()
            guard name.hasPrefix(metadataPrefix) else { return nil }
            return (String(name.dropFirst(metadataPrefix.count)), field.value)
        }
        return Dictionary(found) { first, _ in first }
    }

    /// The fields of an upload that is locked for so many days.
    static func lock(_ mode: String, days: Int, from now: Timestamp) -> [HTTPField] {
        // To the second, as it is written in all examples; and no shorter than was said.
        let end = Timestamp(milliseconds: (now.milliseconds / 1000 + 1 + Int64(days) * 86_400) * 1000)
        return [
            HTTPField(name: lockMode, value: mode.uppercased()),
            HTTPField(name: lockEnd, value: "\(end.day)T\(end.clock)Z"),
        ]
    }

    /// Whether an upload is to have metadata or a lock.
    static func areOfObject(_ fields: [HTTPField]) -> Bool {
        isLocking(fields) || fields.contains { $0.name.hasPrefix(metadataPrefix) }
    }

    /// Whether an upload is to be locked.
    static func isLocking(_ fields: [HTTPField]) -> Bool { fields.contains { $0.name == lockMode } }

    /// What keeps an object from being removed, as far as the service says it.
    static func lock(_ headers: HTTPHeaders) -> ObjectLock? {
        ObjectLock(
            mode: headers[lockMode].map { String($0.lowercased().prefix(64)) },
            until: headers[lockEnd].flatMap { Timestamp($0) },
            isHeld: headers["x-amz-object-lock-legal-hold"]?.uppercased() == "ON"
        )
    }
}

extension HTTPObjects {
    /// Throws where an object was stored by a request with these fields, was to be locked by them, and is not: who
    /// knows no locks says nothing of it.
    func expectLock(of name: ObjectName, _ fields: [HTTPField]) async throws(StorageError) {
        guard AmazonHeaders.isLocking(fields) else { return }
        let what = "Locking \(name)"
        let lock: ObjectLock?
        do throws(StorageError) {
            lock = try await policy.run { () async throws(StorageError) in try await look(for: name, what).info.lock }
        } catch {
            // It was stored all the same.
            throw error.ofUnknownOutcome
        }
        let wanted = AmazonHeaders.lock(HTTPHeaders(fields))
        if let until = lock?.until, let end = wanted?.until, until >= end, lock?.mode == wanted?.mode { return }
        throw failures.error(
            .unsupported,
            "it was stored, and the service does not say that it is locked as it should be; do the keys have "
                + "GetObjectRetention? Else set connection.object_lock to off, or lay the lock upon the bucket itself",
            what
        ).ofUnknownOutcome
    }
}
