internal import HTTPClient
internal import Schema
package import Storage

/// Buckets that speak the S3 protocol: Amazon's, its imitators' and one's own servers'.
package enum S3: ServiceDefinition {
    package static let type = "s3"
    package static let aliases = S3Vendor.all.flatMap(\.words).filter { $0 != type }
    package static let summary = "A bucket on Amazon S3 or on a service that speaks its protocol."
    package static let capabilities: Capabilities = [
        .write, .delete, .rangeReads, .listing, .usage, .digests, .urls, .metadata, .versions,
    ]
    package static let uncertain: Capabilities = .usage

    package static func capabilities(of settings: S3Settings) -> Capabilities {
        settings.appendOnly ? capabilities.subtracting(.delete) : capabilities
    }

    package static func check(_ settings: S3Settings) throws(StorageError) {
        try S3Target.check(settings)
        try settings.parts.check()
        guard (settings.objectLock == .off) == (settings.lockDays == 0), settings.lockDays <= 36_500 else {
            let message = "connection.object_lock and lock_days, from 1 to 36500, need each other."
            throw StorageError(.badSettings, message)
        }
    }

    /// The account is that of lasting keys; it need not be known, for nothing is sent.
    package static func place(
        _ settings: S3Settings,
        in context: ServiceContext
    ) async throws(StorageError) -> ServicePlace {
        let profile = try await AmazonProfile.load(named: settings.keys.profile, environment: context.environment)
        let target = try target(settings, profile, context)
        let keys = try? AccessKeys(settings.keys, profile: profile, environment: context.environment)
        return ServicePlace(
            [target.endpoint.host + target.endpoint.path, target.bucket, target.prefix],
            account: keys.flatMap { $0.sessionToken == nil ? $0.accessKeyID : nil } ?? ""
        )
    }

    private static func target(
        _ settings: S3Settings,
        _ profile: AmazonProfile,
        _ context: ServiceContext
    ) throws(StorageError) -> S3Target {
        try S3Target(settings, type: context.type, profile: profile.values, environment: context.environment)
    }

    /// Finds the endpoint and the credentials; throws `badSettings` or `badCredentials` and sends nothing.
    package static func open(
        _ settings: S3Settings,
        in context: ServiceContext
    ) async throws(StorageError) -> any StorageService {
        let profile = try await AmazonProfile.load(named: settings.keys.profile, environment: context.environment)
        let target = try target(settings, profile, context)
        let credentials = try AccessKeys(settings.keys, profile: profile, environment: context.environment)
        var options = try await settings.http.options(context.operational)
        // Some services put a whole listing on one page.
        options.maxReplyBytes = 64 << 20
        let connection = S3Connection(
            target: target,
            credentials: credentials,
            transport: HTTPTransport(HTTPClient(options, observer: context.policy.byteCounter)),
            policy: context.policy
        )
        return try S3Service(connection, settings)
    }
}
