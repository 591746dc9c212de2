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
    let policy: CallPolicy

    /// What rclone is told in every command: to try nothing again, which the policy of the backend decides about, and
    /// to replace what looks the same.
    static func flags(timeout: Int, config: String) -> [String] {
        [
            "--retries", "1", "--low-level-retries", "1", "--contimeout", "\(timeout)s", "--timeout", "\(timeout)s",
            "--ignore-times", "--ask-password=false",
        ] + (config.isEmpty ? [] : ["--config", config])
    }

    private static let listing = ["--files-only", "--no-mimetype", "--use-server-modtime"]
    /// More names than this are in no list, and no answer is longer, in bytes.
    private static let (maxNames, longestAnswer) = (1_000_000, 1 << 20)
    /// The codes with which rclone ends where a folder, or a file, is not there.
    private static let notThere: Set<Int32> = [3, 4]

    // MARK: Objects

    /// What is said of an object that is there.
    func info(_ key: ExternalKey, _ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        let words = ["lsjson", "--stat", "--no-mimetype", "--use-server-modtime", remote.place(of: key.text)]
        let (bytes, end) = try await answer(words, "Finding \(name)")
        if Self.notThere.contains(end.code) {
            // Rclone says the same of an object and of the folder that is to hold it.
            try await checkPlace()
            throw StorageError(.notFound, "\(name) is not there, rclone says.")
        }
        guard end.code == 0, let json = try? JSON(reading: bytes), json["IsDir"] == .bool(false) else {
            throw failure("Finding \(name)", end)
        }
        return info(name, json)
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
        let (_, end) = try await answer(
            ["lsjson", "--stat", "--no-mimetype", remote.place()],
            "Finding \(remote.place())"
        )
        guard end.code == 0 else { throw failure("Finding \(remote.place())", end) }
    }

    /// Brings a part of an object into a file; gives the length of the whole.
    func retrieve(
        _ range: Range<UInt64>,
        of key: ExternalKey,
        _ name: ObjectName,
        _ transfer: AnnexSpool.Transfer
    ) async throws(StorageError) -> UInt64? {
        let info = try await info(key, name)
        guard let length = info.length else { return nil }
        let wanted = range.clamped(to: 0..<length)
        let written = Locked<UInt64>(0)
        let file = try await ExternalErrors.onDisk { () throws(FileError) in try File(transfer.path, .createNew) }
        guard !wanted.isEmpty else { return length }
        let words = [
            "cat", "--offset", "\(wanted.lowerBound)", "--count", "\(wanted.length)", remote.place(of: key.text),
        ]
        let end = try await run(words, "Reading a part of \(name)") { bytes in
            let start = written.change { written in
                defer { written += UInt64(bytes.count) }
                return written
            }
            return start + UInt64(bytes.count) <= wanted.length && (try? file.write(bytes, at: start)) != nil
        }
        guard end.code == 0 else { throw failure("Reading a part of \(name)", end) }
        return length
    }

    // MARK: Lists

    /// All that is there under names that begin with `prefix`: one answer of rclone, in pages.
    func list(_ prefix: String) -> any ObjectStream {
        Pulled {
            let rest = Locked<[ObjectInfo]?>(nil)
            return { () async throws(StorageError) in
                if rest.read({ $0 == nil }) {
                    let all = try await listed(prefix)
                    rest.change { $0 = all }
                }
                return rest.change { rest -> [ObjectInfo]? in
                    guard let all = rest, !all.isEmpty else { return nil }
                    rest = Array(all.dropFirst(Self.page))
                    return Array(all.prefix(Self.page))
                }
            }
        }
    }

    private static let page = 1000

    private func listed(_ prefix: String) async throws(StorageError) -> [ObjectInfo] {
        let beginning = ExternalKey.beginning(of: prefix)
        let words = ["lsjson"] + Self.listing + ["--include", beginning + "*", remote.place()]
        let found = Locked(ExternalListing())
        let end = try await run(words, "Listing \(remote.place())") { bytes in
            found.change { $0.add(bytes, most: Self.maxNames) }
        }
        let (lines, isWhole) = found.read { ($0.lines, $0.isWhole) }
        guard end.code == 0 else { throw failure("Listing \(remote.place())", end) }
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

    private func answer(_ words: [String], _ what: String) async throws(StorageError) -> (bytes: [UInt8], end: ChildEnd)
    {
        let output = Locked<[UInt8]>([])
        let end = try await run(words, what) { bytes in
            output.change { output in
                output += bytes
                return output.count <= Self.longestAnswer
            }
        }
        return (output.read { $0 }, end)
    }

    /// Runs rclone to its end; `take` says whether it is to go on.
    private func run(
        _ command: [String],
        _ what: String,
        _ take: @escaping @Sendable ([UInt8]) -> Bool
    ) async throws(StorageError) -> ChildEnd {
        try StorageError.checkCancellation()
        let end: ChildEnd
        do throws(FileError) {
            let variables = try await BlockingThreads.shared.run { [spool] () throws(FileError) in
                try spool.variables()
            }
            end = try await runToEnd(
                words + command,
                setting: variables,
                inheriting: inherits,
                patience: timeout * 10,
                take
            )
        } catch {
            let isMissing = [.notFound, .permissionDenied, .notADirectory].contains(error.code)
            throw StorageError(
                isMissing ? .badSettings : .unavailable,
                "\(what) failed: \(error)\(isMissing ? " Install rclone, or set connection.program." : "")",
                retry: isMissing ? .never : .later,
                cause: error
            )
        }
        try StorageError.checkCancellation()
        return end
    }

    private func failure(_ what: String, _ end: ChildEnd) -> StorageError {
        let words = String(decoding: end.errors, as: UTF8.self)
        let error = ExternalErrors.refused(what, words)
        guard Self.notThere.contains(end.code) else { return error }
        // Whether it is a folder or an object that is not there, rclone does not tell.
        let hint = "Is it gone? If it never was there: `rclone mkdir \(remote.place())`."
        return StorageError(.unavailable, "\(error.message) \(hint)", retry: .later)
    }
}

/// The lines of a list, an object of JSON on each, between brackets.
private struct ExternalListing: Sendable {
    private(set) var lines: [JSON] = []
    /// Whether the closing bracket came.
    private(set) var isWhole = false
    private var begun: [UInt8] = []

    /// Takes what came; false where that is no such list.
    mutating func add(_ bytes: [UInt8], most: Int) -> Bool {
        begun += bytes
        while let end = begun.firstIndex(of: 0x0A) {
            var line = begun[..<end]
            if line.last == 0x2C { line = line.dropLast() }
            switch Array(line) {
            case Array("[".utf8), []: break
            case Array("]".utf8), Array("[]".utf8): isWhole = true
            default:
                guard lines.count < most, let json = try? JSON(reading: line) else { return false }
                lines.append(json)
            }
            begun.removeFirst(end + 1)
        }
        return begun.count <= 64 << 10
    }
}
