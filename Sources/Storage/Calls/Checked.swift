package import Schema

/// Refuses what the service cannot do before it is asked, and puts the backend's name into every error.
package struct Checked: StorageService {
    private let base: any StorageService
    private let names: BackendErrors

    /// The calls of `base`, on a backend of this name, in the name of one.
    package init(_ base: any StorageService, backend: String, for asker: Asker? = nil) {
        (self.base, names) = (base, BackendErrors(backend: backend, asker: asker))
    }

    package var capabilities: Capabilities { base.capabilities }
    package var limits: Limits { base.limits }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try require(.write, "store \(name)")
        if !body.metadata.isEmpty { try require(.metadata, "keep metadata beside \(name)") }
        guard body.length <= limits.largestObject else {
            throw StorageError(
                .tooLarge,
                "\(name) has \(body.length) bytes, and the largest object here may have \(limits.largestObject).",
                backend: names.backend
            )
        }
        return try await names.named { () async throws(StorageError) in try await base.put(name, body) }
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        if range != nil { try require(.rangeReads, "read a part of \(name)") }
        let object = try await names.named { () async throws(StorageError) in
            try await base.get(name, range, version: version)
        }
        return object.through(names.stream)
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await names.named { () async throws(StorageError) in try await base.stat(name) }
    }

    package func versions(of name: ObjectName) -> any VersionStream {
        names.pages(base.versions(of: name)) { () throws(StorageError) in
            try require(.versions, "list versions of \(name)")
        }
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        try require(.versions, "read an older version of \(name)")
        if range != nil { try require(.rangeReads, "read a part of \(name)") }
        return try await names.named { () async throws(StorageError) in
            try await base.get(name, range, kept: id)
        }.through(names.stream)
    }

    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        try require(.versions, "say anything of an older version of \(name)")
        return try await names.named { () async throws(StorageError) in try await base.stat(name, kept: id) }
    }

    package func list(_ prefix: String) -> any ObjectStream {
        names.pages(base.list(prefix)) { () throws(StorageError) in try require(.listing, "list what it holds") }
    }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        try require(.delete, "remove \(name)")
        try await names.named { () async throws(StorageError) in try await base.delete(name) }
    }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try require(.write, "remove what stopped uploads of \(name) left")
        try await names.named { () async throws(StorageError) in try await base.clear(name, mayResume: mayResume) }
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        try require(.usage, "say how much it holds")
        return try await names.named { () async throws(StorageError) in try await base.usage(mayWalk: mayWalk) }
    }

    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        try require(.urls, "give a URL of \(name)")
        return try await names.named { () async throws(StorageError) in try await base.url(name, until: end) }
    }

    package func close() async { await base.close() }

    private func require(_ power: Capabilities, _ what: String) throws(StorageError) {
        try names.require(power, in: capabilities, what)
    }
}
