internal import AnnexClient
internal import POSIX
internal import Storage

extension AnnexSpool.Transfer {
    /// What a program wrote, opened, so that it needs no name any more; throws where that is no file.
    func opened(_ name: ObjectName) async throws(StorageError) -> FetchedFile {
        do throws(FileError) {
            return try await BlockingThreads.shared.run { [path] () throws(FileError) in
                try FetchedFile(try File(path, .readOwnFile), on: .shared)
            }
        } catch {
            let message = "Reading \(name) failed: the program says that it did it, and left no file. \(error)"
            let problem = StorageError(.unexpected, message, cause: error)
            // What this machine cannot open says nothing of the program.
            let isNone = [.notFound, .notAFile, .isADirectory, .linksWithoutEnd].contains(error.code)
            throw isNone ? problem.ofBrokenPromise : ExternalErrors.local(error)
        }
    }

    /// Writes a body into the file; throws where it has more or fewer bytes than it should.
    func write(_ body: Body, _ name: ObjectName) async throws(StorageError) {
        let file = try await ExternalErrors.onDisk { [path] () throws(FileError) in try File(path, .createNew) }
        var passed: UInt64 = 0
        for try await chunk in body.open() {
            try StorageError.checkCancellation()
            let start = passed
            passed += UInt64(chunk.count)
            guard passed <= body.length else {
                throw StorageError(.corrupt, "The source of \(name) gave more than its \(body.length) bytes.")
            }
            try await ExternalErrors.onDisk { () throws(FileError) in try file.write(chunk, at: start) }
        }
        try StorageError.checkCancellation()
        guard passed == body.length else {
            throw StorageError(.corrupt, "The source of \(name) ended after \(passed) of \(body.length) bytes.")
        }
    }
}

/// Whole objects that were brought for a part of them, kept open for a while: the next part is likely to follow.
///
/// For programs that give no parts. What is read so was there when it was brought; after a minute it is brought anew.
final class ExternalWholes: Sendable {
    private struct Whole {
        let file: FetchedFile
        let time: Duration
    }

    private let files = Locked<[ExternalKey: Whole]>([:])
    private static let longest = Duration.seconds(60)
    private static let most = 2

    func file(of key: ExternalKey, at now: Duration) -> FetchedFile? {
        files.change { files in
            files = files.filter { now - $0.value.time < Self.longest }
            return files[key]?.file
        }
    }

    func keep(_ file: FetchedFile, of key: ExternalKey, at now: Duration) {
        files.change { files in
            if files.count >= Self.most, let oldest = files.min(by: { $0.value.time < $1.value.time }) {
                files[oldest.key] = nil
            }
            files[key] = Whole(file: file, time: now)
        }
    }

    func forget(_ key: ExternalKey) { files.change { $0[key] = nil } }
    func forgetAll() { files.change { $0 = [:] } }
}
