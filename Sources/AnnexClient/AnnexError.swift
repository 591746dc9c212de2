/// Why a program that speaks git-annex's protocol of external special remotes did not do what it was asked.
package struct AnnexError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Code: Sendable, Hashable {
        /// There is no such program, or it must not be started.
        case noProgram
        /// The program could not be started now.
        case cannotStart
        /// It was started, and said nothing for too long.
        case notBegun
        /// The program speaks another protocol, or a version of it that is not known here.
        case notSpoken
        /// It says that it cannot be set up with these settings.
        case notInitialised
        /// It says that it cannot be used now.
        case notPrepared
        /// It says that it cannot go on.
        case gaveUp
        /// It ended before it had answered.
        case ended
        /// It answered nothing for too long.
        case timedOut
        /// It does not keep to the protocol.
        case protocolViolation
        /// It wrote more than there may be.
        case tooMuch
        /// There is no room on this machine for what it writes.
        case full
        /// The task was told to stop.
        case cancelled
    }

    /// What kind of failure it is.
    package let code: Code
    /// The failure as a whole sentence.
    package let message: String
    /// What the program said of it: as it came, for nobody has looked for secrets in it yet.
    package let words: String
    /// The error underneath, if there is one.
    package let cause: (any Error)?

    init(_ code: Code, _ message: String, words: String = "", cause: (any Error)? = nil) {
        (self.code, self.message, self.words, self.cause) = (code, message, words, cause)
    }

    package var description: String { message }

    static let cancelled = AnnexError(.cancelled, "The request was cancelled.")

    /// Throws `cancelled` when the current task was told to stop.
    static func checkCancellation() throws(AnnexError) { if Task.isCancelled { throw cancelled } }
}
