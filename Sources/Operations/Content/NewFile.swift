internal import IPLD
internal import POSIX

/// A file that is written from front to back and appears under its name when it is whole; or standard output, under the
/// name `-`, or under none.
final class NewFile {
    private enum Target: Sendable {
        case place(NewPlace, File)
        case standard(Call)
        /// Standard output, which is not named: on a terminal only text is written.
        case unnamed(Call, help: Hint?)
        /// Standard output, when all is known of what comes first.
        case late(Call, File)
        /// None: what would be written is counted.
        case none(String?)
    }

    /// Something of which all is written.
    struct Whole: Sendable {
        /// Where the file will be; nil for standard output.
        let path: String?
        let length: UInt64
        fileprivate let place: NewPlace?

        /// Whether something has the name.
        var isSeen: Bool { place?.isSeen ?? false }

        /// Throws `refused` where something has the name.
        func checkAbsence() throws(KitError) { try place?.checkAbsence() }

        /// Gives the file permissions and a time.
        func apply(_ metadata: FileMetadata) async throws(FileError) {
            guard let place else { return }
            try await BlockingThreads.shared.run { () throws(FileError) in try metadata.apply(to: place.temporary) }
        }

        /// Gives the file its name.
        func appear() async throws(KitError) {
            try await BlockingThreads.shared.run { [place] () throws(KitError) in try place?.appear() }
        }

        /// Removes the file, if it has not appeared.
        func discard() { place?.discard() }
    }

    private let target: Target
    private var length: UInt64 = 0
    private var text = TerminalText()

    /// Begins a file; `isPatched` says that its first bytes are known last, `help` is a command that names an output.
    ///
    /// Throws `refused` where something has its name.
    init(_ path: String?, _ call: Call, isPatched: Bool = false, help: Hint? = nil) async throws {
        target = try await BlockingThreads.shared.run { () throws in
            guard !call.isDryRun else {
                guard let path, path != "-" else { return .none(nil) }
                return .none(try NewPlace(path, call.kit, hint: help).path)
            }
            switch path {
            case nil: return .unnamed(call, help: help)
            case "-"?: return isPatched ? .late(call, try scratchFile()) : .standard(call)
            case let path?:
                let place = try NewPlace(path, call.kit, hint: help)
                return .place(place, try File(place.temporary, .createNew, permissions: 0o644))
            }
        }
    }

    /// Lends a file to `body`, which gives the bytes that are to be written over the first ones, gives it permissions
    /// and a time, and lets it appear.
    ///
    /// Where something is thrown before it has appeared, nothing of it is left.
    /// - Returns: the length in bytes.
    @discardableResult
    static func made(
        _ path: String?,
        _ call: Call,
        isPatched: Bool = false,
        help: Hint? = nil,
        metadata: FileMetadata = .none,
        _ body: (NewFile) async throws -> [UInt8]
    ) async throws -> UInt64 {
        let file = try await NewFile(path, call, isPatched: isPatched, help: help)
        do {
            let start = try await body(file)
            let whole = try await file.finish(start: start)
            try await whole.apply(metadata)
            try await whole.appear()
            return whole.length
        } catch {
            file.discard()
            throw error
        }
    }

    /// Writes pieces at the end.
    func append(_ pieces: [ArraySlice<UInt8>]) async throws {
        switch target {
        case .standard(let call):
            for piece in pieces { try await call.write(piece) }
        case .unnamed(let call, let help):
            for piece in pieces where call.isTerminal && !text.isPlain(piece) {
                try call.checkTerminal(nil, "This content", help: help)
            }
            for piece in pieces { try await call.write(piece) }
        case .place(_, let file), .late(_, let file):
            let start = length
            try await BlockingThreads.shared.run { () throws(FileError) in try file.write(pieces: pieces, at: start) }
        case .none: break
        }
        length += pieces.reduce(0) { $0 + UInt64($1.count) }
    }

    /// Writes `start` over the first bytes, and waits until all is on the disk, or was taken by standard output.
    func finish(start: [UInt8] = []) async throws -> Whole {
        switch target {
        case .standard, .unnamed: break
        case .none(let path): return Whole(path: path, length: length, place: nil)
        case .place(let place, let file):
            try await BlockingThreads.shared.run { () throws(FileError) in
                try file.write(start, at: 0)
                try file.syncData()
            }
            return Whole(path: place.path, length: length, place: place)
        case .late(let call, let file):
            var offset: UInt64 = 0
            while offset < length {
                try Task.checkCancellation()
                let from = offset
                let bytes = try await BlockingThreads.shared.run { () throws(FileError) in
                    if from == 0 { try file.write(start, at: 0) }
                    return try file.read(at: from, count: 1 << 20)
                }
                try await call.write(bytes[...])
                offset += UInt64(bytes.count)
            }
        }
        return Whole(path: nil, length: length, place: nil)
    }

    /// Removes the file.
    func discard() { if case .place(let place, _) = target { place.discard() } }
}

extension Call {
    /// Throws `usage` where `what`, which is no text, would go to a terminal that nobody named.
    func checkTerminal(_ output: String?, _ what: String, help: Hint?) throws(KitError) {
        guard output == nil, isTerminal else { return }
        throw KitError(
            .usage,
            "\(what) is no text, and standard output is a terminal; “--output -” writes it there all the same.",
            hint: help
        )
    }
}
