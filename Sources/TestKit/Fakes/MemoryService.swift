internal import Digests
internal import Schema
package import Storage

/// A storage service that keeps everything in memory, by the rules of a good one.
package final class MemoryService: StorageService {
    private struct Entry: Sendable {
        let bytes: [UInt8]
        let modified: Timestamp
        /// Counted up by every change.
        let number: UInt64
        let metadata: [String: String]
    }

    /// A version that is kept; one without bytes says that the object was removed.
    private struct Old: Sendable {
        let number: UInt64
        let modified: Timestamp
        let entry: Entry?
    }

    package let capabilities: Capabilities
    package let limits: Limits
    private let pageSize: Int
    private let now: @Sendable () -> Int64
    private let entries = Locked<[ObjectName: Entry]>([:])
    /// All versions of each name, the last one last, where they are kept.
    private let history = Locked<[ObjectName: [Old]]>([:])
    private let changes = Locked<UInt64>(0)

    /// An empty service whose lists come in pages of `pageSize`.
    package init(
        capabilities: Capabilities = [
            .write, .delete, .rangeReads, .listing, .usage, .digests, .metadata, .versions,
        ],
        limits: Limits = Limits(),
        pageSize: Int = 1000,
        now: @escaping @Sendable () -> Int64 = { 0 }
    ) {
        self.capabilities = capabilities
        self.limits = limits
        self.pageSize = max(1, pageSize)
        self.now = now
    }

    /// What is kept now.
    package var contents: [ObjectName: [UInt8]] { entries.read { $0.mapValues(\.bytes) } }

    /// Changes or removes bytes behind the service's back.
    package func tamper(_ name: ObjectName, _ bytes: [UInt8]?, metadata: [String: String] = [:]) {
        let number = changes.change { changes in
            changes += 1
            return changes
        }
        let time = Timestamp(milliseconds: now())
        let entry = bytes.map { Entry(bytes: $0, modified: time, number: number, metadata: metadata) }
        entries.change { entries in
            let isMissing = entries[name] == nil && entry == nil
            entries[name] = entry
            guard capabilities.contains(.versions), !isMissing else { return }
            // Under the lock of the others, so that the last version is what has the name.
            history.change { $0[name, default: []].append(Old(number: number, modified: time, entry: entry)) }
        }
    }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let bytes = try await body.bytes()
        try StorageError.checkCancellation()
        tamper(name, bytes, metadata: body.metadata.values)
        return PutReceipt(proof: digest(of: bytes))
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let entry = try entry(name)
        guard version == nil || version == ObjectVersion("\(entry.number)") else { throw StorageError.changed(name) }
        return open(entry, range)
    }

    private func open(_ entry: Entry, _ range: Range<UInt64>?) -> OpenObject {
        let length = UInt64(entry.bytes.count)
        let stream = Body(entry.bytes).open((range ?? 0..<UInt64.max).clamped(to: 0..<length))
        return OpenObject(stream, length: length, version: ObjectVersion("\(entry.number)"))
    }

    package func versions(of name: ObjectName) -> any VersionStream {
        Pulled { [self] in
            let last = self.history.read { $0[name]?.last?.number }
            let all = self.history.read { $0[name] ?? [] }.reversed().map { old in
                KeptVersion(
                    id: "v\(old.number)",
                    length: (old.entry?.bytes.count).map { UInt64($0) },
                    modified: old.modified,
                    isLatest: old.number == last,
                    isRemoval: old.entry == nil
                )
            }
            let rest = Locked(all[...])
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                let page = rest.change { rest in
                    defer { rest = rest.dropFirst(self.pageSize) }
                    return Array(rest.prefix(self.pageSize))
                }
                return page.isEmpty ? nil : page
            }
        }
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        kept id: String
    ) async throws(StorageError) -> OpenObject {
        open(try entry(name, kept: id), range)
    }

    package func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        info(name, try entry(name, kept: id))
    }

    private func entry(_ name: ObjectName, kept id: String) throws(StorageError) -> Entry {
        guard let entry = history.read({ $0[name]?.first { "v\($0.number)" == id }?.entry }) else {
            throw StorageError(.notFound, "There is no version \(id) of \(name).")
        }
        return entry
    }

    package func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        info(name, try entry(name))
    }

    package func list(_ prefix: String) -> any ObjectStream {
        Pulled { [self] in
            let last = Locked<ObjectName?>(nil)
            return { () async throws(StorageError) in
                try StorageError.checkCancellation()
                let start = last.read { $0 }
                let page = self.entries.read { entries in
                    let names = entries.keys.filter { name in
                        name.text.hasPrefix(prefix) && (start.map { $0 < name } ?? true)
                    }
                    return names.sorted().prefix(self.pageSize).compactMap { name in
                        entries[name].map { self.info(name, $0) }
                    }
                }
                guard let final = page.last else { return nil }
                last.change { $0 = final.name }
                return page
            }
        }
    }

    package func delete(_ name: ObjectName) async throws(StorageError) {
        try StorageError.checkCancellation()
        tamper(name, nil)
    }

    /// Nothing is ever left: an object is there whole or not at all.
    package func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try StorageError.checkCancellation()
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        entries.read { entries in
            Usage(used: entries.values.reduce(0) { $0 + UInt64($1.bytes.count) }, objects: UInt64(entries.count))
        }
    }

    private func entry(_ name: ObjectName) throws(StorageError) -> Entry {
        try StorageError.checkCancellation()
        guard let entry = entries.read({ $0[name] }) else {
            throw StorageError(.notFound, "There is no object \(name).")
        }
        return entry
    }

    private func info(_ name: ObjectName, _ entry: Entry) -> ObjectInfo {
        var info = ObjectInfo(
            name: name,
            length: UInt64(entry.bytes.count),
            modified: entry.modified,
            digest: digest(of: entry.bytes)
        )
        info.metadata = capabilities.contains(.metadata) ? entry.metadata : nil
        return info
    }

    private func digest(of bytes: [UInt8]) -> ObjectDigest? {
        capabilities.contains(.digests) ? .sha256(Digests.digest(.sha256, of: bytes)) : nil
    }
}
