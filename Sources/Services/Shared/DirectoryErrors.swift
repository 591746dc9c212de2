internal import POSIX
internal import Storage

/// What a failed file call means for an object; that the object is absent is not said here.
func translate(_ error: FileError, _ name: String) -> StorageError {
    let message = error.description
    switch error.code {
    case .notFound:
        return StorageError(.unavailable, "The place of \(name) went away. \(message)", retry: .later, cause: error)
    case .notADirectory:
        return StorageError(
            .exists,
            "A file stands where a folder on the way to \(name) should be. \(message)",
            cause: error
        )
    case .linksWithoutEnd:
        return StorageError(.unexpected, "The links on the way to \(name) lead nowhere. \(message)", cause: error)
    case .notAFile:
        return StorageError(.corrupt, "What stands in the place of \(name) is no file. \(message)", cause: error)
    case .exists, .isADirectory, .notEmpty:
        return StorageError(.exists, "Something else has the name \(name). \(message)", cause: error)
    case .permissionDenied, .readOnly:
        return StorageError(.permissionDenied, "\(message) Check who owns the directory.", cause: error)
    case .full:
        return StorageError(.quotaExceeded, "\(message) Make room, or set another connection.path.", cause: error)
    case .nameTooLong:
        return StorageError(.unsupported, message, cause: error)
    case .unavailable, .tooManyOpen, .interrupted, .wouldBlock:
        return StorageError(.unavailable, "\(message) Is the directory still mounted?", retry: .later, cause: error)
    case .unexpected:
        return StorageError(.unexpected, message, cause: error)
    }
}

/// The error of a change that was made, and that a crash may undo.
func notLasting(_ error: FileError, _ done: String) -> StorageError {
    StorageError(
        .unavailable,
        "\(done), and a crash may undo that: \(error)",
        retry: .later,
        mayHaveHappened: true,
        cause: error
    )
}
