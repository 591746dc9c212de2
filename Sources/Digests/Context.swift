internal import COpenSSL

/// Ends the program where OpenSSL did not do what cannot fail for any input: it has no memory, or is broken.
///
/// To go on is no choice, for a digest that was not computed would name content wrongly. No caller could do more than end,
/// as Swift does itself where there is no memory.
func check(_ result: Int32, _ work: StaticString) {
    guard result == 1 else { fatalError("OpenSSL could not \(work): it has no memory, or is broken.") }
}

/// A new digest context, which the caller frees; see `check` for why there always is one.
func newContext() -> OpaquePointer {
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("OpenSSL has no memory for a digest.") }
    return unsafe context
}
