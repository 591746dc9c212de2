package import Schema
package import Storage

/// A service on which trials work, with a memory of all that they may have left there.
package struct Trail: StorageService {
    private let base: any StorageService
    private let names = Locked(Names())
    /// What the service says that it can, and cannot.
    private var lacks: Capabilities = []

    private struct Names {
        /// What may be there.
        var stored: Set<ObjectName> = []
        /// What was stored once: folders may be left of it.
        var used: Set<ObjectName> = []
        /// What was begun and not ended: pieces may be left of it.
        var broken: Set<ObjectName> = []
    }

    /// Something that could not be removed, and why.
    package struct Remains: Sendable {
        package let name: String
        package let error: StorageError

        package init(_ name: String, _ error: StorageError) { (self.name, self.error) = (name, error) }
    }

    package init(_ base: any StorageService) { self.base = base }

    /// The same, which does not try to remove anything.
    package var onlyAdding: Trail {
        var trail = self
        trail.lacks = .delete
        return trail
    }

    package var capabilities: Capabilities { base.capabilities.subtracting(lacks) }
    package var limits: Limits { base.limits }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        names.change { names in
            names.stored.insert(name)
            names.used.insert(name)
        }
        do throws(StorageError) {
            return try await base.put(name, body)
        } catch {
            // What is refused was not sent.
            guard base.capabilities.contains(.write) else {
                names.change { $0 = Names() }
                throw error
            }
            names.change { _ = $0.broken.insert(name) }
            throw error
        }
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

    package func list(_ prefix: String) -> any ObjectStream { base.list(prefix) }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        guard capabilities.contains(.delete) || !base.capabilities.contains(.delete) else {
            throw StorageError(.unsupported, "Nothing is removed here, for the credentials may not.")
        }
        try await base.delete(name)
        names.change { _ = $0.stored.remove(name) }
    }

    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await base.clear(name, mayResume: mayResume)
    }

    package func url(_ name: ObjectName, until end: Timestamp) async throws(StorageError) -> String {
        try await base.url(name, until: end)
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await base.usage(mayWalk: mayWalk) }

    package func close() async { await base.close() }

    /// Removes all that may be left, with its pieces and folders, whether the task was stopped or not; gives what could
    /// not be removed.
    package func sweep() async -> [Remains] {
        await Task { await removeAll() }.value
    }

    private func removeAll() async -> [Remains] {
        let left = names.change { names in
            defer { names = Names() }
            return names
        }
        var remains = await eachAtOnce(left.stored.sorted()) { (name) async throws(StorageError) in
            try await base.delete(name)
        }
        // One name of each folder is enough for the folder.
        var folders: Set<Substring> = []
        let others = left.used.sorted().filter { folders.insert($0.folder).inserted }
        remains += await eachAtOnce(left.broken.union(others).sorted().reversed()) {
            (name) async throws(StorageError) in
            try await base.clear(name, mayResume: false)
        }
        return remains
    }

    private func eachAtOnce(
        _ names: [ObjectName],
        _ work: @escaping @Sendable (ObjectName) async throws(StorageError) -> Void
    ) async -> [Remains] {
        await withTaskGroup(of: Remains?.self) { group in
            var waiting = names[...]
            func next() {
                guard let name = waiting.popFirst() else { return }
                group.addTask {
                    do throws(StorageError) {
                        try await work(name)
                        return nil
                    } catch {
                        return Remains(name.text, error)
                    }
                }
            }
            for _ in 0..<8 { next() }
            var remains: [Remains] = []
            for await found in group {
                if let found { remains.append(found) }
                next()
            }
            return remains
        }
    }
}

extension ObjectName {
    /// The name without its last part.
    fileprivate var folder: Substring { text[..<(text.lastIndex(of: "/") ?? text.startIndex)] }
}
