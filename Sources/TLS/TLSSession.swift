internal import CTLS

/// What two sides agreed on, by which a later connection shows that it is of the same two.
///
/// OpenSSL counts who holds it; nothing here changes it: so it is `Sendable`, unchecked since it is a pointer.
@safe
package final class TLSSession: @unchecked Sendable {
    let handle: OpaquePointer

    init(taking handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe SSL_SESSION_free(handle) }

    /// A copy for one connection: what goes wrong there makes this one no worse.
    func copy() -> TLSSession? { unsafe SSL_SESSION_dup(handle).map { unsafe TLSSession(taking: $0) } }
}
