internal import COpenSSL

/// SHAKE256 (FIPS 202 §6.2) with an output of `length` bytes.
package func shake256(_ bytes: Span<UInt8>, length: Int) -> [UInt8] {
    let context = unsafe newContext()
    defer { unsafe EVP_MD_CTX_free(context) }
    return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
        check(unsafe EVP_DigestInit_ex2(context, HashFunction.shake256.algorithm, nil), "begin a digest")
        unsafe bytes.withUnsafeBufferPointer { input in
            check(unsafe EVP_DigestUpdate(context, input.baseAddress, input.count), "go on with a digest")
        }
        check(unsafe EVP_DigestFinalXOF(context, output.baseAddress, length), "end a digest")
        count = length
    }
}
