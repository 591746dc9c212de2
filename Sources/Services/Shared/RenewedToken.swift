internal import JSONReading
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
        try await onDisk { () throws(FileError) in try makeDirectory(folder, permissions: 0o700) }
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
        try await onDisk { () throws(FileError) in try replaceFile(path, with: Array(json.compact.utf8)) }
        return fresh
    }

    private var path: String { "\(folder)/\(name).json" }

    /// What is kept; nil where nothing is, or something that is no token.
    private func kept() async throws(StorageError) -> RenewedToken? {
        let bytes: [UInt8]? = try await onDisk { () throws(FileError) in
            do throws(FileError) {
                return try readFile(path, limit: Self.longest)
            } catch {
                guard error.code == .notFound else { throw error }
                return nil
            }
        }
        guard let bytes, let json = try? JSON(reading: bytes), let access = json["access"]?.string,
            case .integer(let end)? = json["valid_until"]
        else { return nil }
        let token = RenewedToken(access: access, renewal: json["renewal"]?.string, validUntil: end)
        learn(token)
        return token
    }

    private func learn(_ token: RenewedToken) {
        for secret in [token.access, token.renewal].compactMap(\.self) { Redactor.shared.learn(secret) }
    }

    private func onDisk<Value: Sendable>(
        _ body: @escaping @Sendable () throws(FileError) -> Value
    ) async throws(StorageError) -> Value {
        do throws(FileError) {
            return try await BlockingThreads.shared.run(body)
        } catch {
            throw StorageError(.unavailable, "The token of the backend cannot be kept: \(error)", cause: error)
        }
    }
}
