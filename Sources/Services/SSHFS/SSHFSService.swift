internal import POSIX
internal import Schema
internal import Storage

/// Objects as files below a directory of a server that is mounted here; otherwise as in any other directory.
///
/// A mount that ends is made anew at the next call, and what was written to never goes to the folder under it: each
/// mount is used through its own open directory.
struct SSHFSService: StorageService {
    let mount: SSHFSMount

    let capabilities = SSHFS.capabilities
    let limits = Limits()

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        try await inDirectory { (directory) async throws(StorageError) in try await directory.put(name, body) }
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let use = try await mount.use()
        return try await use.told { (directory) async throws(StorageError) in
            let opened = try await directory.get(name, range, version: version)
            return OpenObject(use.told(opened.stream), length: opened.length, version: opened.version)
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        try await inDirectory { (directory) async throws(StorageError) in try await directory.stat(name) }
    }

    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let pages = Locked<StreamCursor<[ObjectInfo]>?>(nil)
            return { () async throws(StorageError) in
                if let pages = pages.read({ $0 }) { return try await pages.next() }
                let use = try await mount.use()
                let cursor = StreamCursor(use.list(prefix))
                pages.change { $0 = cursor }
                return try await cursor.next()
            }
        }
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        try await inDirectory { (directory) async throws(StorageError) in try await directory.delete(name) }
    }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        try await inDirectory { (directory) async throws(StorageError) in
            try await directory.clear(name, mayResume: mayResume)
        }
    }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage {
        try await inDirectory { (directory) async throws(StorageError) in try await directory.usage(mayWalk: mayWalk) }
    }

    func close() async { await mount.leave() }

    private func inDirectory<Value>(
        _ work: (DirectoryService) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await mount.use().told(work)
    }
}
