internal import POSIX

/// A file that is written from front to back, and that appears under its name when it is whole.
struct NewFile: Sendable {
    /// A file of which all is on the disk, under a name that only this program knows.
    struct Whole: Sendable {
        let path: String
        let length: UInt64
        fileprivate let temporary: String

        /// Gives the file its name.
        func appear() throws {
            try renameFile(temporary, to: absolutePath(path))
            try syncDirectory(directoryName(absolutePath(path)))
        }

        /// Removes the file, if it has not appeared.
        func discard() { try? removeFile(temporary) }
    }

    private let path: String
    private let temporary: String
    private let file: File
    private var length: UInt64 = 0

    /// Begins a file; throws `refused` where something has its name.
    init(_ path: String) throws {
        self.path = path
        try Self.checkAbsence(path)
        temporary = temporaryName(beside: absolutePath(path))
        file = try File(temporary, .createNew, permissions: 0o644)
    }

    /// Throws `refused` where something has that name.
    static func checkAbsence(_ path: String) throws(KitError) {
        guard (try? fileInfo(path)) == nil else { throw KitError(.refused, "\(path) is there already.") }
    }

    /// Writes pieces at the end.
    mutating func append(_ pieces: [ArraySlice<UInt8>]) async throws {
        let (file, start) = (file, length)
        try await BlockingThreads.shared.run { () throws(FileError) in try file.write(pieces: pieces, at: start) }
        length += pieces.reduce(0) { $0 + UInt64($1.count) }
    }

    /// Writes `start` over the first bytes, and waits until all is on the disk.
    func finish(start: [UInt8] = []) async throws -> Whole {
        let file = file
        try await BlockingThreads.shared.run { () throws(FileError) in
            try file.write(start, at: 0)
            try file.syncData()
        }
        return Whole(path: path, length: length, temporary: temporary)
    }

    /// Removes the file.
    func discard() { try? removeFile(temporary) }
}
