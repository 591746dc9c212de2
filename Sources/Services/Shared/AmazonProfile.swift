internal import POSIX
internal import Storage

/// One profile in the shared credentials and config files of Amazon's tools.
struct AmazonProfile: Sendable {
    let name: String
    /// The values by key, in lower case; those of the credentials file come first.
    let values: [String: String]
    /// The files that were looked at.
    let files: [String]

    /// Reads the files; one that is not there counts as empty.
    static func load(
        named name: String,
        environment: @escaping @Sendable (String) -> String?
    ) async throws(StorageError) -> AmazonProfile {
        let name = name.isEmpty ? environment("AWS_PROFILE") ?? "default" : name
        func file(_ variable: String, _ usual: String) -> UserFile {
            UserFile(environment(variable) ?? usual, environment: environment)
        }
        let files = [
            file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), file("AWS_CONFIG_FILE", "~/.aws/config"),
        ]
        let credentials = try await read(files[0])[name] ?? [:]
        let config = try await read(files[1])
        let other = config["profile \(name)"] ?? (name == "default" ? config[name] : nil) ?? [:]
        let values = credentials.merging(other) { first, _ in first }
        return AmazonProfile(name: name, values: values, files: files.map(\.path))
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

    private static func read(_ file: UserFile) async throws(StorageError) -> [String: [String: String]] {
        do throws(FileError) {
            return INIFile(try await file.text(limit: 1 << 20)).sections
        } catch  where error.code == .notFound || error.code == .notADirectory {
            return [:]
        } catch {
            throw StorageError(.badCredentials, "The credentials in \(file.path) cannot be read.", cause: error)
        }
    }
}
