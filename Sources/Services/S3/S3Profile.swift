internal import POSIX
internal import Storage

/// One profile in the shared credentials and config files of Amazon's tools.
struct S3Profile: Sendable {
    let name: String
    /// The values by key, in lower case; those of the credentials file come first.
    let values: [String: String]
    /// The files that were looked at.
    let files: [String]

    private static let largestFile = 1 << 20

    /// Reads the files; one that is not there counts as empty.
    static func load(
        named name: String,
        environment: @escaping @Sendable (String) -> String?
    ) async throws(StorageError) -> S3Profile {
        let name = name.isEmpty ? environment("AWS_PROFILE") ?? "default" : name
        let home = environment("HOME") ?? ""
        func path(_ variable: String, _ usual: String) -> String {
            let path = environment(variable) ?? usual
            return path.hasPrefix("~/") ? home + path.dropFirst() : path
        }
        let files = [
            path("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), path("AWS_CONFIG_FILE", "~/.aws/config"),
        ]
        let credentials = try await read(files[0])[name] ?? [:]
        let config = try await read(files[1])
        let other = config["profile \(name)"] ?? (name == "default" ? config[name] : nil) ?? [:]
        return S3Profile(name: name, values: credentials.merging(other) { first, _ in first }, files: files)
    }

    /// Why the profile gives no credentials.
    var problem: StorageError {
        let features = [
            ("credential_process", "a credential process"), ("sso_session", "single sign-on"),
            ("sso_start_url", "single sign-on"), ("role_arn", "assuming a role"),
            ("web_identity_token_file", "web identities"),
        ]
        if let feature = features.first(where: { values[$0.0] != nil }) {
            return StorageError(
                .badCredentials,
                "The profile “\(name)” gets its credentials by \(feature.1) (\(feature.0)), which is not supported; "
                    + "set credentials.access_key_id and credentials.secret_access_key."
            )
        }
        return StorageError(
            .badCredentials,
            "No credentials were found: neither credentials.access_key_id and credentials.secret_access_key, nor the "
                + "variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor the profile “\(name)” in "
                + "\(files.joined(separator: " or "))."
        )
    }

    private static func read(_ path: String) async throws(StorageError) -> [String: [String: String]] {
        do throws(FileError) {
            let bytes = try await BlockingThreads.shared.run { () throws(FileError) in
                try readFile(path, limit: largestFile)
            }
            return sections(String(decoding: bytes, as: UTF8.self))
        } catch  where error.code == .notFound || error.code == .notADirectory {
            return [:]
        } catch {
            throw StorageError(.badCredentials, "The credentials in \(path) cannot be read.", cause: error)
        }
    }

    /// The sections of an INI file and their values; indented lines belong to a value that is not for us.
    static func sections(_ text: String) -> [String: [String: String]] {
        var sections: [String: [String: String]] = [:]
        var section: String?
        for line in text.split(whereSeparator: \.isNewline) {
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            let words = line.split(omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)
            if first == "[" {
                let title = words.joined(separator: " ").dropFirst().prefix { $0 != "]" }
                section = title.filter { $0 != "\"" && $0 != "'" }.split(separator: " ").joined(separator: " ")
            } else if let section, let equals = line.firstIndex(of: "=") {
                let key = line[..<equals].split(whereSeparator: \.isWhitespace).joined().lowercased()
                let value = line[line.index(after: equals)...].split(whereSeparator: \.isWhitespace)
                    .prefix { !$0.hasPrefix("#") && !$0.hasPrefix(";") }
                sections[section, default: [:]][key] = value.joined(separator: " ")
            }
        }
        return sections
    }
}
