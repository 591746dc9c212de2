internal import POSIX
internal import Storage

/// A folder of this process among those of others, in which a lock says that it is in use.
///
/// What a process left that ended otherwise is removed by whoever claims a folder next.
final class ClaimedFolder: Sendable {
    let path: String
    private let claim: File

    private init(_ path: String, _ claim: File) { (self.path, self.claim) = (path, claim) }

    /// What the names of such folders begin with.
    private static let lead = "ipfs-kit-run-"

    /// Makes one in a folder that is there; `ending` is done with each that was left, before it is removed.
    static func claim(
        in parent: String,
        ending: (_ left: String) async -> Void
    ) async throws(FileError) -> ClaimedFolder {
        let lock = try await File.locked(parent + "/.run.lock")
        defer { withExtendedLifetime(lock) {} }
        let threads = BlockingThreads.of(parent)
        for left in try await threads.run({ () throws(FileError) in try Self.left(in: parent) }) {
            await ending(left)
            try? await threads.run { () throws(FileError) in try removeTree(left) }
        }
        return try await threads.run { () throws(FileError) in
            let path = "\(parent)/\(lead)\(sixteenDigits())"
            try makeNewDirectory(path, permissions: 0o700)
            let claim = try File.ofLock(path + "/.lock")
            _ = try claim.tryLock()
            return ClaimedFolder(path, claim)
        }
    }

    private static func left(in parent: String) throws(FileError) -> [String] {
        try listDirectory(parent).map { "\(parent)/\(String(decoding: $0, as: UTF8.self))" }.filter { path in
            guard baseName(path).hasPrefix(lead), let lock = try? File.ofLock(path + "/.lock") else { return false }
            return (try? lock.tryLock()) == true
        }
    }

    /// Removes it with all that is in it.
    func remove() async {
        try? await BlockingThreads.of(directoryName(path)).run { [path] () throws(FileError) in try removeTree(path) }
        withExtendedLifetime(claim) {}
    }
}

/// Sixteen hexadecimal digits by chance.
func sixteenDigits() -> String {
    let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
