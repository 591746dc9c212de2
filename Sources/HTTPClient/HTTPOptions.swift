/// How a client connects, how long it waits and how much it takes.
package struct HTTPOptions: Sendable {
    /// The longest wait for a name to resolve and a connection to open, TLS included.
    package var connectTimeout: Duration = .seconds(30)
    /// The longest time in which no byte moves in either direction; time spent waiting for the caller is not counted.
    package var stallTimeout: Duration = .seconds(60)
    /// The longest time from the call to the last byte, the wait for a free connection included; nil for no limit.
    package var totalTimeout: Duration?
    /// The most connections open at once; further requests wait their turn.
    package var maxConnections: Int = 16
    /// A file of certificate authorities in PEM form, in place of the system's.
    package var caFile: String?
    /// Whether the server must prove who it is.
    package var verifyTLS = true
    /// The certificate that a client shows, and its key: files in PEM form.
    package var clientCertificate: String?
    package var clientKey: String?
    /// The least version of TLS that is spoken; nil is what the library takes.
    package var minimumTLS: TLSVersion?
    /// The URL of a proxy, in place of what the environment names.
    package var proxy: String?
    /// Whether HTTP/2 is offered over TLS; several requests then share one connection.
    package var allowsHTTP2 = false
    /// Whether `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` are heeded, as curl does.
    package var usesEnvironmentProxy = true
    /// What is sent as `User-Agent`.
    package var userAgent = "ipfs-kit"
    /// Bodies longer than this many bytes wait up to one second for the server's `100 Continue`.
    package var expectContinueAbove: Int = 1 << 20
    /// The most bytes of a reply that `exchange` takes.
    package var maxReplyBytes: Int = 8 << 20

    /// A version of TLS.
    package enum TLSVersion: Sendable { case v12, v13 }

    /// The options with their defaults.
    package init() {}
}
