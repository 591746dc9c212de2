internal import COpenSSL

/// A running hash: feed it bytes, take the digest.
///
/// Whatever feeds it is `mutating` and it cannot be copied, so one thread at a time has it: that is what makes it
/// `Sendable`, unchecked since it holds a pointer.
@safe
package struct RunningHash: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer
    private let function: HashFunction

    /// Starts a hash.
    package init(_ function: HashFunction) {
        unsafe context = unsafe newContext()
        self.function = function
        check(unsafe EVP_DigestInit_ex2(context, function.algorithm, nil), "begin a digest")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Adds bytes to what is hashed.
    package mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            check(unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count), "go on with a digest")
        }
    }

    /// Adds bytes to what is hashed.
    package mutating func update(_ bytes: [UInt8]) {
        update(bytes.span)
    }

    /// The digest of all bytes so far; the hash goes on.
    package func digest() -> [UInt8] {
        let copy = unsafe newContext()
        defer { unsafe EVP_MD_CTX_free(copy) }
        check(unsafe EVP_MD_CTX_copy_ex(copy, context), "copy a digest")
        return unsafe [UInt8](unsafeUninitializedCapacity: function.digestLength) { buffer, count in
            check(unsafe EVP_DigestFinal_ex(copy, buffer.baseAddress, nil), "end a digest")
            count = function.digestLength
        }
    }
}

/// The digest of `bytes`.
package func digest(_ function: HashFunction, of bytes: Span<UInt8>) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: function.digestLength) { output, count in
        unsafe bytes.withUnsafeBufferPointer { input in
            let result = unsafe EVP_Digest(
                input.baseAddress,
                input.count,
                output.baseAddress,
                nil,
                function.algorithm,
                nil
            )
            check(result, "make a digest")
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
        // An empty key is legal in HMAC, but OpenSSL takes a null pointer to mean "as before".
        let keyBytes = key.isEmpty ? [0] : key
        let result = unsafe shim_hmac(
            Library.authentication,
            function.name,
            keyBytes,
            key.count,
            message,
            message.count,
            output.baseAddress,
            function.digestLength
        )
        check(result, "make an authentication code")
        count = function.digestLength
    }
}

/// Bytes from the operating system's secure generator.
///
/// The program ends where it has none: names and keys that can be guessed would be worse, and no caller could do
/// better.
package func randomBytes(_ count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
        guard unsafe RAND_bytes_ex(Library.context, buffer.baseAddress, count, 0) == 1 else {
            fatalError("The secure random generator failed.")
        }
        written = count
    }
}
