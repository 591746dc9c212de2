internal import CPOSIX
internal import Glibc

/// Gives something another name, which nothing may have: what is there is never replaced.
///
/// Throws `exists` where something has the name. File systems that know no such call are asked before, and for files by
/// a second link.
package func renameNew(_ path: some FileName, to other: some FileName) throws(FileError) {
    let number = unsafe path.withSystemName { path in
        unsafe other.withSystemName { other in
            systemCall { unsafe renameat2(AT_FDCWD, path, AT_FDCWD, other, ipfskit_rename_noreplace) }.number
        }
    }
    if number == 0 { return }
    guard [ENOSYS, EINVAL, EOPNOTSUPP].contains(number) else { throw FileError("rename", other.shown, number) }
    try renameUnlessThere(path, to: other)
}

/// The same without a call that does both at once.
private func renameUnlessThere(_ path: some FileName, to other: some FileName) throws(FileError) {
    let number = unsafe path.withSystemName { path in
        unsafe other.withSystemName { other in systemCall { unsafe link(path, other) }.number }
    }
    if number == 0 {
        _ = unsafe path.withSystemName { path in systemCall { unsafe unlink(path) } }
        return
    }
    // Directories have one name, and some file systems give files no second one.
    guard number != EEXIST, try !fileExists(other) else { throw FileError("rename", other.shown, EEXIST) }
    let renamed = unsafe path.withSystemName { path in
        unsafe other.withSystemName { other in systemCall { unsafe rename(path, other) } }
    }
    _ = try renamed.get("rename", other.shown)
}

/// Waits until everything that was written to the file system of `path` is on the disk.
///
/// For trees of many files: one call in place of one for each of them.
package func syncFileSystem(of path: some FileName) throws(FileError) {
    let opened = unsafe path.withSystemName { path in
        systemCall { unsafe open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) }
    }
    let descriptor = try opened.get("open", path.shown)
    defer { close(descriptor) }
    _ = try systemCall { syncfs(descriptor) }.get("flush the disk of", path.shown)
}

/// A new file without a name, which is gone when it is closed, in the folder for such files (`TMPDIR`).
package func scratchFile() throws(FileError) -> File {
    let path = temporaryName(beside: temporaryFolder + "/ipfs-kit")
    let file = try File(path, .createNew)
    try removeFile(path)
    return file
}

/// The folder for files that are needed for a while.
package var temporaryFolder: String {
    let folder = environment("TMPDIR") ?? ""
    return folder.isEmpty ? "/tmp" : folder
}

/// Says whether a name has the form that `temporaryName` gives: `.NAME.PROCESS.NUMBER.part`.
package func isTemporaryName(_ name: some Collection<UInt8>) -> Bool {
    let dot: UInt8 = 0x2E
    guard name.first == dot else { return false }
    let parts = name.dropFirst().split(separator: dot, omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[parts.count - 1].elementsEqual("part".utf8) else { return false }
    return parts[(parts.count - 3)...(parts.count - 2)].allSatisfy { digits in
        !digits.isEmpty && digits.allSatisfy { (0x30...0x39).contains($0) }
    }
}

/// The path of what `path` leads to, absolute and without links in it.
package func resolvedPath(_ path: some FileName) throws(FileError) -> [UInt8] {
    let found = unsafe path.withSystemName { path in
        unsafe systemCall(failing: { unsafe $0 == nil }) { unsafe realpath(path, nil) }
    }
    guard let resolved = unsafe try found.get("find", path.shown) else { throw FileError("find", path.shown, EIO) }
    defer { unsafe free(resolved) }
    return unsafe Array(UnsafeBufferPointer(start: resolved, count: strlen(resolved))).map { UInt8(bitPattern: $0) }
}

/// Whether a path leads to a folder, or to what lies in it, whatever names stand in between.
package func leads(_ path: some FileName, into folder: FileInfo.Identity) -> Bool {
    guard let resolved = try? resolvedPath(path) else { return false }
    var end = resolved.endIndex
    while end > 0 {
        if (try? fileInfo(Array(resolved[..<end])))?.identity == folder { return true }
        end = resolved[..<end].lastIndex(of: 0x2F) ?? 0
    }
    return false
}
