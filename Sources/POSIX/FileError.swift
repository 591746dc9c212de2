internal import Glibc

/// A failed call to the operating system about a file.
package struct FileError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is, as far as a caller can act on it.
    package enum Code: Sendable, Hashable {
        case notFound, exists, permissionDenied, readOnly, full, notADirectory, isADirectory, notEmpty
        case tooManyOpen, nameTooLong, unavailable, interrupted, wouldBlock, unexpected
    }

    package let code: Code
    package let operation: String
    package let path: String
    package let number: Int32

    /// A failure of `operation` on `path` with the error number of the call.
    package init(_ operation: String, _ path: String, _ number: Int32 = errno) {
        self.operation = operation
        self.path = path
        self.number = number
        self.code =
            switch number {
            case ENOENT: .notFound
            case EEXIST: .exists
            case EACCES, EPERM: .permissionDenied
            case EROFS: .readOnly
            case ENOSPC, EDQUOT: .full
            case ENOTDIR: .notADirectory
            case EISDIR: .isADirectory
            case ENOTEMPTY: .notEmpty
            case EMFILE, ENFILE: .tooManyOpen
            case ENAMETOOLONG: .nameTooLong
            case EIO, ESTALE, ENOTCONN, ENODEV: .unavailable
            case EINTR: .interrupted
            case EWOULDBLOCK: .wouldBlock
            default: .unexpected
            }
    }

    /// The failure of finding nothing at `path`.
    package static func missing(_ path: String) -> FileError { FileError("find", path, ENOENT) }

    package var description: String {
        "Cannot \(operation) \(path): \(reason(number))."
    }
}

/// What the operating system says about an error number.
private func reason(_ number: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let start = buffer.baseAddress else { return "error \(number)" }
        _ = unsafe strerror_r(number, start, buffer.count)
        return unsafe String(cString: start)
    }
}
