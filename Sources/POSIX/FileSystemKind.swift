/// The kind of the file system that holds a path, such as `ext4`, `nfs4` or `fuse.sshfs`; nil where the system does not
/// tell.
package func fileSystemKind(of path: String) -> String? {
    guard let file = try? File("/proc/self/mountinfo", .read), let bytes = try? file.read(at: 0, count: 4 << 20) else {
        return nil
    }
    return fileSystemKind(of: path, in: String(decoding: bytes, as: UTF8.self))
}

/// The kind of the file system that holds a path by a table of mounts (proc(5), `/proc/PID/mountinfo`).
func fileSystemKind(of path: String, in table: String) -> String? {
    var best: (length: Int, kind: String)?
    for line in table.split(separator: "\n") {
        let words = line.split(separator: " ")
        guard let dash = words.firstIndex(of: "-"), words.count > 4, words.count > dash + 1 else { continue }
        let point = unescaped(words[4])
        let isAbove = path == point || point == "/" || path.hasPrefix(point + "/")
        // Of several on one point, the last one is on top.
        if isAbove, point.utf8.count >= best?.length ?? 0 { best = (point.utf8.count, String(words[dash + 1])) }
    }
    return best?.kind
}

/// A path with `\040` and the like as the characters that they stand for.
private func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        if byte == 0x5C, rest.count >= 3, let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
            bytes.append(code)
            rest = rest.dropFirst(3)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
