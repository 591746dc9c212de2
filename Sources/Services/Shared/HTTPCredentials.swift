internal import Schema

/// How a server is told who asks.
enum HTTPCredentials: Sendable {
    case none
    case token(String)
    /// A password is shown, or proven where the server asks for that, or both.
    case password(user: String, password: String, isShown: Bool, mayProve: Bool)

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
