internal import AnnexClient
internal import JSONReading
internal import POSIX
internal import Schema
internal import Storage

/// What other commands of rclone tell of a remote: lengths, lists and parts, for which git-annex's protocol has no
/// words.
struct ExternalRclone: Sendable {
    let remote: ExternalRemote
    /// The program, and words that stand before all others.
    let words: [String]
    let spool: AnnexSpool
    let inherits: @Sendable (_ name: String) -> Bool
    let timeout: Duration
    /// What is a name in what rclone says, and has no meaning.
    let names: [String]

    /// What rclone is told in every command: to try nothing again, which the policy of the backend decides about, and
    /// to replace what looks the same.
    static func flags(timeout: Int, config: String) -> [String] {
        [
            "--retries", "1", "--low-level-retries", "1", "--contimeout", "\(timeout)s", "--timeout", "\(timeout)s",
            "--ignore-times", "--ask-password=false",
        ] + (config.isEmpty ? [] : ["--config", config])
    }

    private static let listing = ["--files-only", "--no-mimetype", "--use-server-modtime"]
    /// No answer that is no list is longer, in bytes.
    private static let maxAnswer = 1 << 20
    /// The codes with which rclone ends where a folder, or a file, is not there.
    private static let notThere: Set<Int32> = [3, 4]

    // MARK: Objects

    /// What is said of an object that is there; nil where rclone finds no file.
    ///
    /// That does not say that it is absent: what is not there, or could not be looked at, is an empty folder for rclone
    /// where a remote has buckets.
    func info(_ key: ExternalKey, _ name: ObjectName) async throws(StorageError) -> ObjectInfo? {
        let (bytes, end) = try await look(at: remote.place(of: key.text), "Finding \(name)")
        if Self.notThere.contains(end.code) { return nil }
        guard end.code == 0 else { throw failure("Finding \(name)", end) }
        guard let json = try? JSON(reading: bytes) else {
            throw StorageError(.unexpected, "Finding \(name) failed: what rclone says of it is no JSON.")
        }
        return json["IsDir"] == .bool(false) ? info(name, json) : nil
    }

    private func info(_ name: ObjectName, _ json: JSON) -> ObjectInfo {
        ObjectInfo(
            name: name,
            length: json["Size"]?.natural,
            modified: json["ModTime"]?.string.flatMap { Timestamp($0) }
        )
    }

    /// Throws where the folder is gone.
    func checkPlace() async throws(StorageError) {
        let (_, end) = try await look(at: remote.place(), "Finding \(remote.place())")
        guard end.code == 0 else { throw failure("Finding \(remote.place())", end) }
    }

    private func look(at place: String, _ what: String) async throws(StorageError) -> ([UInt8], ChildEnd) {
        let output = Locked<[UInt8]>([])
        let words = ["lsjson", "--stat", "--no-mimetype", "--use-server-modtime", place]
        let end = try await run(words, what) { (bytes) throws(StorageError) in
            guard output.read({ $0.count }) + bytes.count <= Self.maxAnswer else {
                throw StorageError(.tooLarge, "\(what) failed: at most \(Self.maxAnswer) bytes of an answer are read.")
            }
            output.change { $0 += bytes }
        }
        return (output.read { $0 }, end)
    }

    /// Brings a part of an object into a file; gives the length of the whole, and nil where rclone does not tell it.
    func retrieve(
        _ range: Range<UInt64>,
        of key: ExternalKey,
        _ name: ObjectName,
        _ transfer: AnnexSpool.Transfer
    ) async throws(StorageError) -> UInt64? {
        guard let length = try await info(key, name)?.length else { return nil }
        let (wanted, what) = (range.clamped(to: 0..<length), "Reading a part of \(name)")
        let output = try await ExternalErrors.onDisk { () throws(FileError) in try AnnexSpool.Output(transfer) }
        guard !wanted.isEmpty else { return length }
        let words = [
            "cat", "--offset", "\(wanted.lowerBound)", "--count", "\(wanted.length)", remote.place(of: key.text),
        ]
        let end = try await run(words, what) { (bytes) throws(StorageError) in
            do throws(FileError) {
                if try output.write(bytes) <= wanted.length { return }
            } catch {
                throw ExternalErrors.local(error)
            }
            throw StorageError(.corrupt, "\(what) failed: rclone sent more than the \(wanted.length) bytes asked for.")
        }
        guard end.code == 0 else { throw failure(what, end) }
        return length
    }

    // MARK: Lists

    /// All that is there under names that begin with `prefix`: one answer of rclone, in pages.
    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let rest = Locked<ArraySlice<ObjectInfo>?>(nil)
            return { () async throws(StorageError) in
                if rest.read({ $0 == nil }) {
                    let all = try await listed(prefix)
                    rest.change { $0 = all[...] }
                }
                // A slice moves its beginning, and copies nothing.
                return rest.change { rest -> [ObjectInfo]? in
                    let page = Array((rest ?? []).prefix(Self.page))
                    rest = rest?.dropFirst(page.count)
                    return page.isEmpty ? nil : page
                }
            }
        }
    }

    private static let page = 1000

    private func listed(_ prefix: String) async throws(StorageError) -> [ObjectInfo] {
        let (beginning, what) = (ExternalKey.beginning(of: prefix), "Listing \(remote.place())")
        let words = ["lsjson"] + Self.listing + ["--include", beginning + "*", remote.place()]
        let found = Locked(ExternalListing())
        let end = try await run(words, what) { (bytes) throws(StorageError) in
            try found.change { (found) throws(StorageError) in try found.add(bytes, what) }
        }
        let (lines, isWhole) = found.read { ($0.lines, $0.isWhole) }
        guard end.code == 0 else { throw failure(what, end) }
        guard isWhole else {
            throw StorageError(.unavailable, "The list of \(remote.place()) was cut off.", retry: .later)
        }
        var all: [ObjectName: ObjectInfo] = [:]
        for json in lines {
            guard let key = json["Name"]?.string, let name = ExternalKey.name(of: key), name.text.hasPrefix(prefix)
            else {
                continue
            }
            // Some remotes have several files of one name.
            all[name] = info(name, json)
        }
        return all.values.sorted { $0.name < $1.name }
    }

    // MARK: Commands

    /// Runs rclone to its end; what `take` throws ends it, and is thrown.
    private func run(
        _ command: [String],
        _ what: String,
        _ take: @escaping @Sendable ([UInt8]) throws(StorageError) -> Void
    ) async throws(StorageError) -> ChildEnd {
        try StorageError.checkCancellation()
        let result: Result<ChildEnd, StorageError>
        do throws(FileError) {
            let variables = try await BlockingThreads.shared.run { [spool] () throws(FileError) in
                try spool.variables()
            }
            result = try await runToEnd(
                words + command,
                setting: variables,
                inheriting: inherits,
                patience: timeout * 10,
                take
            )
        } catch {
            guard error.code != .full else { throw ExternalErrors.local(error) }
            let isMissing = [.notFound, .permissionDenied, .notADirectory].contains(error.code)
            throw StorageError(
                isMissing ? .badSettings : .unavailable,
                "\(what) failed: \(error)\(isMissing ? " Install rclone, or set connection.program." : "")",
                retry: isMissing ? .never : .later,
                cause: error
            )
        }
        try StorageError.checkCancellation()
        return try result.get()
    }

    private func failure(_ what: String, _ end: ChildEnd) -> StorageError {
        let words = String(decoding: end.errors, as: UTF8.self)
        let error = ExternalErrors.refused(what, words, names)
        guard Self.notThere.contains(end.code) else { return error }
        // Whether it is a folder or an object that is not there, rclone does not tell.
        let hint = "Is it gone? If it never was there: `rclone mkdir \(remote.place())`."
        return StorageError(.unavailable, "\(error.message) \(hint)", retry: .later)
    }
}

/// The lines of a list, an object of JSON on each, between brackets.
struct ExternalListing: Sendable {
    private(set) var lines: [JSON] = []
    /// Whether the closing bracket came.
    private(set) var isWhole = false
    private var splitter = JSONLineSplitter(longest: Self.longestLine)
    private static let longestLine = 64 << 10

    /// Takes what came; throws where that is no such list, or has more than is read.
    mutating func add(_ bytes: [UInt8], _ what: String, most: Int = 1_000_000) throws(StorageError) {
        guard let whole = splitter.add(bytes) else {
            throw StorageError(.tooLarge, "\(what) failed: at most \(Self.longestLine) bytes of a line are read.")
        }
        for line in whole {
            switch Array(line.last == 0x2C ? line.dropLast() : line) {
            case Array("[".utf8), []: break
            case Array("]".utf8), Array("[]".utf8): isWhole = true
            case let text:
                guard lines.count < most else {
                    throw StorageError(.tooLarge, "\(what) failed: at most \(most) names of a list are read.")
                }
                guard let json = try? JSON(reading: text) else {
                    throw StorageError(.unexpected, "\(what) failed: what rclone lists is no JSON.")
                }
                lines.append(json)
            }
        }
    }
}
