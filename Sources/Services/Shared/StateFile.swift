internal import JSONReading
internal import POSIX
internal import Schema
internal import Storage

/// A file with what a backend has to remember, in its folder of the home.
struct StateFile: Sendable {
    let folder: String
    let name: String
    /// A longer file, in bytes, is read by nobody.
    var longest = 1 << 20

    /// What is kept; nil where nothing is, or something that is no JSON.
    func read() async throws(StorageError) -> JSON? {
        let bytes: [UInt8]? = try await onDisk { () throws(FileError) in
            do throws(FileError) {
                return try readFile("\(folder)/\(name)", limit: longest)
            } catch {
                guard error.code == .notFound else { throw error }
                return nil
            }
        }
        return bytes.flatMap { try? JSON(reading: $0) }
    }

    /// Makes the folder, which only its owner may look into.
    func makeFolder() async throws(StorageError) {
        try await onDisk { () throws(FileError) in try makeDirectory(folder, permissions: 0o700) }
    }

    /// Puts a value in the place of what was kept, in a folder that is there.
    func write(_ value: JSON) async throws(StorageError) {
        try await onDisk { () throws(FileError) in
            try replaceFile("\(folder)/\(name)", with: Array(value.compact.utf8))
        }
    }

    private func onDisk<Value: Sendable>(
        _ body: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(FileError) {
            return try await BlockingThreads.shared.run(body)
        } catch {
            throw StorageError(.unavailable, "What the backend remembers cannot be kept: \(error)", cause: error)
        }
    }
}
