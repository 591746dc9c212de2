internal import Digests
internal import HTTPClient
internal import Schema
internal import Storage

/// Where a pinning service is, what it is shown, and how content comes to it and back.
struct PinningTarget: Sendable {
    let vendor: PinningVendor
    /// The address of the pinning API, up to and without `/pins`.
    let endpoint: HTTPAddress
    /// The gateway by which content is read back; nil where there is none.
    let gateway: HTTPAddress?
    /// Where CARs are uploaded; nil where the service fetches content by itself.
    let uploads: HTTPAddress?
    /// The multiaddrs that every request names.
    let origins: [String]
    /// What each request to the service shows, and what the gateway is shown.
    let credentials, gatewayCredentials: [HTTPField]
    /// Tells one account from another, and shows nothing of the token.
    let account: String

    /// So many multiaddrs may a request have.
    static let maxOrigins = 20

    /// Puts together settings and variables for the word that stands for the type; throws `badSettings` or
    /// `badCredentials`.
    init(_ settings: PinningSettings, type: String, environment: (String) -> String?) throws(StorageError) {
        try Self.check(settings)
        func variable(_ name: String) -> String { environment(name) ?? "" }
        let vendor = PinningVendor.named(type)
        let own = HTTPAddress(base: vendor.endpoint ?? variable("PINNING_SERVICE_ENDPOINT"), scheme: "https")
        guard let endpoint = settings.endpoint.isEmpty ? own : HTTPAddress(base: settings.endpoint, scheme: "https")
        else { throw Self.noEndpoint }
        // What the table and variables have is of that service, and shown to no other.
        let isOwn = own.map { $0.scheme == endpoint.scheme && $0.host == endpoint.host } ?? false
        (self.vendor, self.endpoint, origins) = (vendor, endpoint, settings.origins)
        let gateways = [settings.gatewayURL, variable(vendor.gatewayVariable), isOwn ? vendor.gateway : ""]
        gateway = try Self.gateway(gateways.first { !$0.isEmpty } ?? "")
        let takes = settings.uploads && (vendor.bytes == .files || vendor.bytes == .bucket && !settings.bucket.isEmpty)
        let servers = [settings.uploadURL, isOwn ? vendor.uploads : ""]
        uploads = takes ? HTTPAddress(base: servers.first { !$0.isEmpty } ?? "", scheme: "https") : nil
        guard uploads == nil || gateway != nil else {
            throw StorageError(
                .badSettings,
                "What is uploaded is read back: set connection.gateway_url, or let connection.upload be false."
            )
        }
        (credentials, account) = try Self.credentials(settings, vendor, isOwn ? variable : { _ in "" })
        let shown = settings.gatewayToken
        gatewayCredentials = shown.isEmpty ? [] : [vendor.gatewayField(shown)]
        for address in [endpoint, uploads, shown.isEmpty ? nil : gateway].compactMap({ $0 }) {
            try address.checkPrivate(by: settings.http)
        }
    }

    /// Throws where a setting can never be right, whatever variables there are.
    static func check(_ settings: PinningSettings) throws(StorageError) {
        for text in [settings.endpoint, settings.uploadURL] where !text.isEmpty {
            guard let address = HTTPAddress(base: text, scheme: "https") else { throw noEndpoint }
            try address.checkPrivate(by: settings.http)
        }
        _ = try gateway(settings.gatewayURL)
        try check(secrets: [settings.token, settings.apiKey, settings.apiSecret, settings.gatewayToken])
        var problem: String?
        if settings.origins.count > maxOrigins || !settings.origins.allSatisfy({ HTTPText.isMultiaddr($0) }) {
            problem = "connection.origins are at most 20 multiaddrs such as /dns4/node.example/tcp/4001/p2p/12D3Koo…"
        } else if !(5 << 20...1 << 30).contains(settings.partSize.bytes) || settings.threshold.bytes < 1 << 10 {
            problem = "connection.part_size lies between 5MiB and 1GiB, and connection.multipart_threshold above 1KiB"
        } else if !settings.group.isEmpty, !HTTPText.isWord(settings.group, besides: "-_", 1...128) {
            problem = "connection.group is no number of a group"
        } else if !settings.bucket.isEmpty, !BucketName.isOne(settings.bucket) {
            problem = "connection.bucket is no name of a bucket"
        }
        if let problem { throw StorageError(.badSettings, "\(problem).") }
    }

    // It may hold a secret, so it is not repeated.
    private static let noEndpoint = StorageError(
        .badSettings,
        "connection.endpoint, or connection.upload_url, is no URL such as https://pins.example/api without user and query."
    )

    /// The API of Pinata beside its pinning API.
    var api: HTTPAddress {
        var api = endpoint
        if api.path.hasSuffix("/psa") { api.path.removeLast(4) }
        return api
    }

    private static func gateway(_ text: String) throws(StorageError) -> HTTPAddress? {
        guard !text.isEmpty, text != "none" else { return nil }
        guard var address = HTTPAddress(base: text, scheme: "https") else {
            throw StorageError(.badSettings, "connection.gateway_url is neither a URL nor “none”.")
        }
        if address.path.hasSuffix("/ipfs") { address.path.removeLast(5) }
        return address
    }

    private static func check(secrets: [String]) throws(StorageError) {
        for secret in secrets {
            guard secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), secret.utf8.count <= 16 << 10 else {
                throw StorageError(.badSettings, "Something in credentials has characters that no token has.")
            }
            Redactor.shared.learn(secret)
        }
    }

    /// Those of the token of the settings or of a variable, or else of the older pair of Pinata.
    private static func credentials(
        _ settings: PinningSettings,
        _ vendor: PinningVendor,
        _ variable: (String) -> String
    ) throws(StorageError) -> ([HTTPField], account: String) {
        func first(_ values: [String]) -> String { values.first { !$0.isEmpty } ?? "" }
        let token = first([settings.token, variable(vendor.tokenVariable)])
        let key = first([settings.apiKey, variable("PINATA_API_KEY")])
        let secret = first([settings.apiSecret, variable("PINATA_API_SECRET")])
        try check(secrets: [token, key, secret])
        guard !token.isEmpty || !key.isEmpty && !secret.isEmpty else {
            let message = "Nothing says who asks: set credentials.token, or the variable \(vendor.tokenVariable)."
            throw StorageError(.badCredentials, message)
        }
        // So few digits that nobody can try out tokens by them.
        let account = hex(digest(.sha256, of: Array((token.isEmpty ? key : token).utf8))).prefix(8)
        let fields =
            token.isEmpty
            ? [HTTPField(name: "pinata_api_key", value: key), HTTPField(name: "pinata_secret_api_key", value: secret)]
            : [HTTPField(name: "Authorization", value: "Bearer \(token)")]
        return (fields, String(account))
    }
}
