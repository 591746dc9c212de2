internal import COpenSSL

/// A hash function of OpenSSL 3.
package enum HashFunction: Int, Sendable, CaseIterable {
    case md5, sha1, sha256, sha512, sha3x224, sha3x256, sha3x384, sha3x512, shake256, blake2b512, blake2s256

    /// The length of a digest, in bytes.
    package var digestLength: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha3x224: 28
        case .sha256, .sha3x256, .shake256, .blake2s256: 32
        case .sha3x384: 48
        case .sha512, .sha3x512, .blake2b512: 64
        }
    }

    /// The name under which OpenSSL offers the function.
    var name: String {
        switch self {
        case .md5: "MD5"
        case .sha1: "SHA1"
        case .sha256: "SHA2-256"
        case .sha512: "SHA2-512"
        case .sha3x224: "SHA3-224"
        case .sha3x256: "SHA3-256"
        case .sha3x384: "SHA3-384"
        case .sha3x512: "SHA3-512"
        case .shake256: "SHAKE-256"
        case .blake2b512: "BLAKE2B-512"
        case .blake2s256: "BLAKE2S-256"
        }
    }

    /// OpenSSL's description of the function, fetched once and kept for the life of the process.
    var algorithm: OpaquePointer {
        // The one that everything is named by needs no look at a table.
        if self == .sha256 { return unsafe Self.sha256Algorithm }
        return unsafe Self.offered(Self.algorithms[rawValue], self)
    }

    // Unchecked, for these pointers are set once, before anybody sees them, and OpenSSL does not change what they lead
    // to.
    nonisolated(unsafe) private static let sha256Algorithm = unsafe offered(fetch(.sha256), .sha256)
    nonisolated(unsafe) private static let algorithms = unsafe allCases.map { unsafe fetch($0) }

    private static func fetch(_ function: HashFunction) -> OpaquePointer? {
        unsafe EVP_MD_fetch(Library.context, function.name, nil)
    }

    /// The program ends where the function is missing: every OpenSSL 3 has it unless somebody took it away, and content
    /// that it names cannot be told from other content then.
    private static func offered(_ algorithm: OpaquePointer?, _ function: HashFunction) -> OpaquePointer {
        guard let algorithm = unsafe algorithm else {
            fatalError("OpenSSL on this machine offers no \(function.name), which is part of every OpenSSL 3.")
        }
        return unsafe algorithm
    }
}
