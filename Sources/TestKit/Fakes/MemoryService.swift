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
    }

    package let capabilities: Capabilities
    package let limits: Limits
    private let pageSize: Int
    private let now: @Sendable () -> Int64
    private let entries = Locked<[ObjectName: Entry]>([:])
    private let changes = Locked<UInt64>(0)

    /// An empty service whose lists come in pages of `pageSize`.
    package init(
        capabilities: Capabilities = [.write, .delete, .rangeReads, .listing, .usage, .digests],
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
    package func tamper(_ name: ObjectName, _ bytes: [UInt8]?) {
        let number = changes.change { changes in
            changes += 1
            return changes
        }
        let entry = bytes.map { Entry(bytes: $0, modified: Timestamp(milliseconds: now()), number: number) }
        entries.change { $0[name] = entry }
    }

    package func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let bytes = try await body.bytes()
        try StorageError.checkCancellation()
        tamper(name, bytes)
        return PutReceipt(proof: digest(of: bytes))
    }

    package func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let entry = try entry(name)
        let found = ObjectVersion("\(entry.number)")
        guard version == nil || version == found else { throw StorageError.changed(name) }
        let length = UInt64(entry.bytes.count)
        let stream = Body(entry.bytes).open((range ?? 0..<UInt64.max).clamped(to: 0..<length))
        return OpenObject(stream, length: length, version: found)
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
        ObjectInfo(
            name: name,
            length: UInt64(entry.bytes.count),
            modified: entry.modified,
            digest: digest(of: entry.bytes)
        )
    }

    private func digest(of bytes: [UInt8]) -> ObjectDigest? {
        capabilities.contains(.digests) ? .sha256(Digests.digest(.sha256, of: bytes)) : nil
    }
}
