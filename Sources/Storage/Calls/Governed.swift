package import Schema

/// A service each call of which is one request, made as the policy says.
package struct Governed: StorageService {
    private let base: any StorageService
    private let policy: CallPolicy

    /// The calls of `base`, each as one request.
    package init(_ base: any StorageService, by policy: CallPolicy) {
        self.base = base
        self.policy = policy
    }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await policy.run(change: .put(name)) { () async throws(StorageError) in
            policy.count(.put)
            return try await base.put(name, policy.sending(body))
        }
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let hasRanges = capabilities.contains(.rangeReads)
        return try await policy.read(name.text, range, version: version, hasRanges: hasRanges) {
            (range, version) async throws(StorageError) in
            policy.count(.get)
            return try await base.get(name, range, version: version).through(policy.receiving)
        }
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await policy.run { () async throws(StorageError) in
            policy.count(.stat)
            return try await base.stat(name)
        }
    }

    package func versions(of name: ObjectName) -> any VersionStream { pages(base.versions(of: name)) }

    /// A version stays what it is, so that a read that broke goes on in it.
    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        let hasRanges = capabilities.contains(.rangeReads)
        return try await policy.read(name.text, range, version: nil, hasRanges: hasRanges) {
            (range, version) async throws(StorageError) in
            policy.count(.get)
            return try await base.get(name, range, kept: id).through(policy.receiving)
        }
    }

    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        try await policy.run { () async throws(StorageError) in
            policy.count(.stat)
            return try await base.stat(name, kept: id)
        }
    }

    package func list(_ prefix: String) -> any ObjectStream { pages(base.list(prefix)) }

    /// A page that fails is asked for again by the service's own cursor, so only opening anew would repeat items.
    private func pages<Item: Sendable>(
        _ stream: any AsyncSequence<[Item], StorageError> & Sendable
    ) -> Pulled<[Item]> {
        Pulled {
            let cursor = StreamCursor(stream)
            return { () async throws(StorageError) in
                try await policy.run { () async throws(StorageError) in
                    policy.count(.page)
                    return try await cursor.next()
                }
            }
        }
    }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        try await policy.run(change: .delete(name)) { () async throws(StorageError) in
            policy.count(.delete)
            return try await base.delete(name)
        }
    }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await policy.run(change: .clear(name)) { () async throws(StorageError) in
            policy.count(.delete)
            return try await base.clear(name, mayResume: mayResume)
        }
    }

    package func close() async { await base.close() }

    /// Nothing is sent, so there is nothing to govern.
    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        try await base.url(name, until: end)
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        try await policy.run { () async throws(StorageError) in
            policy.count(.stat)
            return try await base.usage(mayWalk: mayWalk)
        }
    }
}
