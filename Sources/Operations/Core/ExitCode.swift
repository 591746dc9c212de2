/// How a command ended, as the number that the shell sees.
///
/// A number that is not here must be read as a failure.
package enum ExitCode: Int32, Sendable, CaseIterable {
    case ok = 0
    case other = 1
    case usage = 2
    case noSuchBackend = 3
    /// No such CID, pin or bucket.
    case notFound = 4
    /// The same command may succeed later.
    case temporary = 5
    case partlyFailed = 6
    case authorisation = 7
    /// A limit or a quota was reached, or a disk is full.
    case limit = 8
    case verification = 10
    case locked = 11
    case refused = 12
    case interrupted = 130

    /// What the number means, for the documentation.
    package var meaning: String {
        switch self {
        case .ok: "Everything that was asked for was done and seen."
        case .other: "Another failure."
        case .usage: "The command or a setting is malformed."
        case .noSuchBackend: "There is no such backend or type."
        case .notFound: "There is no such CID, pin or file."
        case .temporary: "A service did not answer; try again."
        case .partlyFailed: "Some of it was done and some failed, or parts of it failed for different reasons."
        case .authorisation: "A service or the system refused access."
        case .limit: "A limit, a quota or the disk is full."
        case .verification: "Bytes are not what they should be, or a service does not give what it says that it has."
        case .locked: "Another process holds what is needed."
        case .refused: "It was refused to keep data safe."
        case .interrupted: "It was interrupted; run it again to go on."
        }
    }

    /// How a whole ends whose parts failed with `codes`; `isPartDone` says that something was done all the same.
    static func ofParts(_ codes: some Sequence<ExitCode>, isPartDone: Bool) -> ExitCode {
        let codes = Set(codes)
        guard let code = codes.first else { return .ok }
        if codes.contains(.interrupted) { return .interrupted }
        return isPartDone || codes.count > 1 ? .partlyFailed : code
    }
}
