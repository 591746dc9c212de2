internal import Synchronization

/// A part of a file on its way from a server, to be read once.
package final class FTPPart: Sendable {
    fileprivate struct State {
        /// How many bytes are to be passed over, and how many to be given.
        var skipped: UInt64
        var left: UInt64
    }

    private let download: FTPDownload
    /// Whether the file is to end where the part does.
    private let isToEnd: Bool
    private let state: Mutex<State>

    fileprivate init(_ download: FTPDownload, skipping: UInt64, _ length: UInt64, isToEnd: Bool) {
        (self.download, self.isToEnd) = (download, isToEnd)
        state = Mutex(State(skipped: skipping, left: length))
    }

    /// The next bytes; nil after the last.
    ///
    /// Throws `changed` where the file has more or fewer than it was said to have.
    package func next() async throws(FTPError) -> [UInt8]? {
        while true {
            let left = state.withLock { $0.left }
            if left == 0, !isToEnd {
                download.abandon()
                return nil
            }
            guard let bytes = try await download.next() else {
                guard left > 0 else { return nil }
                throw FTPError(.changed, "The file ended \(left) bytes too early.")
            }
            let part = state.withLock { $0.take(bytes) }
            guard !isToEnd || state.withLock({ $0.left }) > 0 || part.isEnd else {
                throw FTPError(.changed, "The file has more bytes than it was said to have.")
            }
            if !part.bytes.isEmpty { return part.bytes }
        }
    }
}

extension FTPPart.State {
    /// What of bytes that came is to be given, and whether nothing is behind it.
    mutating func take(_ bytes: [UInt8]) -> (bytes: [UInt8], isEnd: Bool) {
        let passed = min(skipped, UInt64(bytes.count))
        let given = min(left, UInt64(bytes.count) - passed)
        skipped -= passed
        left -= given
        let part = given == bytes.count ? bytes : Array(bytes.dropFirst(Int(passed)).prefix(Int(given)))
        return (part, passed + given == bytes.count)
    }
}

extension FTPConnection {
    /// Opens a part of a file; a server that cannot begin in the middle gives all that comes before, which is passed
    /// over.
    package func read(_ path: String, _ part: Range<UInt64>, isToEnd: Bool) async throws(FTPError) -> FTPPart {
        let length = part.upperBound - part.lowerBound
        do throws(FTPError) {
            return FTPPart(try await download(path, from: part.lowerBound), skipping: 0, length, isToEnd: isToEnd)
        } catch {
            guard error.code == .unsupported, part.lowerBound > 0 else { throw error }
        }
        return FTPPart(try await download(path), skipping: part.lowerBound, length, isToEnd: isToEnd)
    }

    /// All bytes of a file, as many as there are when it is opened; throws `changed` where there are more than `limit`.
    package func readAll(_ path: String, limit: UInt64) async throws(FTPError) -> [UInt8] {
        let download = try await download(path)
        var bytes: [UInt8] = []
        while let more = try await download.next() {
            bytes += more
            guard bytes.count <= limit else {
                throw FTPError(.changed, "The file has more bytes than it was said to have.")
            }
        }
        return bytes
    }

    /// What the server says of a file; nil where it refuses, which is not to say that nothing is there.
    ///
    /// Lengths are asked for where they are not told with the rest, and times where they are wanted; throws
    /// `unsupported` where the server can tell of no single name.
    package func look(at path: String, withTime: Bool = false) async throws(FTPError) -> FTPEntry? {
        guard features.hasFacts else {
            guard let length = try await length(of: path) else { return nil }
            return FTPEntry(name: path, length: length, modified: withTime ? try await time(of: path) : nil)
        }
        guard let entry = try await facts(of: path) else { return nil }
        return entry.kind == .file && entry.length == nil ? entry.with(length: try await length(of: path)) : entry
    }
}
