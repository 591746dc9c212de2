internal import CPOSIX
internal import Glibc

/// Makes a directory and those above it, each of them lasting over a crash; one that is there is left as it is.
package func makeDirectory(_ path: String, permissions: UInt32 = 0o700) throws(FileError) {
    let number = try makeLastingDirectory(path, permissions)
    if number == ENOENT, path != "/", !path.isEmpty, directoryName(path) != path {
        try makeDirectory(directoryName(path), permissions: permissions)
        try expectDirectory(path, after: try makeLastingDirectory(path, permissions))
    } else {
        try expectDirectory(path, after: number)
    }
}

/// Makes a directory and those above it that are below `root`, which must be there and is never made.
package func makeDirectory(_ path: String, below root: String, permissions: UInt32 = 0o700) throws(FileError) {
    guard path != root else { return try expectDirectory(root, after: EEXIST) }
    guard path.hasPrefix(root == "/" ? root : root + "/") else { throw FileError("make the folder", path, EINVAL) }
    var number = try makeLastingDirectory(path, permissions)
    if number == ENOENT {
        try makeDirectory(directoryName(path), below: root, permissions: permissions)
        number = try makeLastingDirectory(path, permissions)
    }
    try expectDirectory(path, after: number)
}

/// Makes one directory and syncs the one that holds it; gives the number of the error that kept it from being made.
private func makeLastingDirectory(_ path: String, _ permissions: UInt32) throws(FileError) -> Int32 {
    let made = systemCall { unsafe mkdir(path, permissions) }
    guard made.number == 0 else { return made.number }
    do throws(FileError) {
        try syncName(of: path)
    } catch {
        // The next one who wants it must not find it there, and believe that it lasts. What was put into it stays.
        _ = systemCall { unsafe rmdir(path) }
        throw error
    }
    return 0
}

/// Throws unless there is a directory after a call that failed with `number`, or did not fail.
private func expectDirectory(_ path: String, after number: Int32) throws(FileError) {
    guard number != 0 else { return }
    // Where nothing may be written, some systems say so even of what is there.
    let kind: FileInfo.Kind
    do throws(FileError) {
        kind = try fileInfo(path, follow: true).kind
    } catch {
        // What is there and cannot be looked at is not something else for that.
        throw number == EEXIST && error.code != .notFound ? error : FileError("make the folder", path, number)
    }
    guard kind == .directory else { throw FileError("make the folder", path, ENOTDIR) }
}

/// Makes a directory; anything that has its name already, a link too, is an error.
package func makeNewDirectory(_ path: some FileName, permissions: UInt32 = 0o755) throws(FileError) {
    let answer = unsafe path.withSystemName { name in systemCall { unsafe mkdir(name, permissions) } }
    _ = try answer.get("make the folder", path.shown)
}

/// The names in a directory as the bytes they are, sorted, without "." and "..".
package func listDirectory(_ path: some FileName) throws(FileError) -> [[UInt8]] {
    let opened = unsafe path.withSystemName { name in
        unsafe systemCall(failing: { unsafe $0 == nil }) { unsafe opendir(name) }
    }
    guard let directory = unsafe try opened.get("list", path.shown) else { throw FileError("list", path.shown, EIO) }
    defer { unsafe closedir(directory) }
    var names: [[UInt8]] = []
    while true {
        let read = unsafe systemCall(failing: { unsafe $0 == nil }) { unsafe readdir(directory) }
        // The end has no number.
        guard let entry = unsafe try read.get("list", path.shown) else { break }
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
    return names.sorted { $0.lexicographicallyPrecedes($1) }
}

/// Makes changes of names in a directory last over a crash.
package func syncDirectory(_ path: String) throws(FileError) {
    let descriptor = try systemCall { unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }.get("open", path)
    defer { close(descriptor) }
    _ = try systemCall { fsync(descriptor) }.get("flush", path)
}

/// Makes the name of something last over a crash.
///
/// A folder that may be written and not read cannot be synced by itself; then its whole file system is.
package func syncName(of path: String) throws(FileError) {
    do throws(FileError) {
        try syncDirectory(directoryName(path))
    } catch {
        guard error.operation == "open", error.code == .permissionDenied else { throw error }
        let descriptor = try systemCall { unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) }.get("open", path)
        defer { close(descriptor) }
        _ = try systemCall { syncfs(descriptor) }.get("flush the disk of", path)
    }
}
