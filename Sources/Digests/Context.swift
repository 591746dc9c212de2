internal import COpenSSL

/// A part of OpenSSL that belongs to this program alone, with every algorithm in it.
///
/// The host's own part follows the host's configuration, and that may allow only what some authority approved. Content
/// is named by whatever hash its name says, which is no decision of the host's. TLS, inside libcurl, follows the host.
///
/// The program ends where there is none; see `check`.
enum Library {
    // Unchecked, for the pointers are set once, before anybody sees them, and OpenSSL locks what they lead to.
    nonisolated(unsafe) static let context = unsafe makeContext()
    nonisolated(unsafe) static let authentication = unsafe fetchAuthentication()

    private static func makeContext() -> OpaquePointer {
        guard let context = unsafe OSSL_LIB_CTX_new(), unsafe OSSL_PROVIDER_load(context, "default") != nil else {
            fatalError("OpenSSL on this machine cannot be used: it has no memory, or lacks its default provider.")
        }
        return unsafe context
    }

    private static func fetchAuthentication() -> OpaquePointer {
        guard let mac = unsafe EVP_MAC_fetch(context, "HMAC", nil) else {
            fatalError("OpenSSL on this machine offers no HMAC, which is part of every OpenSSL 3.")
        }
        return unsafe mac
    }
}

/// Ends the program where OpenSSL did not do what cannot fail for any input: it has no memory, or is broken.
///
/// To go on is no choice, for a digest that was not computed would name content wrongly. No caller could do more than
/// end, as Swift does itself where there is no memory.
func check(_ result: Int32, _ work: StaticString) {
    guard result == 1 else { fatalError("OpenSSL could not \(work): it has no memory, or is broken.") }
}

/// A new digest context, which the caller frees; see `check` for why there always is one.
func newContext() -> OpaquePointer {
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("OpenSSL has no memory for a digest.") }
    return unsafe context
}
