internal import CPOSIX
internal import Glibc

/// The standard streams of a process.
package enum StandardStream: Int32, Sendable {
    case input = 0
    case output = 1
    case error = 2

    /// Says whether a person is at the other end.
    package var isTerminal: Bool { isatty(rawValue) == 1 }

    /// The width of the terminal in characters, or nil where there is none.
    package var width: Int? {
        var size = winsize()
        guard unsafe ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }

    /// Writes all of `bytes`, waiting where the reader is slow.
    package func write(_ bytes: ArraySlice<UInt8>) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let answer = unsafe bytes.withUnsafeBytes { buffer in
                systemCall {
                    unsafe Glibc.write(rawValue, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done)
                }
            }
            let wrote = try answer.get("write to", "\(self)")
            guard wrote > 0 else { throw FileError("write to", "\(self)", EIO) }
            done += wrote
        }
    }

    /// Lets the stream hold more than a few pages, where it is a pipe.
    package func widenPipe() { POSIX.widenPipe(rawValue) }

    /// Reads up to `count` bytes; none means the end.
    ///
    /// Throws `interrupted` soon after `isStopped` says so.
    package func read(_ count: Int, unless isStopped: () -> Bool = { false }) throws(FileError) -> [UInt8] {
        try readNext(rawValue, "\(self)", count, unless: isStopped)
    }
}

/// Lets a pipe hold more than a few pages, so that its ends wait for one another less often.
///
/// Does nothing to anything else, nor where the system has no room for that.
func widenPipe(_ descriptor: Int32) {
    // What a pipe may have that belongs to anybody, where nobody said otherwise.
    let wide: Int32 = 1 << 20
    let held = fcntl(descriptor, ipfskit_get_pipe_size)
    if held > 0, held < wide { _ = fcntl(descriptor, ipfskit_set_pipe_size, wide) }
}
