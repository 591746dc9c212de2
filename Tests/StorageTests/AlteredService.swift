import Storage

/// A service of which single calls were replaced.
struct AlteredService: StorageService {
    let base: any StorageService
    var capabilities: Capabilities
    var limits: Limits { base.limits }
    var onPut: (@Sendable (ObjectName, Body) async throws(StorageError) -> PutReceipt)?
    var onGet: (@Sendable (ObjectName, Range<UInt64>?, ObjectVersion?) async throws(StorageError) -> OpenObject)?
    var onStat: (@Sendable (ObjectName) async throws(StorageError) -> ObjectInfo)?
    var onList: (@Sendable (String) -> any ObjectStream)?
    var onDelete: (@Sendable (ObjectName) async throws(StorageError) -> Void)?
    var onUsage: (@Sendable () async throws(StorageError) -> Usage)?

    init(_ base: any StorageService, _ change: (inout AlteredService) -> Void = { _ in }) {
        self.base = base
        capabilities = base.capabilities
        change(&self)
    }

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        guard let onPut else { return try await base.put(name, body) }
        return try await onPut(name, body)
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        guard let onGet else { return try await base.get(name, range, version: version) }
        return try await onGet(name, range, version)
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        guard let onStat else { return try await base.stat(name) }
        return try await onStat(name)
    }

    func list(_ prefix: String) -> any ObjectStream { onList?(prefix) ?? base.list(prefix) }

    func delete(_ name: ObjectName) async throws(StorageError) {
        guard let onDelete else { return try await base.delete(name) }
        try await onDelete(name)
    }

    func usage() async throws(StorageError) -> Usage {
        guard let onUsage else { return try await base.usage() }
        return try await onUsage()
    }
}

/// The name that is legal by what the test knows of it.
func name(_ text: String) throws -> ObjectName {
    guard let name = ObjectName(text) else { throw StorageError(.unexpected, "“\(text)” is no name.") }
    return name
}
