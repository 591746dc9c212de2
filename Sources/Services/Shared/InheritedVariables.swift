/// The variables that every program gets which a backend starts: where things are, in which language and zone, and how
/// the network is reached.
///
/// What is set for the kit and its backends is none of them.
enum InheritedVariables {
    /// Whether a program gets a variable.
    static func contains(_ name: String) -> Bool {
        usual.contains(name.lowercased()) || name.hasPrefix("LC_") || name.hasPrefix("XDG_")
    }

    private static let usual: Set<String> = [
        "path", "home", "user", "logname", "lang", "language", "tz", "http_proxy", "https_proxy", "all_proxy",
        "no_proxy", "ssl_cert_file", "ssl_cert_dir",
    ]
}
