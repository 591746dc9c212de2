internal import AnnexClient
internal import Digests
internal import POSIX
internal import Schema
internal import Storage

/// Objects that a program keeps, each under a key.
///
/// git-annex never replaces what is under a key, so the protocol does not say what a program does then: where it does
/// not speak our extension, which says it, that is tried once, and where it keeps what it has, that is removed first.
/// No reader here sees the gap, and who is stopped in it says that nobody knows what is there.
struct ExternalService: StorageService {
    /// What tells of objects what the protocol of git-annex has no words for.
    enum Means: Sendable {
        case nothing
        /// Our extension of the protocol.
        case extended
        /// Other commands of rclone.
        case rclone(ExternalRclone)
    }

    let talk: ExternalTalk
    let memory: AnnexMemory
    let means: Means
    let policy: CallPolicy
    private let locks = ReplacementLocks()
    private let wholes = ExternalWholes()
    private let isSeen = Locked(false)

    init(_ talk: ExternalTalk, _ memory: AnnexMemory, _ means: Means, _ policy: CallPolicy) {
        (self.talk, self.memory, self.means, self.policy) = (talk, memory, means, policy)
    }

    var capabilities: Capabilities {
        if case .nothing = means { return External.capabilities.subtracting([.listing, .usage]) }
        return External.capabilities
    }

    var limits: Limits {
        var limits = Limits()
        if case .nothing = means { limits.tellsLengths = false }
        return limits
    }

    // MARK: Changes

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let key = ExternalKey(name)
        let file = try await talk.file(for: key, length: body.length)
        try await file.write(body, name)
        let admission = policy.admission(.put(name), isAdmitted: true)
        try await changing(key, name) { () async throws(StorageError) in
            // rclone makes a folder that is not there, which is told, and not made.
            if !isSeen.read({ $0 }) { try await checkPlace() }
            isSeen.change { $0 = true }
            let isRemoved = try await removeFirst(key, name, admission)
            do throws(StorageError) {
                try await admission.renew()
                try await talk.store(key, name, file)
                try await confirm(key, name, body.length)
            } catch {
                throw isRemoved ? error.ofUnknownOutcome : error
            }
        }
        return PutReceipt(proof: nil)
    }

    /// Removes what is under a key that the program would not replace; whether there was something.
    private func removeFirst(
        _ key: ExternalKey,
        _ name: ObjectName,
        _ admission: Admission
    ) async throws(StorageError) -> Bool {
        guard case .nothing = means, try await talk.holds(key, name) else { return false }
        guard try await !replaces(name, admission) else { return false }
        try await admission.renew()
        try await talk.remove(key, name)
        return true
    }

    /// Whether the program replaces what it has, also by something of the same length: tried once, with an object that
    /// nobody else sees.
    private func replaces(_ name: ObjectName, _ admission: Admission) async throws(StorageError) -> Bool {
        if let known = memory.note(Self.replacing) { return known == "yes" }
        let probe = ExternalKey(ofOwn: "probe-\(hex(randomBytes(8)))")
        let contents = ["one\n", "two\n"].map { Array($0.utf8) }
        for content in contents {
            let file = try await talk.file(for: probe)
            try await file.write(Body(content), name)
            try await admission.renew()
            do throws(StorageError) {
                try await talk.store(probe, name, file)
            } catch  where content == contents[1] && error.code != .cancelled && !error.mayHaveHappened {
                // One that refuses keeps what it has.
            }
        }
        let file = try await talk.file(for: probe)
        try await talk.retrieve(probe, name, file, most: 4)
        let brought = try await file.opened(name)
        let found = try await collect(brought.bytes(0..<4), limit: 4)
        try await admission.renew()
        try await talk.remove(probe, name)
        memory.keep(found == contents[1] ? "yes" : "no", as: Self.replacing)
        return found == contents[1]
    }

    private static let replacing = "replaces"

    /// Throws unless an object is there, as far as the program tells of it, after it said that it had taken it.
    private func confirm(_ key: ExternalKey, _ name: ObjectName, _ length: UInt64) async throws(StorageError) {
        let found: UInt64?
        switch means {
        case .extended: found = try await talk.length(of: key, name)
        case .nothing, .rclone: found = try await talk.holds(key, name) ? length : nil
        }
        guard found != length else { return }
        throw StorageError(
            .unavailable,
            "The program says that it stored \(name), and that \(found.map { "it has \($0) of \(length) bytes" } ?? "it is not there").",
            retry: .later,
            mayHaveHappened: true
        ).ofBrokenPromise
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        let key = ExternalKey(name)
        try await changing(key, name) { () async throws(StorageError) in
            try await policy.admission(.delete(name), isAdmitted: true).renew()
            try await talk.remove(key, name)
            guard try await talk.holds(key, name) else { return try await checkPlace() }
            throw StorageError(
                .unavailable,
                "The program says that it removed \(name), and that it is there.",
                retry: .later,
                mayHaveHappened: true
            ).ofBrokenPromise
        }
    }

    /// What a stopped upload left is the program's own matter: nobody else knows it.
    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {}

    private func changing(
        _ key: ExternalKey,
        _ name: ObjectName,
        _ work: () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        wholes.forget(key)
        if case .extended = means { return try await work() }
        try await locks.changing(name, work)
        wholes.forget(key)
    }

    // MARK: Reads

    private func reading<Value>(
        _ name: ObjectName,
        _ work: () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        if case .extended = means { return try await work() }
        return try await locks.reading(name, work)
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        let key = ExternalKey(name)
        return try await reading(name) { () async throws(StorageError) in
            switch means {
            case .extended:
                guard let length = try await talk.length(of: key, name) else { throw ExternalTalk.absence(of: name) }
                return ObjectInfo(name: name, length: length)
            case .nothing:
                guard try await talk.holds(key, name) else { throw ExternalTalk.absence(of: name) }
                return ObjectInfo(name: name, length: nil)
            case .rclone(let rclone):
                if let info = try await rclone.info(key, name) { return info }
                guard try await talk.holds(key, name) else { throw try await absence(of: name) }
                let message = "Finding \(name) failed: rclone found no file, and then says that there is one."
                throw StorageError(.unavailable, message, retry: .later)
            }
        }
    }

    /// The error of what is not there, or of the place that is not.
    private func absence(of name: ObjectName) async throws(StorageError) -> StorageError {
        try await checkPlace()
        return ExternalTalk.absence(of: name)
    }

    /// Throws where the place itself is gone, as far as anybody tells: nothing is absent then.
    private func checkPlace() async throws(StorageError) {
        if case .rclone(let rclone) = means { try await rclone.checkPlace() }
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        let key = ExternalKey(name)
        guard version == nil else { throw StorageError.changed(name) }
        return try await reading(name) { () async throws(StorageError) in
            if let range, let part = try await part(range, of: key, name) { return part }
            let now = policy.timing.uptime()
            let kept = range == nil ? nil : wholes.file(of: key, at: now)
            let whole = if let kept { kept } else { try await bring(key, name) }
            if range != nil, kept == nil { wholes.keep(whole, of: key, at: now) }
            return OpenObject(whole.bytes(range ?? 0..<whole.length), length: whole.length, version: nil)
        }
    }

    private func bring(_ key: ExternalKey, _ name: ObjectName) async throws(StorageError) -> FetchedFile {
        let file = try await talk.file(for: key)
        do throws(StorageError) {
            var length = ExpectedLength.bytes
            if length == nil, case .extended = means { length = try await talk.length(of: key, name) }
            try await talk.retrieve(key, name, file, most: length)
        } catch  where error.code == .notFound {
            throw try await absence(of: name)
        }
        return try await file.opened(name)
    }

    /// A part that is brought alone; nil where only whole objects are.
    private func part(
        _ range: Range<UInt64>,
        of key: ExternalKey,
        _ name: ObjectName
    ) async throws(StorageError) -> OpenObject? {
        let file = try await talk.file(for: key)
        let length: UInt64?
        switch means {
        case .nothing: return nil
        case .extended:
            // A program is asked for no more than there is.
            guard let whole = try await talk.length(of: key, name) else { throw ExternalTalk.absence(of: name) }
            let part = range.clamped(to: 0..<whole)
            guard !part.isEmpty else { return OpenObject(Body([]).open(), length: whole, version: nil) }
            length = try await talk.retrieve(part, of: key, name, file)
        case .rclone(let rclone): length = try await rclone.retrieve(range, of: key, name, file)
        }
        guard let length else { return nil }
        let part = try await file.opened(name)
        let wanted = range.clamped(to: 0..<length).length
        guard part.length == wanted else {
            throw StorageError(
                .unavailable,
                "Reading \(name) failed: the program brought \(part.length) bytes of it, and \(wanted) were asked for.",
                retry: .later
            )
        }
        return OpenObject(part.bytes(0..<wanted), length: length, version: nil)
    }

    // MARK: Lists

    func list(_ prefix: String) -> any ObjectStream {
        switch means {
        case .rclone(let rclone): rclone.list(prefix)
        case .nothing, .extended:
            Pulled {
                let after = Locked<String?>("")
                return { () async throws(StorageError) in
                    try StorageError.checkCancellation()
                    guard let last = after.read({ $0 }) else { return nil }
                    let (keys, hasMore) = try await talk.page(of: ExternalKey.beginning(of: prefix), after: last)
                    after.change { $0 = hasMore ? keys.last?.key : nil }
                    return keys.compactMap { key in
                        ExternalKey.name(of: key.key).map { ObjectInfo(name: $0, length: key.length) }
                    }
                }
            }
        }
    }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage { mayWalk ? try await usageByListing() : Usage() }

    func close() async {
        wholes.forgetAll()
        await talk.client.close()
        await BlockingThreads.shared.run { [spool = talk.spool] in spool.close() }
    }
}
