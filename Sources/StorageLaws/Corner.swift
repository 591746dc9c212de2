package import Schema
package import Storage

/// A folder of a service, in which whoever is given it believes to be alone.
package struct Corner: StorageService {
    private let base: any StorageService
    private let folder: String

    /// The objects of `base` whose names begin with `folder` and a slash, without that.
    package init(_ base: any StorageService, _ folder: String) { (self.base, self.folder) = (base, folder + "/") }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await base.put(try inner(name), body)
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        try await base.get(try inner(name), range, version: version)
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        outer(try await base.stat(try inner(name)))
    }

    package func versions(of name: ObjectName) -> any VersionStream {
        guard let inner = try? inner(name) else { return Pulled { { () async throws(StorageError) in nil } } }
        return base.versions(of: inner)
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        try await base.get(try inner(name), range, kept: id)
    }

    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        outer(try await base.stat(try inner(name), kept: id))
    }

    package func list(_ prefix: String) -> any ObjectStream {
        let pages = base.list(folder + prefix)
        return Pulled {
            let cursor = StreamCursor(pages)
            return { () async throws(StorageError) in try await cursor.next()?.map(outer) }
        }
    }

    package func delete(_ name: ObjectName) async throws(StorageError) { try await base.delete(try inner(name)) }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await base.clear(try inner(name), mayResume: mayResume)
    }

    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        try await base.url(try inner(name), until: end)
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await base.usage(mayWalk: mayWalk) }

    package func close() async { await base.close() }

    private func inner(_ name: ObjectName) throws(StorageError) -> ObjectName {
        guard let inner = ObjectName(folder + name.text) else {
            throw StorageError(.unsupported, "\(name) is too long for a name in the folder \(folder).")
        }
        return inner
    }

    /// What is said of an object outside stays as it is: whoever asked for the folder sees that it was not heeded.
    private func outer(_ info: ObjectInfo) -> ObjectInfo {
        guard info.name.text.hasPrefix(folder), let name = ObjectName(String(info.name.text.dropFirst(folder.count)))
        else { return info }
        return info.named(name)
    }
}
