internal import POSIX
internal import Schema
internal import Storage

/// Where a node's RPC API is, what it asks for, and where in its files there is room for us.
struct KuboTarget: Sendable {
    /// The address up to and with `/api/v0`.
    let api: HTTPAddress
    /// The value of `Authorization`; nil where none is sent.
    let authorization: String?
    /// The folder of the node's files: an absolute path without a slash at its end.
    let folder: String

    /// Puts together settings, variables and the file that a running node leaves; throws `badSettings`.
    init(
        _ settings: KuboSettings,
        environment: @escaping @Sendable (String) -> String?
    ) async throws(StorageError) {
        try Self.check(settings)
        let text =
            if !settings.apiURL.isEmpty {
                settings.apiURL
            } else if let variable = environment("IPFS_API_URL"), !variable.isEmpty {
                variable
            } else {
                try await Self.leftByNode(environment)
            }
        guard let api = Self.address(text) else { throw Self.noAddress }
        self.api = api
        authorization = try Self.authorization(settings.apiAuth)
        folder = try Self.checked(folder: settings.folder)
    }

    /// Throws where an address, a secret or a folder can be none.
    static func check(_ settings: KuboSettings) throws(StorageError) {
        guard settings.apiURL.isEmpty || address(settings.apiURL) != nil else { throw noAddress }
        _ = try authorization(settings.apiAuth)
        _ = try checked(folder: settings.folder)
        guard (1...86_400).contains(settings.pinTimeout) else {
            throw StorageError(.badSettings, "connection.pin_timeout must lie between 1 and 86400 seconds.")
        }
    }

    // It may hold a password, so it is not repeated.
    private static let noAddress = StorageError(
        .badSettings,
        "connection.api_url, or what stands for it, is neither a URL such as http://127.0.0.1:5001 nor a multiaddr such "
            + "as /ip4/127.0.0.1/tcp/5001."
    )

    /// What a running node wrote into its repository.
    private static func leftByNode(
        _ environment: @escaping @Sendable (String) -> String?
    ) async throws(StorageError) -> String {
        let repository = environment("IPFS_PATH").flatMap { $0.isEmpty ? nil : $0 } ?? "~/.ipfs"
        let file = UserFile("\(repository)/api", environment: environment)
        do throws(FileError) {
            return try await file.text(limit: 4096).filter { !$0.isWhitespace }
        } catch {
            throw StorageError(
                .badSettings,
                "Nothing says where the node is: connection.api_url and IPFS_API_URL are not set, and there is no file "
                    + "\(file.path), which a running node leaves.",
                cause: error
            )
        }
    }

    /// Reads a URL, a host and port, or a multiaddr; nil for anything else.
    static func address(_ text: String) -> HTTPAddress? {
        HTTPAddress(urlOrMultiaddr: text)?.below("/api/v0")
    }

    private static func authorization(_ text: String) throws(StorageError) -> String? {
        guard !text.isEmpty else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let secret = parts.count == 2 ? String(parts[1]) : ""
        // Services repeat what they were sent, without the word before it.
        Redactor.shared.learn(secret)
        let isPlain = secret.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        switch parts[0] {
        case "bearer" where !secret.isEmpty && isPlain: return "Bearer \(secret)"
        case "basic" where secret.contains(":"):
            if let password = secret.split(separator: ":", maxSplits: 1).last {
                Redactor.shared.learn(String(password))
            }
            return "Basic \(HTTPText.base64(Array(secret.utf8)))"
        default:
            throw StorageError(
                .badSettings,
                "credentials.api_auth must be bearer:TOKEN or basic:USER:PASSWORD, as in API.Authorizations of the node."
            )
        }
    }

    private static func checked(folder: String) throws(StorageError) -> String {
        guard folder.hasPrefix("/"), let parts = HTTPText.folders(folder), !parts.isEmpty else {
            throw StorageError(.badSettings, "connection.folder is no folder of a node's files, such as /ipfs-kit.")
        }
        return "/" + parts.joined(separator: "/")
    }
}
