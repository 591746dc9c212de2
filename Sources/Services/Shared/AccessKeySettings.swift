package import Schema
internal import Storage

/// The access keys of services that take signatures of Amazon's kind, in the settings.
package struct AccessKeySettings: Described {
    package var accessKeyID = ""
    package var secretAccessKey = ""
    package var sessionToken = ""
    package var profile = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field(
            "access_key_id",
            \.accessKeyID,
            help: "The access key.",
            section: .credentials,
            aliases: ["access_key", "accessKey", "accessKeyId", "aws_access_key_id"]
        ),
        Field(
            "secret_access_key",
            \.secretAccessKey,
            help: "The secret that belongs to the access key.",
            secret: true,
            section: .credentials,
            aliases: ["secret_key", "secretKey", "secretAccessKey", "aws_secret_access_key"]
        ),
        Field(
            "session_token",
            \.sessionToken,
            help: "The token that belongs to temporary keys.",
            secret: true,
            section: .credentials,
            aliases: ["sessionToken", "aws_session_token"]
        ),
        Field(
            "profile",
            \.profile,
            help: "The profile in the shared credentials and config files of Amazon's tools.",
            as: .path,
            section: .credentials,
            aliases: ["aws_profile", "profile_name"]
        ),
    ]
}

extension AccessKeys {
    /// Looks in the settings, the variables and the profile; throws `badCredentials` where nothing is found.
    ///
    /// A profile that the settings name comes before the variables.
    init(_ settings: AccessKeySettings, profile: AmazonProfile, environment: (String) -> String?) throws(StorageError) {
        let own = Self.pair(settings.accessKeyID, settings.secretAccessKey, settings.sessionToken)
        let variables = Self.pair(
            environment("AWS_ACCESS_KEY_ID"),
            environment("AWS_SECRET_ACCESS_KEY"),
            environment("AWS_SESSION_TOKEN")
        )
        let stored = Self.pair(
            profile.values["aws_access_key_id"],
            profile.values["aws_secret_access_key"],
            profile.values["aws_session_token"]
        )
        guard own != nil || (settings.accessKeyID.isEmpty && settings.secretAccessKey.isEmpty) else {
            let missing = settings.accessKeyID.isEmpty ? "access_key_id" : "secret_access_key"
            throw StorageError(.badCredentials, "credentials.\(missing) is missing beside its other half.")
        }
        guard let found = own ?? (settings.profile.isEmpty ? variables ?? stored : stored) else {
            throw profile.problem
        }
        self = found
    }

    private static func pair(_ id: String?, _ secret: String?, _ token: String?) -> AccessKeys? {
        guard let id, let secret, !id.isEmpty, !secret.isEmpty else { return nil }
        return AccessKeys(
            accessKeyID: id,
            secretAccessKey: secret,
            sessionToken: token.flatMap { $0.isEmpty ? nil : $0 }
        )
    }
}
