package import Schema
package import Storage

/// A service of which single calls were replaced.
package struct AlteredService: StorageService {
    package let base: any StorageService
    package var capabilities: Capabilities
    package var limits: Limits { base.limits }
    package var onPut: (@Sendable (ObjectName, Body) async throws(StorageError) -> PutReceipt)?
    package var onGet:
        (@Sendable (ObjectName, Range<UInt64>?, ObjectVersion?) async throws(StorageError) -> OpenObject)?
    package var onStat: (@Sendable (ObjectName) async throws(StorageError) -> ObjectInfo)?
    package var onVersions: (@Sendable (ObjectName) -> any VersionStream)?
    package var onKept: (@Sendable (ObjectName, Range<UInt64>?, String) async throws(StorageError) -> OpenObject)?
    package var onList: (@Sendable (String) -> any ObjectStream)?
    package var onDelete: (@Sendable (ObjectName) async throws(StorageError) -> Void)?
    package var onClear: (@Sendable (ObjectName, Bool) async throws(StorageError) -> Void)?
    package var onURL: (@Sendable (ObjectName, Timestamp) async throws(StorageError) -> String)?
    package var onUsage: (@Sendable () async throws(StorageError) -> Usage)?

    /// The service as it is, after `change`.
    package init(_ base: any StorageService, _ change: (inout AlteredService) -> Void = { _ in }) {
        self.base = base
        capabilities = base.capabilities
        change(&self)
    }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        guard let onPut else { return try await base.put(name, body) }
        return try await onPut(name, body)
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        guard let onGet else { return try await base.get(name, range, version: version) }
        return try await onGet(name, range, version)
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        guard let onStat else { return try await base.stat(name) }
        return try await onStat(name)
    }

    package func versions(of name: ObjectName) -> any VersionStream { onVersions?(name) ?? base.versions(of: name) }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        guard let onKept else { return try await base.get(name, range, kept: id) }
        return try await onKept(name, range, id)
    }

    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        try await base.stat(name, kept: id)
    }

    package func list(_ prefix: String) -> any ObjectStream { onList?(prefix) ?? base.list(prefix) }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        guard let onDelete else { return try await base.delete(name) }
        try await onDelete(name)
    }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        guard let onClear else { return try await base.clear(name, mayResume: mayResume) }
        try await onClear(name, mayResume)
    }

    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        guard let onURL else { return try await base.url(name, until: end) }
        return try await onURL(name, end)
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        guard let onUsage else { return try await base.usage(mayWalk: mayWalk) }
        return try await onUsage()
    }
}
