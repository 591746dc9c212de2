internal import HTTPClient

/// What is special about one pinning service, as a row of data.
struct PinningVendor: Sendable {
    /// How a service takes the bytes of content; all can be asked to fetch it themselves.
    enum Bytes: Sendable { case none, files, bucket }

    /// The words for it in a backend file, the first one first.
    let words: [String]
    /// Where its pinning API is, up to and without `/pins`; nil where everybody has an own one.
    var endpoint: String?
    /// The variable that has its token.
    let tokenVariable: String
    /// The gateway through which it gives what it holds; empty where it has none that all may use.
    var gateway = ""
    /// The variable that has the gateway of an account.
    var gatewayVariable = ""
    /// The field by which its gateway is shown a token; a bearer token where it is empty.
    var gatewayTokenField = ""
    var bytes = Bytes.none
    /// Where bytes go that it takes.
    var uploads = ""
    /// The largest CAR that it takes, in bytes.
    var largestUpload = UInt64.max
    /// So many entries are asked for at once.
    var page = 1000

    static let all = [
        PinningVendor(words: ["pinning_service", "psa"], tokenVariable: "PINNING_SERVICE_TOKEN"),
        PinningVendor(
            words: ["pinata"],
            endpoint: "https://api.pinata.cloud/psa",
            tokenVariable: "PINATA_JWT",
            gateway: "https://gateway.pinata.cloud",
            gatewayVariable: "PINATA_GATEWAY",
            gatewayTokenField: "x-pinata-gateway-token",
            bytes: .files,
            uploads: "https://uploads.pinata.cloud",
            largestUpload: 25_000_000_000
        ),
        PinningVendor(
            words: ["filebase"],
            endpoint: "https://api.filebase.io/v1/ipfs",
            tokenVariable: "FILEBASE_TOKEN",
            gateway: "https://ipfs.filebase.io",
            bytes: .bucket,
            uploads: "https://s3.filebase.com",
            largestUpload: 5 << 30
        ),
        PinningVendor(
            words: ["4everland"],
            endpoint: "https://api.4everland.dev",
            tokenVariable: "FOREVERLAND_TOKEN",
            gateway: "https://4everland.io"
        ),
    ]

    /// The vendor that a word in a backend file stands for.
    static func named(_ word: String) -> PinningVendor { all.first { $0.words.contains(word) } ?? all[0] }

    /// The field by which the gateway is shown a token.
    func gatewayField(_ token: String) -> HTTPField {
        guard gatewayTokenField.isEmpty else { return HTTPField(name: gatewayTokenField, value: token) }
        return HTTPField(name: "Authorization", value: "Bearer \(token)")
    }
}
