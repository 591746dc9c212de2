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
    private let hint: String?

    /// Throws `refused` where something has the name, with `hint` as the command that helps, and `notFound` where there
    /// is no folder for it.
    init(_ path: String, hint: String? = nil) throws(KitError) {
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
    }

    /// Throws `refused` where something has the name.
    func checkAbsence() throws(KitError) {
        guard (try? fileInfo(target)) == nil else { throw isThere }
    }

    /// Gives a file that is on the disk its name; that is the point of no return.
    func appear() throws(KitError) {
        switch publish(temporary, as: target, replacing: false) {
        case .published: return
        case .notPublished(let error): throw error.code == .exists ? isThere : KitError(error)
        case .notLasting(let error):
            let error = KitError(error)
            let message = "\(path) is there, whole, but may be gone again after a crash: \(error.message)"
            throw KitError(error.code, message, hint: error.hint)
        }
    }

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
