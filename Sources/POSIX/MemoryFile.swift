internal import CPOSIX
internal import Glibc

/// A file in memory that stands in no folder: programs of the same user open it by its path as long as this is held.
///
/// For what other programs have to read, and what must lie on no disk, such as a secret.
package final class MemoryFile: Sendable {
    private let descriptor: Int32

    /// The path under which other processes find it.
    package var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

    /// A file of these bytes, which nobody can change; it may be one to be executed.
    package init(_ bytes: [UInt8], isProgram: Bool = false) throws(FileError) {
        let name = "ipfs-kit"
        let written = try systemCall { unsafe memfd_create(name, ipfskit_memory_cloexec) }.get("make", name)
        defer { close(written) }
        var done = 0
        while done < bytes.count {
            let wrote = unsafe bytes.withUnsafeBytes { buffer in
                systemCall { unsafe write(written, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done) }
            }
            done += try wrote.get("write", name)
        }
        _ = try systemCall { fchmod(written, isProgram ? 0o500 : 0o400) }.get("protect", name)
        // A program that is open for writing cannot be started.
        let path = "/proc/self/fd/\(written)"
        descriptor = try systemCall { unsafe open(path, O_RDONLY | O_CLOEXEC) }.get("open", path)
    }

    deinit { close(descriptor) }
}
