internal import POSIX
internal import Storage

/// What a failed file call means for an object.
func translate(_ error: FileError, _ name: String) -> StorageError {
    let message = error.description
    switch error.code {
    case .notFound, .notADirectory:
        return StorageError(.notFound, "\(name) is not there. \(message)", cause: error)
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
    case .unexpected, .linksWithoutEnd, .notAFile:
        return StorageError(.unexpected, message, cause: error)
    }
}

/// The error of a directory that is not there, which tells nothing about what it holds.
func missingRoot(_ root: String) -> StorageError {
    StorageError(
        .unavailable,
        "The directory \(root) is not there. Mount the disk that holds it, or make it with `mkdir -p \(root)`."
    )
}
