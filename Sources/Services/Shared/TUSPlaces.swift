internal import POSIX
internal import Schema
internal import Storage

/// The addresses of uploads that were begun, each in a file of its own: whoever knows one can write there.
struct TUSPlaces: Sendable {
    /// The folder, which is made when something is first kept; nil where nothing is to be kept.
    let folder: String?

    /// The longest file that is read, in bytes.
    private static let longest = 16 << 10

    /// Where an upload of so many bytes was begun; nil where nobody knows.
    func address(_ name: String, _ length: UInt64) async -> String? {
        guard let path = path(name) else { return nil }
        let bytes = try? await BlockingThreads.shared.run { () throws(FileError) in
            try readFile(path, limit: Self.longest)
        }
        guard let bytes, let json = try? JSON(reading: bytes), let url = json["url"]?.string,
            json["length"]?.natural == length
        else { return nil }
        return url
    }

    /// Keeps where an upload was begun; where that cannot be, a later process begins anew.
    func keep(_ name: String, _ url: String, _ length: UInt64) async {
        guard let folder, let path = path(name) else { return }
        let json: JSON = ["url": .string(url), "length": .integer(Int64(clamping: length))]
        let bytes = Array(json.compact.utf8)
        try? await BlockingThreads.shared.run { () throws(FileError) in
            try makeDirectory(folder, permissions: 0o700)
            try replaceFile(path, with: bytes)
        }
    }

    /// Forgets an upload, which has come to its end.
    func forget(_ name: String) async {
        guard let path = path(name) else { return }
        try? await BlockingThreads.shared.run { () throws(FileError) in try removeFile(path) }
    }

    private func path(_ name: String) -> String? { folder.map { "\($0)/upload-\(name).json" } }
}
