internal import POSIX
internal import Schema
internal import Storage

/// A token that a service gives for a while, with what gets the next one: that may be of use only once, so both are
/// kept in the home, and never in the settings.
struct RenewedToken: Sendable, Equatable, CustomStringConvertible {
    /// What requests are made with.
    let access: String
    /// What gets the next one; nil where there is nothing but to log in again.
    let renewal: String?
    /// Until when it may be used, in milliseconds since 1970.
    let validUntil: Int64

    var description: String { "a token" }
}

/// The token of a backend, which is renewed by one process at a time: of two that did so at once, one would be left
/// with what the service calls used.
struct TokenKeeper: Sendable {
    /// The folder of the backend in the home, which is made when something is first kept.
    let folder: String
    /// What the token is for, as the name of a file.
    let name: String
    let now: @Sendable () -> Int64

    /// A token is renewed so long before it ends, in milliseconds: a request takes time.
    private static let early: Int64 = 60_000
    /// The longest file that is read, in bytes.
    private static let longest = 1 << 20

    /// The token that is kept, while it is good; else `renew` is asked for one, with what was kept before, and what it
    /// gives is on the disk before it is used.
    ///
    /// `refused` is a token that the service does not take any more, whatever was said of it. Throws what `renew`
    /// throws: what was kept stays then.
    func token(
        besides refused: String? = nil,
        renew: (RenewedToken?) async throws(StorageError) -> RenewedToken
    ) async throws(StorageError) -> RenewedToken {
        func isGood(_ token: RenewedToken?) -> Bool {
            token.map { $0.access != refused && $0.validUntil - Self.early > now() } ?? false
        }
        if let kept = try await kept(), isGood(kept) { return kept }
        try await file.makeFolder()
        let lock: File
        do throws(FileError) {
            lock = try await File.locked("\(folder)/.\(name).lock")
        } catch {
            guard error.code != .interrupted else { throw .cancelled }
            // Whoever renews it is at work still, or hangs.
            throw StorageError(.unavailable, "The token cannot be renewed now: \(error)", retry: .later, cause: error)
        }
        defer { withExtendedLifetime(lock) {} }
        // Somebody else may have renewed it meanwhile.
        let kept = try await kept()
        if let kept, isGood(kept) { return kept }
        let fresh = try await renew(kept)
        learn(fresh)
        let json: JSON = [
            "access": .string(fresh.access), "renewal": fresh.renewal.map { .string($0) } ?? .null,
            "valid_until": .integer(fresh.validUntil),
        ]
        try await file.write(json)
        return fresh
    }

    private var file: StateFile { StateFile(folder: folder, name: "\(name).json", longest: Self.longest) }

    /// What is kept; nil where nothing is, or something that is no token.
    private func kept() async throws(StorageError) -> RenewedToken? {
        guard let json = try await file.read(), let access = json["access"]?.string,
            case .integer(let end)? = json["valid_until"]
        else { return nil }
        let token = RenewedToken(access: access, renewal: json["renewal"]?.string, validUntil: end)
        learn(token)
        return token
    }

    private func learn(_ token: RenewedToken) {
        for secret in [token.access, token.renewal].compactMap(\.self) { Redactor.shared.learn(secret) }
    }
}

/// A token that is got by logging in: kept in the folder of the backend where there is one, and else as long as the
/// backend is open.
struct LoginToken: Sendable {
    /// How long a token of which nobody says that counts as good, in milliseconds: refused before, it is got anew.
    static let usual: Int64 = 86_400_000

    private let keeper: TokenKeeper?
    private let held = Locked<RenewedToken?>(nil)

    init(folder: String?, now: @escaping @Sendable () -> Int64) {
        keeper = folder.map { TokenKeeper(folder: $0, name: "token", now: now) }
    }

    /// The token, which `logIn` gets where there is none that is good; `refused` is one that is not taken any more.
    func token(
        besides refused: String?,
        logIn: () async throws(StorageError) -> RenewedToken
    ) async throws(StorageError) -> String {
        if let keeper {
            return try await keeper.token(besides: refused) { _ throws(StorageError) in try await logIn() }.access
        }
        if let held = held.read({ $0 }), held.access != refused { return held.access }
        let fresh = try await logIn()
        held.change { $0 = fresh }
        return fresh.access
    }
}
