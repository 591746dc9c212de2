internal import CPOSIX
internal import Glibc

/// What tells a file apart from every copy of it, also after the machine was started anew: its number in its file
/// system, and when it was made.
package struct BirthMark: Sendable, Hashable {
    package let text: String
    /// Whether the file system keeps when a file was made; otherwise there is only the number.
    package let isDated: Bool
}

/// What tells a file apart from every copy of it; nothing is opened.
package func birthMark(_ path: String) throws(FileError) -> BirthMark {
    var number: UInt64 = 0
    var seconds: Int64 = 0
    var nanoseconds: UInt32 = 0
    let result = unsafe ipfskit_birth(path, &number, &seconds, &nanoseconds)
    guard result == 0 else { throw FileError("find", path, result) }
    return BirthMark(text: "\(number) \(seconds).\(nanoseconds)", isDated: seconds != 0 || nanoseconds != 0)
}
