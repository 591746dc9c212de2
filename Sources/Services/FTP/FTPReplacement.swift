internal import FTPClient
internal import POSIX
internal import Storage

/// Gives a file that was written the name of its object, in place of what has that name.
///
/// Most servers replace in one step. Of those that refuse a name that is taken, the old file is moved aside, and
/// removed when the new one has the name; it is never removed before.
struct FTPReplacement: Sendable {
    let files: FTPFiles
    let name: ObjectName
    let temporary: String
    let what: String

    /// How the names of old files end.
    static let ending = ".old"
    /// In such a name a longer one would be cut, and could not be told from others.
    private static let longest = 180
    /// How often others may come between.
    private static let tries = 4

    private var path: String { files.path(name.text) }
    private var connection: FTPConnection { files.connection }

    /// The hidden files that had a name, of what is in its folder.
    static func hidden(_ name: String, among entries: [FTPEntry]) -> [FTPEntry] {
        let path = "/" + name
        guard baseName(path).utf8.count <= longest else { return [] }
        return entries.filter { entry in
            entry.kind == .file && temporaryNumbers(of: entry.name, beside: path, ending: ending) != nil
        }
    }

    func run() async throws(StorageError) {
        for _ in 0..<Self.tries {
            guard let refusal = try await refusal(temporary, path) else { return }
            switch try await files.find(name.text, what) {
            case .folder: throw StorageError(.exists, "\(what) failed: a folder has that name there.")
            case .nothing, .replaced: throw FTPErrors.translate(what, refusal)
            case .file, .other: break
            }
            guard baseName(path).utf8.count <= Self.longest else { throw FTPErrors.translate(what, refusal) }
            if try await swap() { return }
        }
        throw StorageError(.unavailable, "\(what) failed: others give files that name all the time.", retry: .later)
    }

    /// Moves the old file aside, gives the new one its name, and removes the old one; false where somebody else gave a
    /// file the name meanwhile.
    private func swap() async throws(StorageError) -> Bool {
        let aside = temporaryName(beside: path, ending: Self.ending)
        if let refusal = try await refusal(path, aside) {
            // Somebody else may have moved it, or removed it.
            switch try await files.find(name.text, what) {
            case .nothing, .replaced: return false
            case .file, .folder, .other: throw FTPErrors.translate(what, refusal)
            }
        }
        guard let refusal = try await refusal(temporary, path) else {
            // What stays there is removed by the next to clear it.
            do throws(FTPError) {
                try await connection.remove(aside)
            } catch {
                guard error.isRefusal else { throw FTPErrors.translate(what, error).ofUnknownOutcome }
            }
            return true
        }
        if try await self.refusal(aside, path) == nil { throw FTPErrors.translate(what, refusal) }
        return false
    }

    /// Why the server did not give a file another name; nil where it did, and an error of unknown outcome where nobody
    /// knows.
    private func refusal(_ path: String, _ other: String) async throws(StorageError) -> FTPError? {
        do throws(FTPError) {
            try await connection.rename(path, to: other)
            return nil
        } catch {
            guard error.isRefusal else { throw FTPErrors.translate(what, error).ofUnknownOutcome }
            return error
        }
    }
}
