internal import POSIX
internal import Storage

/// What writers who were stopped left in folders: each folder is listed once for many names.
///
/// It is listed again for a name beside which something may have been left since. Paths are those that the service
/// lists by; temporary files are named by `temporaryName(beside:)`.
final class Leftovers: Sendable {
    private struct Folder: Sendable {
        /// When it was listed, by the clock that nobody sets.
        let time: Duration
        /// The names of temporary files, by what of the name of their object stands in them.
        var names: [String: [String]]
    }

    private struct State: Sendable {
        var folders: [String: Folder] = [:]
        /// The files that were not written to their end since.
        var stopped: Set<String> = []
    }

    private let state = Locked(State())
    private let ending: String

    /// Knows temporary files by how their names end.
    init(ending: String = temporaryEnding) { self.ending = ending }

    /// What others leave, such as another program on the same disk, is seen by then.
    private static let longest = Duration.seconds(60)
    private static let maxFolders = 64

    /// Takes the names of the temporary files beside a file out of what is known; nil where its folder is to be listed,
    /// and the names told to ``learn(_:beside:at:)``.
    func take(beside path: String, at now: Duration) -> [String]? {
        let (folder, base) = (directoryName(path), temporaryBase(of: path))
        return state.change { state in
            guard !state.stopped.contains(path), let found = state.folders[folder], now - found.time < Self.longest
            else {
                return nil
            }
            return state.folders[folder]?.names.removeValue(forKey: base) ?? []
        }
    }

    /// Learns what is in the folder of a file, and takes the names of the temporary files beside it out of that.
    func learn(_ listed: [String], beside path: String, at now: Duration) -> [String] {
        var names: [String: [String]] = [:]
        for name in listed {
            guard let base = temporaryBase(in: name, ending: ending) else { continue }
            names[base, default: []].append(name)
        }
        let found = names.removeValue(forKey: temporaryBase(of: path)) ?? []
        let rest = names
        state.change { state in
            if state.folders.count >= Self.maxFolders { state.folders = [:] }
            state.folders[directoryName(path)] = Folder(time: now, names: rest)
            state.stopped.remove(path)
        }
        return found
    }

    /// Notes a file that was not written to its end, or something beside it that stays.
    func note(_ path: String) { state.change { _ = $0.stopped.insert(path) } }
}
