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
    /// Whether it has several names: hard links.
    package let hasOtherNames: Bool

    /// A file system, and the number of something in it.
    package struct Identity: Sendable, Hashable {
        fileprivate let device: UInt
        fileprivate let number: UInt
    }

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
        hasOtherNames = status.st_nlink > 1
    }
}

/// What is at `path`; a symbolic link is described itself unless `follow` is set.
package func fileInfo(_ path: some FileName, follow: Bool = false) throws(FileError) -> FileInfo {
    var status = stat()
    let result = unsafe path.withSystemName { unsafe follow ? stat($0, &status) : lstat($0, &status) }
    guard result == 0 else { throw FileError("find", path.shown) }
    return FileInfo(status)
}

/// Says whether something is at `path`.
package func fileExists(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
}

/// The whole content of a file of at most `limit` bytes.
package func readFile(_ path: some FileName, limit: Int = 64 << 20) throws(FileError) -> [UInt8] {
    let file = try File(path, .read)
    let length = try file.length()
    guard length <= UInt64(limit) else { throw FileError("read", path.shown, EFBIG) }
    return try file.read(at: 0, count: Int(length) + 1)
}

/// Replaces the file at `path` so that a reader, or a crash, finds the old content or the new, never a part.
package func replaceFile(_ path: String, with bytes: [UInt8], permissions: UInt32 = 0o600) throws(FileError) {
    let temporary = temporaryName(beside: path)
    do {
        let file = try File(temporary, .createNew, permissions: permissions)
        try file.write(bytes, at: 0)
        try file.syncData()
        try renameFile(temporary, to: path)
    } catch {
        try? removeFile(temporary)
        throw error
    }
    try syncDirectory(directoryName(path))
}

/// A name in the folder of `path` that no other writer uses, and that begins with a dot.
package func temporaryName(beside path: String) -> String {
    let name = "." + baseName(path) + ".\(getpid()).\(UInt64.random(in: 0...UInt64.max)).part"
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

/// Gives a file another name, replacing what has that name.
package func renameFile(_ path: String, to other: String) throws(FileError) {
    guard unsafe rename(path, other) == 0 else { throw FileError("rename", path) }
}

/// Removes a file.
package func removeFile(_ path: String) throws(FileError) {
    guard unsafe unlink(path) == 0 else { throw FileError("remove", path) }
}

/// Removes an empty directory.
package func removeDirectory(_ path: String) throws(FileError) {
    guard unsafe rmdir(path) == 0 else { throw FileError("remove", path) }
}

/// Removes a directory and all that is in it, without following symbolic links.
package func removeTree(_ path: some FileName) throws(FileError) {
    guard try fileInfo(path).kind == .directory else { return try removeName(path, isFolder: false) }
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
    for name in names { try removeTree(folder + [0x2F] + name) }
    try removeName(folder, isFolder: true)
}

private func removeName(_ path: some FileName, isFolder: Bool) throws(FileError) {
    let result = unsafe path.withSystemName { unsafe isFolder ? rmdir($0) : unlink($0) }
    guard result == 0 else { throw FileError("remove", path.shown) }
}

/// Makes a directory and those above it; one that is there is left as it is.
package func makeDirectory(_ path: String, permissions: UInt32 = 0o700) throws(FileError) {
    if unsafe mkdir(path, permissions) == 0 { return }
    let number = errno
    if number == EEXIST {
        guard try fileInfo(path, follow: true).kind == .directory else {
            throw FileError("make the folder", path, ENOTDIR)
        }
        return
    }
    guard number == ENOENT, path != "/", !path.isEmpty else { throw FileError("make the folder", path, number) }
    try makeDirectory(directoryName(path), permissions: permissions)
    guard unsafe mkdir(path, permissions) == 0 || errno == EEXIST else { throw FileError("make the folder", path) }
}

/// Makes a directory; anything that has its name already, a link too, is an error.
package func makeNewDirectory(_ path: some FileName, permissions: UInt32 = 0o755) throws(FileError) {
    let result = unsafe path.withSystemName { unsafe mkdir($0, permissions) }
    guard result == 0 else { throw FileError("make the folder", path.shown) }
}

/// The names in a directory as the bytes they are, sorted, without "." and "..".
package func listDirectory(_ path: some FileName) throws(FileError) -> [[UInt8]] {
    guard let directory = unsafe path.withSystemName({ unsafe opendir($0) }) else {
        throw FileError("list", path.shown)
    }
    defer { unsafe closedir(directory) }
    var names: [[UInt8]] = []
    while true {
        errno = 0
        guard let entry = unsafe readdir(directory) else { break }
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            unsafe pointer.withMemoryRebound(to: UInt8.self, capacity: 256) { start in
                unsafe Array(
                    UnsafeBufferPointer(
                        start: start,
                        count: strlen(UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self))
                    )
                )
            }
        }
        if name != [0x2E], name != [0x2E, 0x2E] { names.append(name) }
    }
    guard errno == 0 else { throw FileError("list", path.shown) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
}

/// Makes changes of names in a directory last over a crash.
package func syncDirectory(_ path: String) throws(FileError) {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError("flush", path) }
}

/// What a symbolic link points to.
package func linkTarget(_ path: some FileName) throws(FileError) -> [UInt8] {
    var failure: Int32 = 0
    let target = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        let got = unsafe buffer.withMemoryRebound(to: CChar.self) { text in
            unsafe text.baseAddress.map { address in
                unsafe path.withSystemName { unsafe readlink($0, address, text.count) }
            } ?? -1
        }
        if got < 0 { failure = errno }
        count = max(0, got)
    }
    guard failure == 0 else { throw FileError("read the link", path.shown, failure) }
    return target
}

/// Makes a symbolic link.
package func makeLink(_ path: some FileName, to target: some FileName) throws(FileError) {
    let result = unsafe target.withSystemName { target in
        unsafe path.withSystemName { unsafe symlink(target, $0) }
    }
    guard result == 0 else { throw FileError("make the link", path.shown) }
}

/// Gives a file or a directory these permissions, 12 bits.
package func setPermissions(_ path: some FileName, _ permissions: UInt32) throws(FileError) {
    let result = unsafe path.withSystemName { unsafe chmod($0, permissions) }
    guard result == 0 else { throw FileError("set the permissions of", path.shown) }
}

/// Sets the time of the last change, in seconds since 1970 and nanoseconds after that; of a symbolic link its own.
package func setModified(_ path: some FileName, _ seconds: Int64, _ nanoseconds: UInt32) throws(FileError) {
    let accessed = timespec(tv_sec: 0, tv_nsec: ipfskit_utime_omit)
    let modified = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
    let result = unsafe path.withSystemName { name in
        unsafe [accessed, modified].withUnsafeBufferPointer {
            unsafe utimensat(AT_FDCWD, name, $0.baseAddress, AT_SYMLINK_NOFOLLOW)
        }
    }
    guard result == 0 else { throw FileError("set the time of", path.shown) }
}

/// Space of the file system that holds a path, in bytes.
package struct DiskSpace: Sendable {
    package let total: UInt64
    package let free: UInt64
}

/// The space of the file system that holds `path`.
package func diskSpace(_ path: String) throws(FileError) -> DiskSpace {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { throw FileError("examine the disk of", path) }
    let unit = UInt64(status.f_frsize)
    return DiskSpace(total: UInt64(status.f_blocks) * unit, free: UInt64(status.f_bavail) * unit)
}

/// The last part of a path.
package func baseName(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? "/"
}

/// A path without its last part.
package func directoryName(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
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
