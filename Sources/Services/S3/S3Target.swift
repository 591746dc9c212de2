internal import Storage

/// Where the requests of a backend go: the endpoint, the bucket, and how the two make a URL.
struct S3Target: Sendable {
    let vendor: S3Vendor
    let endpoint: HTTPAddress
    let bucket: String
    /// What stands before all names: empty, or with a slash at its end.
    let prefix: String
    /// The region to begin with.
    let region: String
    /// Whether the signature covers the bytes of uploads.
    let signsPayload: Bool
    /// Whether the SHA-256 of a body is sent along with it.
    var needsSHA256: Bool { signsPayload || vendor.hasChecksums }
    private let isVirtual: Bool
    /// Whether the endpoint is another one in another region.
    private let isRegional: Bool

    /// Puts together settings, variables and profile; throws `badSettings`.
    init(
        _ settings: S3Settings,
        type: String,
        profile: [String: String],
        environment: (String) -> String?
    ) throws(StorageError) {
        let named = S3Vendor.named(type) ?? .generic
        var text = settings.endpoint
        if text.isEmpty, named.isAmazon {
            text =
                environment("AWS_ENDPOINT_URL_S3") ?? environment("AWS_ENDPOINT_URL") ?? profile["endpoint_url"] ?? ""
        }
        if text.isEmpty, named.isAmazon, let services = profile["services"] {
            throw StorageError(
                .badSettings,
                "The profile names its endpoints in the section “services \(services)”, which is not read; set "
                    + "connection.endpoint."
            )
        }
        let given = try text.isEmpty ? nil : Self.address(text, useSSL: settings.useSSL)
        // A plain “s3” at somebody's endpoint is that vendor's, or nobody's in particular.
        vendor = given.map { given in S3Vendor.at(given.name) ?? (named.isAmazon ? .generic : named) } ?? named
        region = try Self.region(settings, given, vendor, profile, environment)
        guard let host = vendor.host(in: region) ?? given?.host, let made = HTTPAddress("https://\(host)") else {
            throw StorageError(.badSettings, "The type “\(type)” needs connection.endpoint, the URL of the service.")
        }
        endpoint = given ?? made
        isRegional = endpoint == made && vendor.host?.contains("REGION") == true
        bucket = try Self.checked(bucket: settings.bucket)
        prefix = try Self.checked(prefix: settings.prefix)
        signsPayload =
            switch settings.payloadSigning {
            case .auto: endpoint.scheme == "http"
            case .signed: true
            case .unsigned: false
            }
        isVirtual =
            switch settings.addressing {
            case .auto: vendor.isVirtual && BucketName.mayBeHost(bucket) && endpoint.path.isEmpty
            case .path: false
            case .virtual: true
            }
    }

    /// Throws where an endpoint, a bucket, a prefix or a region can be none.
    static func check(_ settings: S3Settings) throws(StorageError) {
        if !settings.endpoint.isEmpty { _ = try address(settings.endpoint, useSSL: settings.useSSL) }
        if !settings.region.isEmpty { try check(region: settings.region) }
        _ = try checked(bucket: settings.bucket)
        _ = try checked(prefix: settings.prefix)
    }

    private static func check(region: String) throws(StorageError) {
        guard S3Vendor.isRegion(region) else {
            throw StorageError(.badSettings, "connection.region is no name of a region, such as eu-central-1.")
        }
    }

    /// The address of the bucket, or of one object in it.
    func address(key: String?, region: String) -> HTTPAddress {
        var address = endpoint
        if isRegional, let host = vendor.host(in: region) { address.host = host }
        if isVirtual {
            address.host = "\(bucket).\(address.host)"
        } else {
            address.path += "/\(HTTPText.escaped(bucket))"
        }
        if let key {
            address.path += "/\(HTTPText.escaped(key, keepingSlashes: true))"
        } else if isVirtual {
            address.path += "/"
        }
        return address
    }

    private static func region(
        _ settings: S3Settings,
        _ given: HTTPAddress?,
        _ vendor: S3Vendor,
        _ profile: [String: String],
        _ environment: (String) -> String?
    ) throws(StorageError) -> String {
        var found = settings.region.isEmpty ? given.flatMap { vendor.region(inHost: $0.name) } : settings.region
        if vendor.isAmazon {
            found = found ?? environment("AWS_REGION") ?? environment("AWS_DEFAULT_REGION") ?? profile["region"]
        }
        guard let region = found ?? vendor.region else {
            throw StorageError(.badSettings, "The type “\(vendor.words[0])” needs connection.region.")
        }
        try check(region: region)
        return region
    }

    private static func address(_ text: String, useSSL: Bool) throws(StorageError) -> HTTPAddress {
        if let address = HTTPAddress(base: text, scheme: useSSL ? "https" : "http") { return address }
        // It may hold a password, so it is not repeated.
        throw StorageError(
            .badSettings,
            "connection.endpoint is no URL such as https://s3.example.org without user and query."
        )
    }

    private static func checked(bucket: String) throws(StorageError) -> String {
        guard BucketName.isOne(bucket) else {
            throw StorageError(.badSettings, "connection.bucket is no name of a bucket.")
        }
        return bucket
    }

    private static func checked(prefix: String) throws(StorageError) -> String {
        guard let folders = HTTPText.folders(prefix, without: "\\") else {
            throw StorageError(.badSettings, "connection.prefix cannot stand before names.")
        }
        return folders.map { "\($0)/" }.joined()
    }
}
