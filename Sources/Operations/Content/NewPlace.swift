internal import POSIX

/// Where something new will be: it is made beside that under a name that only this program uses, and gets its own name
/// when all of it is on the disk.
///
/// Nothing is ever replaced. What fails or is stopped before that leaves nothing behind; what has its name stays.
struct NewPlace: Sendable {
    /// The name as it was given.
    let path: String
    /// Where to make it.
    let temporary: String
    private let target: String
    private let hint: Hint?

    /// Throws `refused` where something has the name, with `hint` as the command that helps, and `notFound` where there
    /// is no folder for it.
    init(_ path: String, _ kit: Kit, hint: Hint? = nil) throws(KitError) {
        guard !path.isEmpty else { throw KitError(.usage, "A file without a name cannot be written.") }
        self.path = path
        self.hint = hint
        var target = path[...]
        while target.count > 1, target.last == "/" { target.removeLast() }
        self.target = String(target)
        temporary = temporaryName(beside: self.target)
        try checkAbsence()
        let folder = directoryName(self.target)
        guard (try? fileInfo(folder, follow: true))?.kind == .directory else {
            throw KitError(.notFound, "\(folder) is no folder, so that nothing can be made in it.")
        }
        try kit.boundary.refuseWriting(path, in: folder)
    }

    /// Throws `refused` where something has the name.
    func checkAbsence() throws(KitError) {
        guard !isSeen else { throw isThere }
    }

    /// Gives a file that is on the disk its name; that is the point of no return.
    func appear() throws(KitError) {
        switch publish(temporary, as: target, replacing: false) {
        case .published: return
        case .notPublished(let error): throw error.code == .exists ? isThere : KitError(error)
        case .notLasting(let error):
            let error = KitError(error)
            let state = isSeen ? "is there, whole, but may be gone again after a crash" : "may be there or not"
            throw error.saying("\(path) \(state): \(error.message)")
        }
    }

    /// Whether something has the name.
    var isSeen: Bool { (try? fileInfo(target)) != nil }

    /// Waits until the tree that was made is on the disk, and gives it its name.
    func appearWithTree() throws(KitError) {
        do throws(FileError) {
            // A link has no content, and the folder that it is in is waited for.
            if try fileInfo(temporary).kind != .symbolicLink { try syncFileSystem(of: temporary) }
        } catch {
            throw KitError(error)
        }
        try appear()
    }

    /// Removes what was made, if it has not appeared.
    func discard() { try? removeTree(temporary) }

    private var isThere: KitError {
        KitError(.refused, "\(path) is there already; nothing is overwritten.", hint: hint)
    }
}
