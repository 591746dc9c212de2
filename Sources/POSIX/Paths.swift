internal import CPOSIX
internal import Glibc

/// What a name in a file system stands for.
package struct FileInfo: Sendable, Hashable {
    /// The kinds of things a directory may hold.
    package enum Kind: Sendable, Hashable { case file, directory, symbolicLink, other }

    package let kind: Kind
    /// Length in bytes.
    package let length: UInt64
    /// Bytes that the file takes on the disk.
    package let allocated: UInt64
    /// Last change, in seconds since 1970.
    package let modified: Int64
    /// Nanoseconds after that second.
    package let nanoseconds: UInt32
    /// The permissions, 12 bits.
    package let permissions: UInt32
    /// What tells it apart from everything else, whatever its path.
    package let identity: Identity
    /// When the system last noted a change of the content, the permissions or the names.
    private let changed: Int64
    /// Nanoseconds after that second.
    private let changedNanoseconds: Int64
    /// Whether it has several names: hard links.
    package let hasOtherNames: Bool

    /// A file system, and the number of something in it.
    package struct Identity: Sendable, Hashable {
        let device: UInt
        let number: UInt

        /// A text that no other has on this machine until it is started anew.
        package var text: String { "\(device):\(number)" }
    }

    /// A text that is another one as soon as something else stands here, or its content was changed, as far as the
    /// system's clock tells.
    package var version: String {
        "\(identity.device)-\(identity.number)-\(length)-\(modified).\(nanoseconds)-\(changed).\(changedNanoseconds)"
    }

    /// Whether both are of one file system.
    package func isOnSameDisk(as other: FileInfo) -> Bool { identity.device == other.identity.device }

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .other
            }
        length = UInt64(max(0, status.st_size))
        allocated = UInt64(max(0, status.st_blocks)) * 512
        modified = Int64(status.st_mtim.tv_sec)
        nanoseconds = UInt32(truncatingIfNeeded: status.st_mtim.tv_nsec)
        permissions = status.st_mode & 0o7777
        identity = Identity(device: status.st_dev, number: status.st_ino)
        changed = Int64(status.st_ctim.tv_sec)
        changedNanoseconds = Int64(status.st_ctim.tv_nsec)
        hasOtherNames = status.st_nlink > 1
    }
}

/// What is at `path`; a symbolic link is described itself unless `follow` is set.
package func fileInfo(_ path: some FileName, follow: Bool = false) throws(FileError) -> FileInfo {
    var status = stat()
    let answer = unsafe path.withSystemName { name in
        systemCall { unsafe follow ? stat(name, &status) : lstat(name, &status) }
    }
    _ = try answer.get("find", path.shown)
    return FileInfo(status)
}

/// Says whether something has the name `path`, also a link that leads nowhere; throws where that cannot be told.
package func fileExists(_ path: some FileName) throws(FileError) -> Bool {
    do throws(FileError) {
        _ = try fileInfo(path)
        return true
    } catch {
        guard error.code == .notFound || error.code == .notADirectory else { throw error }
        return false
    }
}

/// The whole content of a regular file of at most `limit` bytes.
package func readFile(_ path: some FileName, limit: Int = 64 << 20) throws(FileError) -> [UInt8] {
    let file = try File(path, .readFile)
    let length = try file.length()
    guard length <= UInt64(limit) else { throw FileError("read", path.shown, EFBIG) }
    return try file.read(at: 0, count: Int(length) + 1)
}

/// A name that is as long as a name may be has no room for what is added, in bytes.
private let longestBase = 180

/// How such names end, unless a server keeps that for itself.
package let temporaryEnding = ".part"

/// A name in the folder of `path` that no other writer uses, and that begins with a dot.
package func temporaryName(beside path: String, ending: String = temporaryEnding) -> String {
    temporaryName(beside: path, UInt64(getpid()), UInt64.random(in: 0...UInt64.max), ending: ending)
}

/// What of the name of a file stands in the temporary ones beside it.
package func temporaryBase(of path: String) -> String {
    String(decoding: baseName(path).utf8.prefix(longestBase), as: UTF8.self)
}

/// The name of this form that has these two numbers.
package func temporaryName(
    beside path: String,
    _ process: UInt64,
    _ number: UInt64,
    ending: String = temporaryEnding
) -> String {
    let name = "." + temporaryBase(of: path) + ".\(process).\(number)" + ending
    let folder = directoryName(path)
    return folder == "/" ? "/" + name : folder + "/" + name
}

/// Removes what writers that were killed left in a folder: files named by `temporaryName` that nobody has changed for
/// `seconds`.
package func removeLeftovers(in folder: String, unchangedFor seconds: Int64) {
    let now = currentMilliseconds() / 1000
    for name in (try? listDirectory(folder)) ?? [] where name.first == 0x2E {
        let path = folder + "/" + String(decoding: name, as: UTF8.self)
        guard path.hasSuffix(".part"), let info = try? fileInfo(path), info.kind == .file else { continue }
        if now - info.modified >= seconds { try? removeFile(path) }
    }
}

/// What of the name of its object stands in the name of a temporary file; nil for any other name.
package func temporaryBase(in name: String, ending: String = temporaryEnding) -> String? {
    guard name.first == "." else { return nil }
    let parts = name.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count >= 4 else { return nil }
    let base = parts.dropLast(3).joined(separator: ".")
    return temporaryNumbers(of: name, beside: base, ending: ending) == nil ? nil : base
}

/// The two numbers in a name that `temporaryName` gave to a file beside `path`; nil for any other name.
package func temporaryNumbers(
    of name: String,
    beside path: String,
    ending: String = temporaryEnding
) -> (process: UInt64, number: UInt64)? {
    let lead = "." + temporaryBase(of: path) + "."
    guard name.hasPrefix(lead), name.hasSuffix(ending), name.utf8.count > lead.utf8.count + ending.utf8.count else {
        return nil
    }
    let middle = name.dropFirst(lead.count).dropLast(ending.count)
    let numbers = middle.split(separator: ".", omittingEmptySubsequences: false)
    guard numbers.count == 2, let process = UInt64(numbers[0]), let number = UInt64(numbers[1]) else { return nil }
    return (process, number)
}

/// Gives a file another name, replacing what has that name.
package func renameFile(_ path: String, to other: String) throws(FileError) {
    _ = try systemCall { unsafe rename(path, other) }.get("rename", path)
}

/// Removes a file.
package func removeFile(_ path: String) throws(FileError) {
    _ = try systemCall { unsafe unlink(path) }.get("remove", path)
}

/// Removes an empty directory.
package func removeDirectory(_ path: String) throws(FileError) {
    _ = try systemCall { unsafe rmdir(path) }.get("remove", path)
}

/// Removes a directory and all that is in it, without following symbolic links.
///
/// What is mounted in it is somebody else's, and may be the replica that was to be kept: then it throws, and that
/// stays.
package func removeTree(_ path: some FileName) throws(FileError) {
    try removeTree(path, on: fileInfo(path).identity.device)
}

private func removeTree(_ path: some FileName, on device: UInt) throws(FileError) {
    let info = try fileInfo(path)
    guard info.identity.device == device else { throw FileError("remove", path.shown, EBUSY) }
    guard info.kind == .directory else { return try removeName(path, isFolder: false) }
    let folder = path.systemBytes
    let names: [[UInt8]]
    do throws(FileError) { names = try listDirectory(folder) } catch {
        // What was given its permissions already may not let its owner in.
        guard error.code == .permissionDenied else { throw error }
        try setPermissions(folder, 0o700)
        names = try listDirectory(folder)
    }
    if !names.isEmpty, unsafe folder.withSystemName({ unsafe access($0, W_OK | X_OK) }) != 0 {
        try setPermissions(folder, 0o700)
    }
    for name in names { try removeTree(folder + [0x2F] + name, on: device) }
    try removeName(folder, isFolder: true)
}

private func removeName(_ path: some FileName, isFolder: Bool) throws(FileError) {
    let removed = unsafe path.withSystemName { path in systemCall { unsafe isFolder ? rmdir(path) : unlink(path) } }
    _ = try removed.get("remove", path.shown)
}

/// What a symbolic link points to.
package func linkTarget(_ path: some FileName) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    let target = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        let got = unsafe buffer.withMemoryRebound(to: CChar.self) { text in
            unsafe path.withSystemName { name in
                systemCall { unsafe text.baseAddress.map { unsafe readlink(name, $0, text.count) } ?? -1 }
            }
        }
        failure = got.number
        count = max(0, got.value)
    }
    guard failure == 0 else { throw FileError("read the link", path.shown, failure) }
    return target
}

/// Makes a symbolic link.
package func makeLink(_ path: some FileName, to target: some FileName) throws(FileError) {
    let answer = unsafe target.withSystemName { target in
        unsafe path.withSystemName { name in systemCall { unsafe symlink(target, name) } }
    }
    _ = try answer.get("make the link", path.shown)
}

/// Gives a file or a directory these permissions, 12 bits.
package func setPermissions(_ path: some FileName, _ permissions: UInt32) throws(FileError) {
    let answer = unsafe path.withSystemName { name in systemCall { unsafe chmod(name, permissions) } }
    _ = try answer.get("set the permissions of", path.shown)
}

/// Sets the time of the last change, in seconds since 1970 and nanoseconds after that; of a symbolic link its own.
package func setModified(_ path: some FileName, _ seconds: Int64, _ nanoseconds: UInt32) throws(FileError) {
    let accessed = timespec(tv_sec: 0, tv_nsec: ipfskit_utime_omit)
    let modified = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
    let answer = unsafe path.withSystemName { name in
        unsafe [accessed, modified].withUnsafeBufferPointer { times in
            systemCall { unsafe utimensat(AT_FDCWD, name, times.baseAddress, AT_SYMLINK_NOFOLLOW) }
        }
    }
    _ = try answer.get("set the time of", path.shown)
}

/// Space of the file system that holds a path, in bytes.
package struct DiskSpace: Sendable {
    package let total: UInt64
    package let free: UInt64
}

/// The space of the file system that holds `path`.
package func diskSpace(_ path: String) throws(FileError) -> DiskSpace {
    var status = statvfs()
    _ = try systemCall { unsafe statvfs(path, &status) }.get("examine the disk of", path)
    let unit = UInt64(status.f_frsize)
    func bytes(_ blocks: UInt) -> UInt64 {
        let (bytes, isTooMuch) = UInt64(blocks).multipliedReportingOverflow(by: unit)
        return isTooMuch ? .max : bytes
    }
    return DiskSpace(total: bytes(status.f_blocks), free: bytes(status.f_bavail))
}

/// The last part of a path.
package func baseName(_ path: String) -> String {
    // By bytes, as the system does: a mark that joins a letter may follow a slash.
    path.utf8.split(separator: UInt8(ascii: "/")).last.map { String(Substring($0)) } ?? "/"
}

/// A path without its last part.
package func directoryName(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// `path` made absolute against the working directory, as text: links are not resolved, and it stays as it is where the
/// path of the working directory is no UTF-8.
package func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    guard let current = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(current) }
    // A folder whose path is no text has no absolute path as text; from within it, names are found all the same.
    return unsafe String(validatingCString: current).map { $0 + "/" + path } ?? path
}
