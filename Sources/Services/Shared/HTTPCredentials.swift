internal import Schema
internal import Storage

/// How a server is told who asks.
enum HTTPCredentials: Sendable {
    case none
    case token(String)
    /// A password is shown, or proven where the server asks for that, or both.
    case password(user: String, password: String, isShown: Bool, mayProve: Bool)

    /// Takes a token, or a user and his password, or neither; throws `badSettings` where it can be none of these.
    init(
        user: String,
        password: String,
        token: String,
        isShown: Bool,
        mayProve: Bool
    ) throws(StorageError) {
        if !token.isEmpty {
            guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw StorageError(.badSettings, "credentials.bearer_token has characters that no token has.")
            }
            self = .token(token)
            return
        }
        guard !user.isEmpty || !password.isEmpty else {
            self = .none
            return
        }
        guard !user.isEmpty, !user.contains(":"), (user + password).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw StorageError(
                .badSettings,
                "credentials.user must be a name without a colon, and neither it nor the password may have control "
                    + "characters."
            )
        }
        self = .password(user: user, password: password, isShown: isShown, mayProve: mayProve)
    }

    /// The user, where there is one.
    var user: String {
        guard case .password(let user, _, _, _) = self else { return "" }
        return user
    }

    /// The value of `Authorization` before the server asked for anything; nil where nothing is shown.
    var shown: String? {
        switch self {
        case .none: nil
        case .token(let token): "Bearer \(token)"
        case .password(let user, let password, let isShown, _): isShown ? Self.basic(user, password) : nil
        }
    }

    /// What to do where a server does not take them.
    var hint: String {
        switch self {
        case .none: "set credentials.user and credentials.password, or credentials.bearer_token"
        case .token: "check credentials.bearer_token"
        case .password(_, _, true, _):
            "check credentials.user and credentials.password; many clouds want a password for applications"
        case .password:
            "check credentials.user and credentials.password, which is only proven by digests; or use https"
        }
    }

    /// Has all that is secret hidden wherever it comes back.
    func teachRedactor() {
        switch self {
        case .none: break
        case .token(let token): Redactor.shared.learn(token)
        case .password(let user, let password, _, _):
            guard !password.isEmpty else { return }
            Redactor.shared.learn(password)
            Redactor.shared.learn(String(Self.basic(user, password).dropFirst("Basic ".count)))
        }
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Basic \(HTTPText.base64(Array("\(user):\(password)".utf8)))"
    }
}
