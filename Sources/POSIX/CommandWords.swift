internal import Glibc

/// The words that the program was started with, the first of them its own name, as the bytes that they are.
///
/// They come from the kernel: Swift finds its own by where the environment lies, and finds none when a preloaded
/// library has moved that; and it repairs words that are no UTF-8, so that they name other files. Without /proc,
/// Swift's are given.
package func commandWords() -> [[UInt8]] {
    guard let file = try? File("/proc/self/cmdline", .read) else { return CommandLine.arguments.map { Array($0.utf8) } }
    var bytes: [UInt8] = []
    while let more = try? file.readNext(count: 1 << 16), !more.isEmpty { bytes += more }
    guard bytes.last == 0 else { return CommandLine.arguments.map { Array($0.utf8) } }
    return bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
}

/// The bytes of an environment variable, or nil where it is unset.
package func environmentBytes(_ name: String) -> [UInt8]? {
    unsafe getenv(name).map { value in
        unsafe Array(UnsafeBufferPointer(start: value, count: strlen(value))).map { UInt8(bitPattern: $0) }
    }
}
