internal import COpenSSL

/// A hash function of OpenSSL 3.
package enum HashFunction: String, Sendable, CaseIterable {
    case md5 = "MD5"
    case sha1 = "SHA1"
    case sha256 = "SHA2-256"
    case sha512 = "SHA2-512"

    /// The length of a digest, in bytes.
    package var digestLength: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }

    /// OpenSSL's description of the function, fetched once and kept for the life of the process.
    var algorithm: OpaquePointer {
        switch self {
        case .md5: unsafe Self.fetched.md5
        case .sha1: unsafe Self.fetched.sha1
        case .sha256: unsafe Self.fetched.sha256
        case .sha512: unsafe Self.fetched.sha512
        }
    }

    nonisolated(unsafe) private static let fetched = unsafe (
        md5: fetch(.md5), sha1: fetch(.sha1), sha256: fetch(.sha256), sha512: fetch(.sha512)
    )

    private static func fetch(_ function: HashFunction) -> OpaquePointer {
        guard let algorithm = unsafe EVP_MD_fetch(nil, function.rawValue, nil) else {
            fatalError("OpenSSL offers no \(function.rawValue): the library on this machine is broken.")
        }
        return unsafe algorithm
    }
}
