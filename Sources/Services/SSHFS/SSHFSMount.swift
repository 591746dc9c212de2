internal import POSIX
internal import Schema
internal import Storage

/// The folder in the home at which a server's directory is mounted, and who uses it.
///
/// All processes of the home share one mount: it is made under a lock by whoever needs it first, and ended by whoever
/// leaves last, which the system knows. One that does not answer is ended with the program behind it, so that nobody
/// waits for it without end.
final class SSHFSMount: Sendable {
    private struct State {
        var use: SSHFSUse?
        var watch: Task<Void, Never>?
        /// Says to other processes that this one uses it; see ``users``.
        var claim: File?
    }

    private let settings: SSHFSSettings
    /// The folder of the backend in the home.
    private let state: String
    /// How long the server may say nothing.
    private let patience: Duration
    private let policy: CallPolicy
    /// The server and the directory, in words that are another's for no other.
    private let source: String
    private let used = Locked(State())

    /// How often it is looked whether something has happened.
    private static let pause = Duration.milliseconds(20)

    init(_ settings: SSHFSSettings, in state: String, patience: Duration, policy: CallPolicy) {
        (self.settings, self.state, self.patience, self.policy) = (settings, state, patience, policy)
        source = "\(settings.ssh.target):\(settings.ssh.folder)"
    }

    deinit { used.read { $0.watch }?.cancel() }

    /// The folder at which it is mounted.
    var folder: String { state + "/mount" }
    /// The file of which all who use the mount hold the lock together.
    private var users: String { state + "/.users.lock" }
    /// The file that says that it is to stay when nobody uses it.
    private var mark: String { state + "/mounted" }

    // MARK: Use

    /// The mount, which is made where it is not there, or was in doubt.
    func use() async throws(StorageError) -> SSHFSUse {
        if let use = current { return use }
        return try await locked { () async throws(StorageError) in
            if let use = current { return use }
            try await mount()
            let use = try await opened()
            let claim = try await files { [users] () throws(FileError) in
                let file = try File.ofLock(users)
                // Whoever would end the mount holds the other lock, as this does; a program that is being started may
                // have this one for a moment still.
                try file.lock(shared: true)
                return file
            }
            // No child of who asks first: it watches as long as the mount is used; `drop` ends it, and waits for it.
            let watch = Task { [weak self, patience, policy] in
                // Half of it: within one and a half it is seen that nothing comes.
                while (try? await policy.timing.pause(patience / 2)) != nil, let mount = self, !use.isDoubted {
                    guard await mount.isSilent(at: use.root.path) else { continue }
                    mount.endProgram()
                    use.doubt()
                }
            }
            used.change { state in
                state.watch?.cancel()
                (state.use, state.watch, state.claim) = (use, watch, claim)
            }
            return use
        }
    }

    private var current: SSHFSUse? { used.read { $0.use.flatMap { $0.isDoubted ? nil : $0 } } }

    /// Ends the use of this process, and the mount where nobody else uses it and it is not to stay.
    func leave() async {
        guard await drop() else { return }
        _ = try? await locked { () async throws(StorageError) in
            let isUnwanted = try await files { [mark, users] () throws(FileError) in
                if try fileExists(mark) { return false }
                return try File.ofLock(users).tryLock()
            }
            // What is still on its way here, such as a stream that nobody reads, goes on without a name.
            if isUnwanted { try await unmount(isLazy: true) }
        }
    }

    /// Forgets the use of this process; whether there was one.
    ///
    /// Whoever watches it has it open, too, and ends first.
    @discardableResult
    private func drop() async -> Bool {
        let state = used.change { state in
            defer { state = State() }
            return state
        }
        state.watch?.cancel()
        await state.watch?.value
        _ = try? state.claim?.unlock()
        return state.watch != nil
    }

    /// Mounts it, and keeps it mounted when nobody uses it; gives the folder.
    func stay() async throws(StorageError) -> String {
        _ = try await use()
        try await files { [mark] () throws(FileError) in try replaceFile(mark, with: []) }
        return folder
    }

    /// Ends a mount that stayed; false where there was none.
    func end() async throws(StorageError) -> Bool {
        await drop()
        return try await locked { () async throws(StorageError) in
            try await files { [mark] () throws(FileError) in if try fileExists(mark) { try removeFile(mark) } }
            guard try await entry() != nil else { return false }
            try await unmount()
            guard try await entry() == nil else {
                throw StorageError(
                    .unavailable,
                    "\(source) is in use at \(folder), and stays mounted until whoever uses it has ended.",
                    retry: .later
                )
            }
            return true
        }
    }

    // MARK: The mount itself

    /// Mounts it where it is not, or where what is mounted there is something else, or dead.
    private func mount() async throws(StorageError) {
        if let entry = try await entry() {
            guard entry.type == "fuse.sshfs" else {
                throw StorageError(
                    .unavailable,
                    "Something else is mounted at \(folder): \(entry.source). Unmount it there first.",
                    retry: .later
                )
            }
            if entry.source == source, try await answers(at: folder) { return }
            // Whoever still has files of it open keeps them; nobody finds it by its name any more.
            if entry.source == source { endProgram() }
            try await unmount(isLazy: true)
        }
        try await files { [folder] () throws(FileError) in try makeDirectory(folder, permissions: 0o700) }
        try await start()
        do throws(StorageError) {
            guard try await answers(at: folder), try await entry()?.source == source else {
                throw StorageError(.unavailable, "\(source) was mounted, and does not answer.", retry: .later)
            }
        } catch {
            // Nobody uses it, so nobody would end it.
            throw await error.cleaning { () async throws(StorageError) in
                if try await self.entry()?.source == self.source { try await self.unmount(isLazy: true) }
            }
        }
    }

    /// The mount as a directory that stays what it is, whatever takes its name.
    private func opened() async throws(StorageError) -> SSHFSUse {
        let directory = try await files { [folder, state] () throws(FileError) -> File? in
            let directory = try File(folder, .folder)
            // Where the mount has ended since, this is the empty folder below it.
            return try directory.status().isOnSameDisk(as: fileInfo(state, follow: true)) ? nil : directory
        }
        guard let directory else {
            throw StorageError(.unavailable, "\(source) was mounted, and is not any more.", retry: .later)
        }
        return SSHFSUse(RootDirectory(directory, named: source), minFree: settings.minFree.bytes, policy)
    }

    /// Starts sshfs, and waits until it has mounted the directory.
    private func start() async throws(StorageError) {
        let program = try SSHProgram(settings.ssh, patience: patience, "Mounting \(source)")
        let host = settings.ssh.host.contains(":") ? "[\(settings.ssh.host)]" : settings.ssh.host
        let place = settings.ssh.folder
        // Nothing is remembered of files: what others change is seen, and a look is a look at the server. ssh ends
        // where the server is silent, and sshfs with it: a new mount is made then, and no old one goes on.
        let options = [
            "\(Self.optionsBegin)\(Self.escaped(source))", "ssh_command=\(program.path)", "dir_cache=no",
            "attr_timeout=0", "entry_timeout=0", "negative_timeout=0", "ac_attr_timeout=0",
        ]
        let words =
            (settings.program.isEmpty ? ["sshfs"] : settings.program)
            // What ssh says comes through only so.
            + ["-v", "\(host):\(place == "." ? "" : place)", folder, "-o", options.joined(separator: ",")]
        let end = try await run(words, setting: program.variables, within: patience + patience)
        withExtendedLifetime(program) {}
        guard end.code != 0 else { return }
        throw failure(end)
    }

    private func failure(_ end: ChildEnd) -> StorageError {
        let said = String(decoding: end.errors, as: UTF8.self)
        let words = said.lowercased()
        guard ["fuse: ", "/dev/fuse", "fusermount"].contains(where: words.contains) else {
            return SSHErrors.translate("Mounting \(source)", end, of: settings.ssh.host)
        }
        let shown = String(Redactor.shared.clean(echo: said).suffix(400))
        return StorageError(.unsupported, "Nothing can be mounted on this machine. It says: “\(shown)”")
    }

    /// Ends the mount; one that is in use stays, but where it `isLazy`: then it has no name any more.
    private func unmount(isLazy: Bool = false) async throws(StorageError) {
        let words = ["fusermount3", "-u"] + (isLazy ? ["-z"] : []) + ["--", folder]
        let end = try await run(words, within: patience)
        guard isLazy, end.code != 0, try await entry() != nil else { return }
        let said = String(Redactor.shared.clean(echo: String(decoding: end.errors, as: UTF8.self)).suffix(400))
        throw StorageError(
            .unavailable,
            "What is mounted at \(folder) is dead, and stays there. It says: “\(said)”",
            retry: .later
        )
    }

    private func entry() async throws(StorageError) -> MountTable.Entry? {
        try await files { [state] () throws(FileError) in
            let path = String(decoding: try resolvedPath(state), as: UTF8.self) + "/mount"
            return try MountTable().entry(at: path)
        }
    }

    // MARK: Life

    /// Whether a mount answers by now; one that says that it is dead does not.
    private func answers(at path: String) async throws(StorageError) -> Bool { try await answer(at: path) == true }

    /// Whether nothing at all comes from a mount that was asked, not even that it is dead.
    private func isSilent(at path: String) async -> Bool {
        do throws(StorageError) {
            return try await answer(at: path) == nil
        } catch {
            return false
        }
    }

    /// Whether a mount answered; nil where it did nothing for as long as one is patient.
    ///
    /// What sshfs asks for is in no memory of the system. Throws where nobody could ask, or was told to stop.
    private func answer(at path: String) async throws(StorageError) -> Bool? {
        let answer = Locked<Bool?>(nil)
        let isAsked = startDetachedThread {
            let isThere = (try? diskSpace(path)) != nil
            answer.change { $0 = isThere }
        }
        guard isAsked else {
            throw StorageError(.unavailable, "No thread can be started that asks for \(source).", retry: .later)
        }
        let end = policy.timing.uptime() + patience
        while policy.timing.uptime() < end {
            if let answer = answer.read({ $0 }) { return answer }
            try await policy.timing.pause(Self.pause)
        }
        return nil
    }

    /// Ends the program that keeps the mount: all that waits for it is answered then.
    private func endProgram() {
        for process in Self.programs(of: folder) { killProcess(process) }
    }

    /// The programs that keep what is mounted at a folder; others that were given its name are none.
    static func programs(of folder: String) -> [Int32] {
        processes { words in words.contains(folder) && words.contains { $0.hasPrefix(optionsBegin) } }
    }

    /// How the options begin that are given to sshfs.
    private static let optionsBegin = "fsname="

    // MARK: Help

    /// Runs a program to its end.
    private func run(
        _ words: [String],
        setting variables: [String: String] = [:],
        within limit: Duration
    ) async throws(StorageError) -> ChildEnd {
        let ended = Locked<ChildEnd?>(nil)
        let child: ChildProcess
        do throws(FileError) {
            child = try await BlockingThreads.shared.run { () throws(FileError) in
                try ChildProcess(words, setting: variables, mayLeave: true) { event in
                    if case .ended(let end) = event { ended.change { $0 = end } }
                    return true
                }
            }
        } catch {
            guard error.code == .notFound else {
                throw SSHErrors.translate("Mounting \(source)", starting: error)
            }
            throw StorageError(
                .badSettings,
                "There is no \(words[0]): install sshfs and fuse3, or set connection.sshfs_command.",
                cause: error
            )
        }
        defer { withExtendedLifetime(child) {} }
        let end = policy.timing.uptime() + limit
        while policy.timing.uptime() < end {
            if let ended = ended.read({ $0 }) { return ended }
            try await policy.timing.pause(Self.pause)
        }
        throw StorageError(
            .unavailable,
            "\(words[0]) for \(source) did not end within \(limit.components.seconds) s.",
            retry: .later
        )
    }

    /// Does something that only one of all processes does at a time.
    private func locked<Value>(
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let lock: File
        do throws(FileError) {
            try await BlockingThreads.shared.run { [state] () throws(FileError) in
                try makeDirectory(state, permissions: 0o700)
            }
            lock = try await File.locked(state + "/.mount.lock")
        } catch {
            guard error.code != .interrupted else { throw .cancelled }
            throw StorageError(.unavailable, "\(source) cannot be mounted now: \(error)", retry: .later, cause: error)
        }
        defer { withExtendedLifetime(lock) {} }
        return try await work()
    }

    private func files<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(FileError) {
            // What hangs is the mount, and that is not asked here.
            return try await BlockingThreads.of(state).run(work)
        } catch {
            throw Services.translate(error, folder)
        }
    }

    /// A word in the options of a mount, in which a comma ends it.
    private static func escaped(_ word: String) -> String {
        word.replacing("\\", with: "\\\\").replacing(",", with: "\\,")
    }
}

/// A mount as one uses it: as long as this is held, what is asked goes there, and nowhere else.
final class SSHFSUse: Sendable {
    let root: RootDirectory
    private let directory: DirectoryService
    private let doubts = Locked(false)

    init(_ root: RootDirectory, minFree: UInt64, _ policy: CallPolicy) {
        self.root = root
        directory = DirectoryService(root, minFree: minFree, policy)
    }

    /// Whether something went wrong with it, so that it is looked at before it is used again.
    var isDoubted: Bool { doubts.read { $0 } }

    func doubt() { doubts.change { $0 = true } }

    /// What is done in the directory, with errors that say where that is.
    func told<Value>(
        _ work: (DirectoryService) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(StorageError) {
            return try await work(directory)
        } catch {
            throw told(error)
        }
    }

    /// The objects of the directory, with such errors.
    func list(_ prefix: String) -> any ObjectStream { told(directory.list(prefix)) }

    /// A stream out of the directory, with such errors.
    func told<Element>(
        _ stream: any AsyncSequence<Element, StorageError> & Sendable
    ) -> Pulled<Element> {
        Pulled { [self] in
            let cursor = StreamCursor(stream)
            return { () async throws(StorageError) in
                do throws(StorageError) {
                    return try await cursor.next()
                } catch {
                    throw self.told(error)
                }
            }
        }
    }

    private func told(_ error: StorageError) -> StorageError {
        if error.code == .unavailable { doubt() }
        return error.saying(error.message.replacing(root.path, with: root.name))
    }
}
