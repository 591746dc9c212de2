internal import POSIX

/// A file in which another tool of the user's keeps something that we need too.
struct UserFile: Sendable {
    let path: String

    /// The file at a path, which may begin in the home of the user.
    init(_ path: String, environment: (String) -> String?) {
        self.path = path.hasPrefix("~/") ? (environment("HOME") ?? "") + path.dropFirst() : path
    }

    /// The text of the file; throws where it has more than `limit` bytes.
    func text(limit: Int) async throws(FileError) -> String {
        let bytes = try await BlockingThreads.shared.run { () throws(FileError) in try readFile(path, limit: limit) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
