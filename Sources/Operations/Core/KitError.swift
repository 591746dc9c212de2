package import BlockStore
package import Catalog
package import IPLD
package import Multiformats
package import POSIX
package import Replication
package import Schema
package import Storage

/// A failed operation: what happened, to what, and the command that helps.
package struct KitError: Error, Answer, CustomStringConvertible {
    package let code: ExitCode
    /// A whole sentence without secrets.
    package private(set) var message: String
    /// What to do next.
    package private(set) var hint: Hint?
    package private(set) var backend: String?
    package private(set) var cid: String?
    /// Whether another try may help, and when.
    package let retry: StorageError.Retry
    /// What tells it from others of the same code, where a program has to.
    package private(set) var reason: Reason?

    /// Words for what may be done about errors of one code in different ways.
    package enum Reason: String, CaseIterable, Sendable {
        case planExpired = "plan_expired"
        case planBegun = "plan_begun"
        case planChanged = "plan_changed"
        case eventGone = "event_gone"
    }

    package init(
        _ code: ExitCode,
        _ message: String,
        hint: Hint? = nil,
        backend: String? = nil,
        cid: CID? = nil,
        retry: StorageError.Retry? = nil
    ) {
        self.code = code
        self.retry = retry ?? ([.temporary, .locked, .interrupted].contains(code) ? .later : .never)
        self.message = message
        self.hint = hint
        self.backend = backend
        self.cid = cid?.description
    }

    package var description: String { message }

    /// The message with the name of a backend before it, which those of services have already.
    func told(of backend: String) -> String { message.hasPrefix(backend + ": ") ? message : "\(backend): \(message)" }

    /// The same, of a backend where it says of none.
    func on(_ backend: String) -> KitError {
        guard self.backend == nil else { return self }
        var error = self
        error.backend = backend
        return error
    }

    /// The same with another hint.
    func helped(by hint: Hint?) -> KitError {
        var error = self
        error.hint = hint
        return error
    }

    /// The same with another sentence.
    func saying(_ message: String) -> KitError {
        var error = self
        error.message = message
        return error
    }

    /// The same, with a word for programs.
    func because(_ reason: Reason) -> KitError {
        var error = self
        error.reason = reason
        return error
    }

    /// The same, of a CID where it says of none.
    func about(_ root: CID) -> KitError {
        guard cid == nil else { return self }
        var error = self
        error.cid = root.description
        return error
    }

    /// What to say where there is no home.
    static func noHome(_ home: KitHome) -> KitError {
        KitError(.other, "There is no kit home at \(home.path).", hint: Hint(Initialise.self))
    }

    /// The error as a whole answer.
    package var answer: JSON { ["error": json] }

    private var wait: Duration? { if case .after(let wait) = retry { wait } else { nil } }

    package static var sharedName: String? { "error" }
    package static let outputFields: [OutputField<Self>] = [
        OutputField("code", "The number with which the command ends.") { $0.code.rawValue },
        OutputField("kind", "A word for the code.", as: .choice(ExitCode.allCases.map { "\($0)" })) { "\($0.code)" },
        OutputField(
            "reason",
            "What tells it from others of its code; null for most.",
            as: .choice(Reason.allCases.map(\.rawValue))
        ) { $0.reason?.rawValue },
        OutputField("message", "What happened, as a sentence.") { $0.message },
        OutputField("hint", "What helps; null where nothing is known to.") { $0.hint },
        OutputField("backend", "The backend that it is about.", as: .backend) { $0.backend },
        OutputField("cid", "The CID that it is about.", as: .cid) { $0.cid },
        OutputField("may_retry", "Whether the same may succeed at another time.") { $0.retry != .never },
        OutputField("retry_after", "How long to wait before; null where nobody said.", in: .seconds) {
            $0.wait.map { $0.components.seconds + ($0.components.attoseconds > 0 ? 1 : 0) }
        },
    ]
}

extension KitError {
    /// What a failure of a backend means for an operation.
    package init(_ error: StorageError) {
        let name = error.backend
        let all = Hint(BackendList.self)
        let test = name.map { Hint(BackendTest.self, ["name": $0]) } ?? all
        let show = name.map { Hint(BackendShow.self, ["name": $0]) } ?? all
        let update = name.map { Hint(BackendUpdate.self, ["name": $0]) } ?? all
        let verify = name.map { Hint(Verify.self, ["names": $0]) } ?? Hint(Verify.self)
        let (code, hint): (ExitCode, Hint?) =
            switch error.code {
            // Whoever says that he has something, or took it, and does not give it is told from one who cannot.
            case _ where error.isBrokenPromise: (.verification, verify)
            case .notFound: (.notFound, test)
            case .permissionDenied, .badCredentials: (.authorisation, show)
            // Where no other try helps, such as for a missing bucket, its settings have to be others, or the place.
            case .unavailable where (error.cause as? FileError)?.code == .full: (.limit, show)
            case .unavailable where error.retry == .never: (.temporary, show)
            case .rateLimited, .unavailable: (.temporary, error.retry.isFarAway ? nil : test)
            case .quotaExceeded, .tooLarge: (.limit, update)
            case .badSettings: (.usage, show)
            case .corrupt: (.verification, verify)
            case .cancelled: (.interrupted, nil)
            case .unsupported: (.refused, Hint(BackendTypes.self))
            case .changed, .late: (.temporary, verify)
            case .superseded: (.locked, Hint(Status.self))
            case .exists, .unexpected: (.other, test)
            }
        var retry: StorageError.Retry?
        if case .after = error.retry { retry = error.retry }
        self.init(code, error.description, hint: hint, backend: error.backend, retry: retry)
        if let store = error.cause as? StoreError { self = KitError(store) }
        if let source = error.cause as? ReplicationError { self = KitError(source) }
    }

    /// What a failure of a source of content means for an operation; of one that is no backend no command tells more.
    private init(ofSource error: StorageError) {
        let plain = (error.cause as? KitError) ?? KitError(error)
        let isBackend = (error.backend ?? plain.backend).map(BackendFile.isName) ?? false
        self.init(
            plain.code,
            plain.message.asSentence,
            hint: isBackend ? plain.hint : nil,
            backend: isBackend ? plain.backend : nil,
            retry: plain.retry
        )
    }

    /// What a failure of the block store means for an operation.
    package init(_ error: StoreError) {
        let (code, hint): (ExitCode, Hint?) =
            switch error.code {
            case .notFound: (.notFound, Hint(Restore.self, ["cids": error.cid]))
            case .corrupt, .changed: (.verification, error.cid == nil ? nil : Hint(Restore.self, ["cids": error.cid]))
            case .damagedIndex: (.verification, Hint(StoreRebuildIndex.self))
            case .damagedPack: (.verification, Hint(StoreVerify.self))
            case .incomplete: (.refused, Hint(Restore.self))
            case .packsAway: (.refused, nil)
            case .full: (.limit, nil)
            case .permissionDenied: (.authorisation, nil)
            case .busy: (.locked, nil)
            case .inputOutput: (.temporary, nil)
            case .cancelled: (.interrupted, nil)
            case .problem(let code): (ExitCode(code), nil)
            case .unexpected: (.other, nil)
            }
        self.init(code, error.message, hint: hint, cid: error.cid, retry: error.code == .full ? .later : nil)
    }

    /// What a failure of the catalog means for an operation.
    package init(_ error: CatalogError) {
        let code: ExitCode =
            switch error.code {
            case .busy: .locked
            case .full, .tooLarge: .limit
            case .permissionDenied: .authorisation
            case .corrupt, .obstructed: .verification
            case .fenced: .locked
            case .inputOutput: .temporary
            case .missing, .tooNew, .unexpected: .other
            }
        let isCorrupt = error.code == .corrupt
        let help =
            isCorrupt
            ? " Put a copy of the catalog back, such as `ipfs-kit catalog backup` makes; or make a new one, which keeps the old "
                + "one beside it, and take over what a backend knows with `ipfs-kit recover --from NAME`." : ""
        self.init(
            code,
            error.message + help,
            hint: isCorrupt ? Hint(Initialise.self, ["new_catalog": "true"], givesUp: true) : nil,
            retry: error.code == .full ? .later : nil
        )
    }

    /// What a failure of the engine means for an operation.
    package init(_ error: ReplicationError) {
        switch error {
        case .store(let error): self.init(error)
        case .catalog(let error): self.init(error)
        case .storage(let error): self.init(error)
        case .source(let error): self.init(ofSource: error)
        case .leased(let backend, _):
            self.init(.locked, error.description, hint: Hint(Status.self), backend: backend)
        case .file(let message): self.init(.other, message)
        case .other(let error): self.init(any: error)
        case .badSnapshot(let message): self.init(.verification, message)
        case .suspicious(let message): self.init(.refused, message)
        case .strangePlace(let backend, let message):
            // The disk may be mounted by then. Where it leads is the first thing to look at.
            let hint = Hint(BackendShow.self, ["name": backend])
            self.init(.refused, message, hint: hint, backend: backend, retry: .later)
        case .shared(let backend, _, _, _):
            self.init(.refused, error.description, hint: Hint(BackendPeers.self, ["name": backend]), backend: backend)
        case .removing(let backend, _):
            self.init(.locked, error.description, hint: Hint(BackendPeers.self, ["name": backend]), backend: backend)
        case .awaited(let backend, _, let first):
            self.init(
                .temporary,
                error.description,
                hint: Hint(Sync.self, ["names": backend]),
                backend: backend,
                cid: first
            )
        case .beyondBudget(let root, _, _): self.init(.limit, error.description, cid: root)
        case .ended(let backend, _, let bound):
            self.init(
                .limit,
                error.description,
                hint: Hint(Sync.self, ["names": backend, bound.input: bound.value]),
                backend: backend,
                retry: .later
            )
        case .outdated(let backend, _, let home, let problem):
            // Which of two homes is right, the owner knows.
            let hint =
                home == nil || problem != nil
                ? Hint(Recover.self, ["from": backend]) : Hint(BackendPeers.self, ["name": backend])
            self.init(.refused, error.description, hint: hint, backend: backend)
        }
    }

    /// What a failed file call means for an operation.
    package init(_ error: FileError) {
        let code: ExitCode =
            switch error.code {
            case .notFound, .notADirectory: .notFound
            case .exists: .refused
            case .isADirectory: .usage
            case .permissionDenied, .readOnly: .authorisation
            case .full, .nameTooLong: .limit
            case .unavailable, .interrupted, .tooManyOpen: .temporary
            default: .other
            }
        self.init(code, error.description, retry: error.code == .full ? .later : nil)
    }

    /// What malformed bytes mean for an operation.
    package init(_ problem: DecodingProblem) {
        self.init(ExitCode(problem.code), problem.description, cid: problem.cid)
    }

    /// What a malformed CID, or other text of that kind, means for an operation.
    package init(_ problem: FormatProblem, in text: String) {
        let isLong = text.utf8.count > Self.longestEcho
        let shown = isLong ? "\(text.prefix(Self.longestEcho))…” (\(text.utf8.count) bytes)" : "\(text)”"
        self.init(.usage, "“\(shown) is not a CID: \(isLong ? "it is too long." : problem.message)")
    }

    /// So much of what was given is said back.
    private static let longestEcho = 200

    /// What a wrong name or value means for an operation.
    package init(_ error: SchemaError) {
        self.init(.usage, error.message)
    }

    /// Puts a failure of any floor below into an error of this one.
    package init(any error: any Error) {
        switch error {
        case let error as KitError: self = error
        case let error as ReplicationError: self.init(error)
        case let error as StorageError: self.init(error)
        case let error as StoreError: self.init(error)
        case let error as CatalogError: self.init(error)
        case let error as FileError: self.init(error)
        case let error as DecodingProblem: self.init(error)
        case let error as FormatProblem: self.init(.usage, error.message)
        case let error as SchemaError: self.init(error)
        case is CancellationError: self.init(.interrupted, "The work was stopped.")
        default: self.init(.other, "\(error)")
        }
    }
}

extension ExitCode {
    /// What a problem with bytes means for every operation that meets it.
    package init(_ code: DecodingProblem.Code) {
        self =
            switch code {
            case .unsupported, .wrongKind, .notAllowed: .refused
            case .tooLarge, .tooDeep: .limit
            case .missing: .notFound
            default: .verification
            }
    }
}

/// Runs `body` and puts whatever it throws into an error of this floor.
package func kitErrors<Value>(_ body: () async throws -> Value) async throws(KitError) -> Value {
    do {
        return try await body()
    } catch {
        throw KitError(any: error)
    }
}
