internal import Glibc

/// A failed call to the operating system about a file.
package struct FileError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is, as far as a caller can act on it.
    package enum Code: Sendable, Hashable {
        case notFound, exists, permissionDenied, readOnly, full, notADirectory, isADirectory, notEmpty
        case tooManyOpen, nameTooLong, unavailable, interrupted, wouldBlock, unexpected
        /// Too many links, or links that lead back.
        case linksWithoutEnd
        /// Neither a file nor a folder: a pipe, a socket or a device.
        case notAFile
    }

    package let code: Code
    package let operation: String
    package let path: String
    /// The system's number for the failure; zero where the system did not fail.
    package let number: Int32
    /// Why, where it is not the system that says so.
    private let told: String?

    /// A failure of `operation` on `path` with the error number of the call.
    package init(_ operation: String, _ path: String, _ number: Int32) {
        self.operation = operation
        self.path = path
        self.number = number
        told = nil
        self.code =
            switch number {
            case ENOENT: .notFound
            case EEXIST: .exists
            case EACCES, EPERM: .permissionDenied
            case EROFS: .readOnly
            case ENOSPC, EDQUOT, EFBIG: .full
            case ENOTDIR: .notADirectory
            case EISDIR: .isADirectory
            case ENOTEMPTY: .notEmpty
            case EMFILE, ENFILE: .tooManyOpen
            case ENAMETOOLONG: .nameTooLong
            case EIO, ESTALE, ENOTCONN, ENODEV, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ECONNREFUSED,
                ECONNRESET, ECONNABORTED, ESHUTDOWN, EREMOTEIO, EUCLEAN:
                .unavailable
            case EINTR: .interrupted
            case EWOULDBLOCK: .wouldBlock
            case ELOOP: .linksWithoutEnd
            default: .unexpected
            }
    }

    private init(_ code: Code, _ operation: String, _ path: String, _ told: String) {
        (self.code, self.operation, self.path, number, self.told) = (code, operation, path, 0, told)
    }

    /// The failure of finding nothing at `path`.
    package static func missing(_ path: String) -> FileError { FileError("find", path, ENOENT) }

    /// The failure of finding a folder at `path` where a file should be.
    package static func folder(_ path: String) -> FileError { FileError("read", path, EISDIR) }

    /// The failure of finding a pipe, a socket or a device at `path` where a file should be.
    package static func notAFile(_ path: String) -> FileError {
        FileError(.notAFile, "read", path, "it is a link, a pipe, a socket or a device")
    }

    /// The failure of finding a file at `path` that this program must not open there.
    static func ofTheHome(_ path: String) -> FileError {
        FileError(.notAFile, "open", path, "it is a file of the kit home")
    }

    /// The failure of keeping something in a folder that does not fit into what may be used of its disk, in bytes.
    package static func noRoom(for what: String, in folder: String, free: UInt64, kept: UInt64) -> FileError {
        let reason = "\(free) bytes are free on that disk, and \(kept) of it stay free"
        return FileError(.full, "keep \(what) in", folder, reason)
    }

    /// The failure of finding something else at `path` where the file of a lock should be.
    package static func notALog(_ path: String) -> FileError {
        FileError(.notAFile, "open", path, "something else is in the place of the log")
    }

    static func notALock(_ path: String) -> FileError {
        FileError(
            .notAFile,
            "open",
            path,
            "something else is in the place of this lock; remove it, and it is made again"
        )
    }

    /// The failure of getting a lock that somebody else has.
    static func held(_ path: String, _ reason: String) -> FileError { FileError(.wouldBlock, "lock", path, reason) }

    package var description: String {
        "Cannot \(operation) \(printable(path)): \(told ?? reason(number))."
    }
}

/// A path as it can be shown: whoever names files must not write to a terminal with them.
private func printable(_ path: String) -> String {
    func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
        default: true
        }
    }
    guard !path.unicodeScalars.allSatisfy(isPlain) else { return path }
    let scalars = path.unicodeScalars.map { isPlain($0) ? $0 : "\u{FFFD}" }
    return String(String.UnicodeScalarView(scalars))
}

/// What the operating system says about an error number.
private func reason(_ number: Int32) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard let start = buffer.baseAddress else { return "error \(number)" }
        _ = unsafe strerror_r(number, start, buffer.count)
        return unsafe String(cString: start)
    }
}
