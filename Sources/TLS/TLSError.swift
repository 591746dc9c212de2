internal import CTLS

/// Why a connection could not be made secure, or is secure no more.
package struct TLSError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Hashable {
        /// A file that settings name cannot be used, or OpenSSL cannot.
        case badConfiguration
        /// The other side did not prove that it is who it should be.
        case notTrusted
        /// The two sides do not speak the same, or somebody changed what they said.
        case failed
    }

    package let code: Code
    /// The failure as a whole sentence.
    package let message: String

    init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }

    package var description: String { message }

    /// What OpenSSL says of its last failure in this thread; nothing where it says nothing.
    static func takeReason() -> String {
        var reason = ""
        while true {
            let number = ERR_get_error()
            guard number != 0 else { return reason }
            // The first is what happened; those behind it are what it led to.
            guard reason.isEmpty else { continue }
            let words = unsafe ERR_reason_error_string(number)
            reason = unsafe words.map { unsafe String(cString: $0) } ?? "error \(number)"
        }
    }
}
