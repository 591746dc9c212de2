package import Schema
package import Storage

/// A service whose lists show what was stored and removed only after a while, as some real ones do.
package final class LaggingService: StorageService {
    private struct Shown {
        var live: [ObjectName: ObjectInfo] = [:]
        var listed: [ObjectName: ObjectInfo] = [:]
    }

    private let base: any StorageService
    private let shown = Locked(Shown())

    /// A service over `base`, whose lists stand still until `catchUp()`.
    package init(_ base: any StorageService) { self.base = base }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }

    /// Brings the lists up to date.
    package func catchUp() {
        shown.change { $0.listed = $0.live }
    }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let receipt = try await base.put(name, body)
        let info = try await base.stat(name)
        shown.change { $0.live[name] = info }
        return receipt
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await base.get(name, range, version: version)
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo { try await base.stat(name) }

    package func versions(of name: ObjectName) -> any VersionStream { base.versions(of: name) }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        try await base.get(name, range, kept: id)
    }

    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        try await base.stat(name, kept: id)
    }

    package func list(_ prefix: String) -> any ObjectStream {
        Pulled { [self] in
            let page = Once(
                self.shown.read { shown in
                    shown.listed.values.filter { $0.name.text.hasPrefix(prefix) }.sorted { $0.name < $1.name }
                }
            )
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                return page.take()
            }
        }
    }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        try await base.delete(name)
        shown.change { $0.live[name] = nil }
    }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await base.clear(name, mayResume: mayResume)
    }

    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        try await base.url(name, until: end)
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await base.usage(mayWalk: mayWalk) }
}
