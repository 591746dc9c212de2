/// What a program asks the one who uses it, or has him keep.
package enum AnnexQuestion: Sendable, Hashable {
    case config(String)
    case setConfig(String, String)
    case credentials(String)
    case setCredentials(String, user: String, password: String)
    case state(key: String)
    case setState(key: String, String)
    case addresses(key: String, prefix: String)
    /// That an object can be had at an address, or not any more.
    case setAddress(key: String, String, isPresent: Bool)
    case directory(key: String, isLower: Bool)
    case identifier
    case folder
    case name
    case wanted
    case setWanted(String)

    /// The question that a line is; nil for one that is none.
    init?(_ line: String) {
        let (word, rest) = cut(line)
        let (first, second) = cut(rest)
        switch word {
        case "GETCONFIG": self = .config(rest)
        case "SETCONFIG": self = .setConfig(first, second)
        case "GETCREDS": self = .credentials(rest)
        case "SETCREDS": self = .setCredentials(first, user: cut(second).word, password: cut(second).rest)
        case "GETSTATE": self = .state(key: rest)
        case "SETSTATE": self = .setState(key: first, second)
        case "GETURLS": self = .addresses(key: first, prefix: second)
        case "SETURLPRESENT", "SETURIPRESENT": self = .setAddress(key: first, second, isPresent: true)
        case "SETURLMISSING", "SETURIMISSING": self = .setAddress(key: first, second, isPresent: false)
        case "DIRHASH": self = .directory(key: rest, isLower: false)
        case "DIRHASH-LOWER": self = .directory(key: rest, isLower: true)
        case "GETUUID": self = .identifier
        case "GETGITDIR": self = .folder
        case "GETGITREMOTENAME": self = .name
        case "GETWANTED": self = .wanted
        case "SETWANTED": self = .setWanted(rest)
        default: return nil
        }
    }
}

/// What is answered to a question of a program.
package enum AnnexValue: Sendable, Hashable {
    /// Nothing, for the protocol has no answer to it.
    case none
    case value(String)
    case values([String])
    case credentials(user: String, password: String)

    /// The lines of the answer; what has a line end in it can be no answer, and is left out.
    var lines: [String] {
        func plain(_ text: String) -> String { text.utf8.contains { $0 == 0x0A || $0 == 0x0D } ? "" : text }
        return switch self {
        case .none: []
        case .value(let text): ["VALUE \(plain(text))"]
        case .values(let texts): texts.map(plain).filter { !$0.isEmpty }.map { "VALUE \($0)" } + ["VALUE "]
        case .credentials(let user, let password): ["CREDS \(plain(user)) \(plain(password))"]
        }
    }
}

/// Who uses a program, and answers what it asks.
package protocol AnnexHost: Sendable {
    /// Whether the program was set up with the settings as they are.
    var isInitialised: Bool { get }
    /// Notes that it was.
    func noteInitialised()
    /// The answer to a question; called on a thread that may block.
    func answer(_ question: AnnexQuestion) -> AnnexValue
}
