internal import CPOSIX
internal import Glibc

/// What tells a file apart from every copy of it, also after the machine was started anew: its number in its file
/// system, and when it was made, as far as the file system keeps that.
///
/// Nothing is opened.
package func birthMark(_ path: String) throws(FileError) -> String {
    var number: UInt64 = 0
    var seconds: Int64 = 0
    var nanoseconds: UInt32 = 0
    let result = unsafe ipfskit_birth(path, &number, &seconds, &nanoseconds)
    guard result == 0 else { throw FileError("find", path, result) }
    return "\(number) \(seconds).\(nanoseconds)"
}
