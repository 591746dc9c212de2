internal import CTLS

/// Whom a client trusts, and what it shows of itself.
package struct TLSOptions: Sendable, Hashable {
    /// A file of certificate authorities in PEM form, in place of the system's.
    package var caFile: String?
    /// Whether the server must prove who it is.
    package var verifies = true
    /// The certificate that a client shows, and its key: files in PEM form.
    package var clientCertificate: String?
    package var clientKey: String?
    /// The least version of TLS that is spoken.
    package var least = Version.v12

    /// A version of TLS.
    package enum Version: Sendable { case v12, v13 }

    /// The options with their defaults.
    package init() {}
}

/// What all connections of a client have in common.
///
/// OpenSSL counts who holds it and locks it by itself, and nothing here changes it after it is made: so it is
/// `Sendable`, unchecked since it is a pointer.
@safe
package final class TLSContext: @unchecked Sendable {
    let handle: OpaquePointer

    /// Reads the files that the options name; throws `badConfiguration` where one is none that can be used.
    package init(_ options: TLSOptions) throws(TLSError) {
        ERR_clear_error()
        guard let handle = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw TLSError(.badConfiguration, "OpenSSL cannot be used here: \(TLSError.takeReason()).")
        }
        unsafe self.handle = handle
        _ = unsafe shim_context_set_least(handle, options.least == .v13 ? TLS1_3_VERSION : TLS1_2_VERSION)
        // Sessions are handed from one connection to another by whoever holds both.
        _ = unsafe shim_context_keep_no_sessions(handle)
        unsafe SSL_CTX_set_verify(handle, options.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if let file = options.caFile {
            try Self.check(unsafe SSL_CTX_load_verify_locations(handle, file, nil), file)
        } else {
            _ = unsafe SSL_CTX_set_default_verify_paths(handle)
        }
        if let file = options.clientCertificate {
            try Self.check(unsafe SSL_CTX_use_certificate_chain_file(handle, file), file)
            let key = options.clientKey ?? file
            try Self.check(unsafe SSL_CTX_use_PrivateKey_file(handle, key, SSL_FILETYPE_PEM), key)
        }
    }

    deinit { unsafe SSL_CTX_free(handle) }

    private static func check(_ result: Int32, _ file: String) throws(TLSError) {
        guard result != 1 else { return }
        throw TLSError(.badConfiguration, "\(file) is no file of certificates or keys: \(TLSError.takeReason()).")
    }
}
