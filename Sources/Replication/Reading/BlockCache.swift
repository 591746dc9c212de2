package import IPLD
package import Multiformats
internal import POSIX
internal import Storage

/// What was read of a backend, in a folder: blocks, and indexes of CARs.
///
/// It may be removed at any time. What is in it is checked when it is used, what was not used for longest goes first,
/// and that something could not be kept is no error.
package struct BlockCache: Sendable {
    /// The most that is kept, in bytes and in files.
    package static let most: (bytes: UInt64, files: Int) = (1 << 30, 20_000)
    /// A folder that was filled up is emptied to so much of that, in eighths.
    private static let kept: UInt64 = 7
    /// The longest index that is read, in bytes.
    package static let longestIndex = 256 << 20

    private let folder: String
    private let limit: (bytes: UInt64, files: Int)
    /// How many bytes may be kept before somebody looks how full the folder is.
    private let room = Locked<UInt64>(0)

    /// A cache in `folder`, which need not be there.
    package init(_ folder: String, limit: (bytes: UInt64, files: Int) = Self.most) {
        (self.folder, self.limit) = (folder, limit)
    }

    /// A block, if it is there and whole.
    package func block(_ cid: CID) async -> Block? {
        await read(cid, suffix: "", limit: Block.longest) { bytes in
            let block = Block(cid: cid, bytes: bytes)
            return (try? block.verify()).map { block }
        }
    }

    /// The index of the CAR of a root, if it is there.
    package func index(of root: CID) async -> [UInt8]? {
        await read(root, suffix: Self.indexSuffix, limit: Self.longestIndex) { $0 }
    }

    /// Keeps blocks.
    package func keep(_ blocks: [Block]) async {
        await BlockingThreads.shared.run {
            for block in blocks { keep(block.bytes, block.cid, suffix: "") }
        }
    }

    /// Keeps the index of the CAR of a root.
    package func keep(index: [UInt8], of root: CID) async {
        await BlockingThreads.shared.run { keep(index, root, suffix: Self.indexSuffix) }
    }

    /// Drops the index of the CAR of a root.
    package func dropIndex(of root: CID) async {
        guard let path = path(of: root, suffix: Self.indexSuffix) else { return }
        await BlockingThreads.shared.run { try? removeFile(path) }
    }

    private static let indexSuffix = ".idx"

    private func path(of cid: CID, suffix: String) -> String? {
        let name = Multibase.base32.encode(cid.bytes)
        guard name.utf8.count <= 200 else { return nil }
        return "\(folder)/\(name.suffix(2))/\(name)\(suffix)"
    }

    /// Reads a file and lets `check` make something of it; what it makes nothing of is removed.
    private func read<Value: Sendable>(
        _ cid: CID,
        suffix: String,
        limit: Int,
        _ check: @escaping @Sendable ([UInt8]) -> Value?
    ) async -> Value? {
        guard let path = path(of: cid, suffix: suffix) else { return nil }
        return await BlockingThreads.shared.run {
            guard let bytes = try? readFile(path, limit: limit) else { return nil }
            guard let value = check(bytes) else {
                try? removeFile(path)
                return nil
            }
            // The time of a file is that of its last use.
            let now = currentMilliseconds()
            try? setModified(path, now / 1000, UInt32(now % 1000) * 1_000_000)
            return value
        }
    }

    private func keep(_ bytes: [UInt8], _ cid: CID, suffix: String) {
        guard let path = path(of: cid, suffix: suffix), UInt64(bytes.count) <= limit.bytes / 2 else { return }
        let isFull = room.change { room in
            guard room >= UInt64(bytes.count) else { return true }
            room -= UInt64(bytes.count)
            return false
        }
        if isFull { trim(for: UInt64(bytes.count)) }
        let temporary = temporaryName(beside: path)
        do throws(FileError) {
            try makeDirectory(directoryName(path), permissions: 0o700)
            try File(temporary, .createNew).write(bytes, at: 0)
            try renameFile(temporary, to: path)
        } catch {
            try? removeFile(temporary)
        }
    }

    /// Removes what was not used for longest where the folder is full, and counts the room that is left.
    private func trim(for wanted: UInt64) {
        var files: [(path: String, used: (Int64, UInt32), length: UInt64)] = []
        for name in (try? listDirectory(folder)) ?? [] {
            let part = folder + "/" + String(decoding: name, as: UTF8.self)
            removeLeftovers(in: part, unchangedFor: 3600)
            for file in (try? listDirectory(part)) ?? [] {
                let path = part + "/" + String(decoding: file, as: UTF8.self)
                guard let info = try? fileInfo(path), info.kind == .file else { continue }
                files.append((path, (info.modified, info.nanoseconds), info.length))
            }
        }
        var sum = files.reduce(0) { $0 + $1.length }
        var count = files.count
        if sum + wanted > limit.bytes || count >= limit.files {
            let (bytes, most) = (limit.bytes / 8 * Self.kept, limit.files / 8 * Int(Self.kept))
            for file in files.sorted(by: { $0.used < $1.used }) {
                guard sum + wanted > bytes || count > most else { break }
                try? removeFile(file.path)
                sum -= file.length
                count -= 1
            }
        }
        // Somebody looks again before either limit can be passed by much.
        let left = limit.bytes - min(limit.bytes, sum)
        room.change { $0 = max(wanted, min(left, limit.bytes / 16)) - wanted }
    }
}
