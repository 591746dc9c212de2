internal import POSIX
internal import Synchronization

/// Throws `usage` where names that are read one after another have standard input among them twice.
func checkInputs(_ names: [String]) throws(KitError) {
    guard names.count(where: { $0 == "-" }) < 2 else {
        throw KitError(.usage, "Standard input is named twice; it can be read once.")
    }
}

/// The bytes of a file, of a pipe, or of standard input under the name `-`, read from front to back.
struct Input: Sendable {
    private enum Source: Sendable {
        case file(File)
        /// A pipe or a device, which gives its bytes once.
        case stream(File)
        case standard(Call)
    }

    /// The name as it was given.
    let name: String
    private let source: Source

    /// Opens what a person named, unless it is of the kit home.
    ///
    /// Throws `usage` for a directory, `refused` for a file of the home, and what opening throws.
    init(_ name: String, _ call: Call, for purpose: HomeBoundary.Purpose) async throws(KitError) {
        self.name = name
        guard name != "-" else {
            source = .standard(call)
            return
        }
        let boundary = call.kit.boundary
        source = try await BlockingThreads.shared.run { () throws(KitError) in
            let kind = try boundary.admit(name, for: purpose).kind
            guard kind != .directory else {
                throw KitError(.usage, "\(name) is a directory, where a file is wanted.")
            }
            do throws(FileError) {
                guard kind == .file else { return .stream(try File(name, .stream)) }
                let file = try File(name, .read)
                file.expectSequentialReads()
                return .file(file)
            } catch {
                throw KitError(error)
            }
        }
    }

    /// The length in bytes, where it can be known.
    var length: UInt64? { if case .file(let file) = source { try? file.length() } else { nil } }

    /// Whether it can be read again.
    var isFile: Bool { if case .file = source { true } else { false } }

    /// Reads what comes at `offset`, which is where the last reading stopped: some bytes, at most `count`, or none at
    /// the end.
    func read(at offset: UInt64, _ count: Int) async throws(KitError) -> [UInt8] {
        if case .standard(let call) = source { return try await call.read(min(count, 1 << 20)) }
        let stop = Stop()
        do {
            return try await withTaskCancellationHandler {
                try await BlockingThreads.shared.run { () throws(KitError) in try readNow(at: offset, count, stop) }
            } onCancel: {
                stop.isAsked.store(true, ordering: .relaxed)
            }
        } catch {
            throw KitError(any: error)
        }
    }

    /// Reads everything; throws where there are more than `limit` bytes.
    func readAll(limit: Int) async throws(KitError) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try await read(at: UInt64(bytes.count), limit - bytes.count + 1)
            if more.isEmpty { return bytes }
            bytes += more
            guard bytes.count <= limit else {
                throw KitError(.limit, "\(name == "-" ? "Standard input" : name) has more than \(limit) bytes.")
            }
        }
    }

    /// The longest word of a list, in bytes: no CID is longer.
    private static let longestWord = 4096

    /// The words on all lines, such as CIDs; throws where it is no text, or much too long.
    func words() async throws(KitError) -> [String] {
        guard let text = String(validating: try await readAll(limit: 64 << 20), as: UTF8.self) else {
            throw KitError(.usage, "\(name == "-" ? "Standard input" : name) is no text.")
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        if let long = words.first(where: { $0.utf8.count > Self.longestWord }) {
            throw KitError(.usage, "A word of \(long.utf8.count) bytes, “\(long.prefix(20))…”, is no CID.")
        }
        return words.map(String.init)
    }

    /// The same bytes in a file, to be read in any order: one without a name, where this is none.
    func inFile() async throws(KitError) -> File {
        if case .file(let file) = source { return file }
        let file: File
        do throws(FileError) { file = try scratchFile() } catch { throw KitError(error) }
        var offset: UInt64 = 0
        while true {
            let bytes = try await read(at: offset, 1 << 20)
            if bytes.isEmpty { return file }
            let start = offset
            do throws(FileError) {
                try await BlockingThreads.shared.run { () throws(FileError) in try file.write(bytes, at: start) }
            } catch {
                throw KitError(error)
            }
            offset += UInt64(bytes.count)
        }
    }

    /// The bytes of `file`, under the name of this input.
    func reading(_ file: File) -> Input { Input(name: name, source: .file(file)) }

    private init(name: String, source: Source) {
        self.name = name
        self.source = source
    }

    /// Whether the work was stopped, for a thread that waits.
    private final class Stop: Sendable {
        let isAsked = Atomic(false)
    }

    private func readNow(at offset: UInt64, _ count: Int, _ stop: Stop) throws(KitError) -> [UInt8] {
        do throws(FileError) {
            switch source {
            case .file(let file): return try file.read(at: offset, count: count)
            case .stream(let file):
                return try file.readNext(count: min(count, 1 << 20)) { stop.isAsked.load(ordering: .relaxed) }
            case .standard: return []
            }
        } catch {
            throw KitError(error)
        }
    }
}
