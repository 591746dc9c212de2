internal import COpenSSL

/// SHAKE256 (FIPS 202 §6.2) with an output of `length` bytes.
package func shake256(_ bytes: Span<UInt8>, length: Int) -> [UInt8] {
    guard let context = unsafe EVP_MD_CTX_new() else { fatalError("OpenSSL has no memory for a digest.") }
    defer { unsafe EVP_MD_CTX_free(context) }
    return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
        _ = unsafe EVP_DigestInit_ex2(context, HashFunction.shake256.algorithm, nil)
        unsafe bytes.withUnsafeBufferPointer { input in
            _ = unsafe EVP_DigestUpdate(context, input.baseAddress, input.count)
        }
        _ = unsafe EVP_DigestFinalXOF(context, output.baseAddress, length)
        count = length
    }
}
