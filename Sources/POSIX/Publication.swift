/// What came of giving a finished file its name.
package enum Publication: Sendable {
    /// The name leads to what it led to before, if anything.
    case notPublished(FileError)
    /// The file has its name, and keeps it over a crash.
    case published
    /// The file has its name, or nobody can tell; it may not outlast a crash.
    case notLasting(FileError)

    /// Whether the name may lead to the new file: then nothing that it rests on is taken back.
    package var mayBeSeen: Bool {
        if case .notPublished = self { false } else { true }
    }

    /// Throws what kept the file from its name, or from keeping it.
    package func get() throws(FileError) {
        switch self {
        case .published: return
        case .notPublished(let error), .notLasting(let error): throw error
        }
    }
}

/// Publishes something finished under its name, and makes the name last.
///
/// It takes the place of what has the name, unless it is not `replacing`: then `exists` says that something has it. The
/// bytes must be on the disk already. The rename is the point of no return: what fails after it is told, and undoes
/// nothing. Where the rename itself failed, a look shows which of the two it is: a network may lose an answer. The
/// temporary name is left to the caller when nothing was published. With `isLasting` false the name is not waited for
/// until it is on the disk.
package func publish(
    _ temporary: String,
    as path: String,
    replacing: Bool = true,
    isLasting: Bool = true
) -> Publication {
    let identity: FileInfo.Identity
    do throws(FileError) {
        identity = try fileInfo(temporary).identity
    } catch {
        return .notPublished(error)
    }
    do throws(FileError) {
        if replacing { try renameFile(temporary, to: path) } else { try renameNew(temporary, to: path) }
    } catch {
        if (try? fileInfo(path).identity) != identity {
            guard (try? fileInfo(temporary).identity) == identity else { return .notLasting(error) }
            return .notPublished(error)
        }
    }
    guard isLasting else { return .published }
    do throws(FileError) {
        try syncName(of: path)
        return .published
    } catch {
        return .notLasting(error)
    }
}

/// Replaces the file at `path` so that a reader, or a crash, finds the old content or the new, never a part.
///
/// An error after the new file has its name leaves it there.
package func replaceFile(_ path: String, with bytes: [UInt8], permissions: UInt32 = 0o600) throws(FileError) {
    let temporary = temporaryName(beside: path)
    do {
        let file = try File(temporary, .createNew, permissions: permissions)
        try file.write(bytes, at: 0)
        try file.syncData()
    } catch {
        try? removeFile(temporary)
        throw error
    }
    let publication = publish(temporary, as: path)
    if !publication.mayBeSeen { try? removeFile(temporary) }
    try publication.get()
}
