internal import CTLS
internal import Synchronization

/// One end of a secure connection: turns what is to be said into bytes for the wire, and back.
///
/// It sends nothing itself.
/// Whoever changes it holds the lock: so it is `Sendable`, unchecked since it holds pointers.
@safe
package final class TLSChannel: @unchecked Sendable {
    private let lock = Mutex(())
    private let ssl: OpaquePointer
    /// What came from the wire and was not read yet, and what is for the wire; they are freed with `ssl`.
    private let (incoming, outgoing): (OpaquePointer, OpaquePointer)
    private let context: TLSContext

    /// The client's end of a connection to `host`, a name or an address, for which the server's certificate must stand.
    ///
    /// With `session`, it is asked to go on with that; a server may refuse, and begins another one then.
    package init(_ context: TLSContext, host: String, resuming session: TLSSession? = nil) throws(TLSError) {
        ERR_clear_error()
        guard let ssl = unsafe SSL_new(context.handle) else { throw Self.noMemory }
        guard let incoming = unsafe BIO_new(BIO_s_mem()) else {
            unsafe SSL_free(ssl)
            throw Self.noMemory
        }
        guard let outgoing = unsafe BIO_new(BIO_s_mem()) else {
            unsafe BIO_free(incoming)
            unsafe SSL_free(ssl)
            throw Self.noMemory
        }
        self.context = context
        unsafe (self.ssl, self.incoming, self.outgoing) = (ssl, incoming, outgoing)
        unsafe shim_never_ends(incoming)
        unsafe SSL_set_bio(ssl, incoming, outgoing)
        unsafe SSL_set_connect_state(ssl)
        let parameters = unsafe SSL_get0_param(ssl)
        // An address is none of the names that a server is asked for.
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) != 1 {
            ERR_clear_error()
            guard unsafe shim_set_name(ssl, host) == 1, unsafe SSL_set1_host(ssl, host) == 1 else {
                throw TLSError(.failed, "\(host) is no name that a certificate can stand for.")
            }
        }
        if let copy = session?.copy() { _ = unsafe SSL_set_session(ssl, copy.handle) }
    }

    deinit {
        // Who ends without a word makes the session that others go on with a bad one.
        unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        unsafe SSL_free(ssl)
    }

    /// Whether both sides know that they can talk.
    package var isOpen: Bool { lock.withLock { _ in unsafe SSL_is_init_finished(ssl) == 1 } }

    /// Whether this connection goes on with the session of another one.
    package var isResumed: Bool { lock.withLock { _ in unsafe SSL_session_reused(ssl) == 1 } }

    /// Whether the other side said that nothing more comes.
    package var hasEnded: Bool {
        lock.withLock { _ in unsafe SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }
    }

    /// The version that is spoken, in words.
    package var version: String { lock.withLock { _ in unsafe String(cString: SSL_get_version(ssl)) } }

    /// The session, for a connection that goes on with it; nil where there is none that would help.
    package var session: TLSSession? {
        lock.withLock { _ in
            guard let session = unsafe SSL_get1_session(ssl).map({ unsafe TLSSession(taking: $0) }),
                unsafe SSL_SESSION_is_resumable(session.handle) == 1
            else { return nil }
            return session
        }
    }

    /// Goes on with the greeting; true when it is over.
    ///
    /// What it gives for the wire is to be sent either way.
    package func greet() throws(TLSError) -> Bool {
        try lock.withLock { _ throws(TLSError) in
            ERR_clear_error()
            let result = unsafe SSL_do_handshake(ssl)
            if result == 1 { return true }
            try check(result, "No secure connection came about")
            return false
        }
    }

    /// What came in the clear out of bytes from the wire; empty where none of it is whole yet.
    package func decrypt(_ bytes: [UInt8]) throws(TLSError) -> [UInt8] {
        try lock.withLock { _ throws(TLSError) in
            take(bytes)
            return try readAll()
        }
    }

    /// Takes bytes from the wire for the greeting.
    package func receive(_ bytes: [UInt8]) { lock.withLock { _ in take(bytes) } }

    /// Bytes for the wire that say this.
    package func encrypt(_ bytes: [UInt8]) throws(TLSError) -> [UInt8] {
        try lock.withLock { _ throws(TLSError) in
            ERR_clear_error()
            var done = 0
            while done < bytes.count {
                let result = unsafe bytes.withUnsafeBytes { buffer in
                    unsafe SSL_write(ssl, buffer.baseAddress.map { unsafe $0 + done }, Int32(buffer.count - done))
                }
                guard result > 0 else {
                    try check(result, "Nothing more can be said")
                    throw TLSError(.failed, "Nothing more can be said: the other side has to be heard first.")
                }
                done += Int(result)
            }
            return outbound()
        }
    }

    /// What is to be sent besides, such as the greeting.
    package func takeOutbound() -> [UInt8] { lock.withLock { _ in outbound() } }

    /// Bytes for the wire that say that nothing more comes.
    package func farewell() -> [UInt8] {
        lock.withLock { _ in
            ERR_clear_error()
            if unsafe SSL_is_init_finished(ssl) == 1 { _ = unsafe SSL_shutdown(ssl) }
            return outbound()
        }
    }

    // MARK: Under the lock

    private func take(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        unsafe bytes.withUnsafeBytes { buffer in
            // It takes as much as there is memory.
            _ = unsafe BIO_write(incoming, buffer.baseAddress, Int32(buffer.count))
        }
    }

    private func outbound() -> [UInt8] {
        let count = unsafe BIO_ctrl_pending(outgoing)
        guard count > 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = unsafe max(0, Int(BIO_read(outgoing, buffer.baseAddress, Int32(count))))
        }
    }

    private func readAll() throws(TLSError) -> [UInt8] {
        ERR_clear_error()
        var clear: [UInt8] = []
        while true {
            var result: Int32 = 1
            // What is in the clear is shorter than what it came out of.
            let part = unsafe [UInt8](unsafeUninitializedCapacity: BIO_ctrl_pending(incoming) + 1024) {
                buffer,
                filled in
                while result > 0, filled < buffer.count {
                    let place = unsafe buffer.baseAddress.map { unsafe $0 + filled }
                    result = unsafe SSL_read(ssl, place, Int32(buffer.count - filled))
                    filled += max(0, Int(result))
                }
            }
            if clear.isEmpty { clear = part } else { clear += part }
            guard result > 0 else {
                try check(result, "What came could not be read")
                return clear
            }
        }
    }

    /// Throws where a call did not only want more bytes, or heard that nothing more comes.
    private func check(_ result: Int32, _ what: String) throws(TLSError) {
        let code = unsafe SSL_get_error(ssl, result)
        guard ![SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN].contains(code) else { return }
        let verdict = unsafe SSL_get_verify_result(ssl)
        let reason = TLSError.takeReason()
        if verdict != X509_V_OK, unsafe SSL_CTX_get_verify_mode(context.handle) != SSL_VERIFY_NONE,
            unsafe SSL_is_init_finished(ssl) != 1
        {
            let words = unsafe String(cString: X509_verify_cert_error_string(Int(verdict)))
            throw TLSError(.notTrusted, "The server's certificate does not prove who it is: \(words).")
        }
        throw TLSError(.failed, "\(what): \(reason.isEmpty ? "the other side ended it" : reason).")
    }

    private static var noMemory: TLSError { TLSError(.failed, "OpenSSL has no memory for a connection.") }
}
