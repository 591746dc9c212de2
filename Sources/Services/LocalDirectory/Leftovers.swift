internal import POSIX
internal import Storage

/// What writers who were stopped left in folders: each folder is listed once for many names.
///
/// It is listed again for a name beside which something may have been left since.
final class Leftovers: Sendable {
    private struct Folder: Sendable {
        /// When it was listed, by the clock that nobody sets.
        let time: Duration
        var files: [String: [String]]
    }

    private struct State: Sendable {
        var folders: [String: Folder] = [:]
        /// The files that were not written to their end since.
        var stopped: Set<String> = []
    }

    private let state = Locked(State())

    /// What others leave, such as another program on the same disk, is seen by then.
    private static let longest = Duration.seconds(60)
    private static let maxFolders = 64

    /// Takes the temporary files beside a file out of what is known; it lists the folder where that is not known.
    func take(beside path: String, at now: Duration) throws(FileError) -> [String] {
        let (folder, base) = (directoryName(path), temporaryBase(of: path))
        let known = state.change { state -> [String]? in
            guard !state.stopped.contains(path), let found = state.folders[folder], now - found.time < Self.longest
            else {
                return nil
            }
            return state.folders[folder]?.files.removeValue(forKey: base) ?? []
        }
        if let known { return known }
        var files = try leftovers(in: folder)
        let found = files.removeValue(forKey: base) ?? []
        let rest = files
        state.change { state in
            if state.folders.count >= Self.maxFolders { state.folders = [:] }
            state.folders[folder] = Folder(time: now, files: rest)
            state.stopped.remove(path)
        }
        return found
    }

    /// Notes a file that was not written to its end, or something beside it that could not be removed.
    func note(_ path: String) { state.change { _ = $0.stopped.insert(path) } }
}
