internal import COpenSSL

/// A running hash: feed it bytes, take the digest.
///
/// Whatever feeds it is `mutating` and it cannot be copied, so one thread at a time has it.
@safe
package struct RunningHash: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer
    private let function: HashFunction

    /// Starts a hash.
    package init(_ function: HashFunction) {
        guard let context = unsafe EVP_MD_CTX_new() else { fatalError("OpenSSL has no memory for a digest.") }
        unsafe self.context = unsafe context
        self.function = function
        _ = unsafe EVP_DigestInit_ex2(context, function.algorithm, nil)
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Adds bytes to what is hashed.
    package mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            _ = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
    }

    /// Adds bytes to what is hashed.
    package mutating func update(_ bytes: [UInt8]) {
        update(bytes.span)
    }

    /// The digest of all bytes so far; the hash goes on.
    package func digest() -> [UInt8] {
        guard let copy = unsafe EVP_MD_CTX_new() else { fatalError("OpenSSL has no memory for a digest.") }
        defer { unsafe EVP_MD_CTX_free(copy) }
        _ = unsafe EVP_MD_CTX_copy_ex(copy, context)
        return unsafe [UInt8](unsafeUninitializedCapacity: function.digestLength) { buffer, count in
            _ = unsafe EVP_DigestFinal_ex(copy, buffer.baseAddress, nil)
            count = function.digestLength
        }
    }
}

/// The digest of `bytes`.
package func digest(_ function: HashFunction, of bytes: Span<UInt8>) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: function.digestLength) { output, count in
        unsafe bytes.withUnsafeBufferPointer { input in
            _ = unsafe EVP_Digest(
                input.baseAddress,
                input.count,
                output.baseAddress,
                nil,
                function.algorithm,
                nil
            )
        }
        count = function.digestLength
    }
}

/// The digest of `bytes`.
package func digest(_ function: HashFunction, of bytes: [UInt8]) -> [UInt8] {
    digest(function, of: bytes.span)
}

/// HMAC of `message` under `key` (RFC 2104).
package func authenticationCode(_ function: HashFunction, key: [UInt8], message: [UInt8]) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: function.digestLength) { output, count in
        var length: UInt32 = 0
        // An empty key is legal in HMAC, but OpenSSL takes a null pointer to mean "as before".
        let keyBytes = key.isEmpty ? [0] : key
        _ = unsafe HMAC(
            function.algorithm,
            keyBytes,
            Int32(key.count),
            message,
            message.count,
            output.baseAddress,
            &length
        )
        count = function.digestLength
    }
}

/// Bytes from the operating system's secure generator.
package func randomBytes(_ count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
        guard unsafe RAND_bytes(buffer.baseAddress, Int32(count)) == 1 else {
            fatalError("The secure random generator failed.")
        }
        written = count
    }
}
