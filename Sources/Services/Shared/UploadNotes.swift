internal import Digests
internal import POSIX
internal import Storage

/// What this home knows of its uploads that were not finished: the file there in which each was written, and what was
/// written into it.
///
/// Only what a note says is gone on with. The name of the file is one that nobody else has, and the note holds digests
/// of what was sent, so that bytes of something else are never taken for the beginning of these.
struct UploadNotes: Sendable {
    /// The folder of the backend in the home; nil where it has none, and nothing is gone on with.
    let folder: String?
    /// The names that are uploaded at the moment.
    private let active = Locked<Set<ObjectName>>([])

    init(folder: String?) { self.folder = folder.map { $0 + "/uploads" } }

    /// The note of an upload; nil where it is short, or somebody else uploads to the same name.
    func begin(_ name: ObjectName, length: UInt64) async -> UploadNote? {
        guard let folder, length >= UploadNote.shortest, active.change({ $0.insert(name).inserted }) else { return nil }
        return UploadNote(self, name, path: path(name, folder), folder: folder, length: length)
    }

    func end(_ name: ObjectName) { active.change { _ = $0.remove(name) } }

    /// Forgets an upload.
    func forget(_ name: ObjectName) async {
        guard let folder else { return }
        let path = path(name, folder)
        await BlockingThreads.shared.run { try? removeFile(path) }
    }

    private func path(_ name: ObjectName, _ folder: String) -> String {
        "\(folder)/\(hex(digest(.sha256, of: Array(name.text.utf8)).prefix(16)))"
    }
}

/// What one upload left, or leaves.
final class UploadNote: Sendable {
    /// What is shorter than this is sent again from its beginning.
    static let shortest: UInt64 = 8 << 20

    /// So many bytes were sent, and this is their digest.
    struct Point: Sendable, Equatable {
        let offset: UInt64
        let digest: String
    }

    /// What stands in a note.
    struct Text: Sendable, Equatable {
        /// The name of the file there, without its folder.
        var temporary: String
        var length: UInt64
        var points: [Point]
    }

    /// After how many bytes a point is noted.
    let step: UInt64
    private let notes: UploadNotes
    private let name: ObjectName
    private let (path, folder): (String, String)
    private let length: UInt64
    private static let longest = 1 << 20

    init(_ notes: UploadNotes, _ name: ObjectName, path: String, folder: String, length: UInt64) {
        (self.notes, self.name, self.path, self.folder, self.length) = (notes, name, path, folder, length)
        step = max(4 << 20, length / 1024)
    }

    deinit { notes.end(name) }

    /// What an upload of as many bytes left; nil where none did.
    func left() async -> Text? {
        let path = path
        let bytes = await BlockingThreads.shared.run { try? readFile(path, limit: Self.longest) }
        guard let text = bytes.flatMap({ Self.read(String(decoding: $0, as: UTF8.self)) }), text.length == length else {
            return nil
        }
        return text
    }

    /// Notes what is known of an upload in place of all that was noted before; false where that could not be written.
    func write(_ temporary: String, _ points: [Point]) async -> Bool {
        let lines = ["\(temporary) \(length)"] + points.map { "\($0.offset) \($0.digest)" }
        let (path, folder) = (path, folder)
        return await BlockingThreads.shared.run {
            do throws(FileError) {
                try makeDirectory(folder, permissions: 0o700)
                try replaceFile(path, with: Array((lines.joined(separator: "\n") + "\n").utf8))
                return true
            } catch {
                return false
            }
        }
    }

    /// Notes how far it came.
    func add(_ point: Point) async {
        let path = path
        // It need not be on the disk: whoever finds an older one sends a little more.
        await BlockingThreads.shared.run {
            try? File(path, .append).append(Array("\(point.offset) \(point.digest)\n".utf8))
        }
    }

    /// Reads a note, as far as its lines are whole.
    static func read(_ text: String) -> Text? {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        guard let first = lines.popFirst()?.split(separator: " "), first.count == 2, let length = UInt64(first[1]),
            first[0].hasPrefix("."), !first[0].contains("/")
        else { return nil }
        var note = Text(temporary: String(first[0]), length: length, points: [])
        for line in lines {
            let words = line.split(separator: " ")
            guard words.count == 2, let offset = UInt64(words[0]), words[1].utf8.count == 64 else { break }
            note.points.append(Point(offset: offset, digest: String(words[1])))
        }
        return note
    }
}
