/// Something that goes wrong between us and a service, as a law wants it.
package enum Trouble: Sendable, Hashable, CustomStringConvertible {
    /// Reads of objects break off after so many bytes.
    case breaksOff(after: Int)
    /// Reads do not say how long they are, and end after so many bytes as if that were all.
    case endsUnannounced(after: Int)
    /// Whole objects come where parts were asked for.
    case ignoresRanges
    /// Other parts come than were asked for.
    case shiftsRanges
    /// What is said of an object lacks its length.
    case tellsNoLength
    /// Somebody else answers; the service is not asked.
    case answers(Impostor, to: Call)
    /// The service does its work, and the answer is lost.
    case losesAnswer(to: Call)
    /// Uploads are praised before their bytes have come, and not taken.
    case praisesEarly
    /// Uploads are taken by somebody who keeps other bytes, and answers with the digests that came along.
    case echoesDigests
    /// The bytes of uploads are changed on their way.
    case altersUploads
    /// Pages of lists end in the middle.
    case cutsLists
    /// After each page of a list there is another one, the same or an empty one.
    case listsWithoutEnd(areEmpty: Bool)
    /// The place itself is gone, with all that is in it: the directory, or the bucket.
    case losesPlace
    /// Reads give the bytes in another form than the one in which they are kept, and say so.
    case encodesReads

    /// A kind of call.
    package enum Call: String, Sendable, Hashable, CaseIterable { case put, get, stat, list, delete }

    /// Who answers in the place of the service, and what.
    package enum Impostor: String, Sendable, Hashable, CaseIterable {
        case loginPage = "a page to log in, as success"
        case notFoundPage = "a page that says not found"
        case bareNotFound = "not found, and no word"
        case barePraise = "success, and no word"
        case redirect = "a way to somewhere else"
        case json = "another kind of document, as success"
        case badGateway = "that it did not reach the service"
    }

    package var description: String {
        switch self {
        case .breaksOff: "reads break off"
        case .endsUnannounced: "reads end without having said where"
        case .ignoresRanges: "ranges are ignored"
        case .shiftsRanges: "other ranges come"
        case .tellsNoLength: "no length is told"
        case .answers(let impostor, let call): "somebody answers to \(call.rawValue) with \(impostor.rawValue)"
        case .losesAnswer(let call): "the answer to \(call.rawValue) is lost"
        case .praisesEarly: "uploads are praised early"
        case .echoesDigests: "digests are echoed"
        case .altersUploads: "uploads are altered"
        case .cutsLists: "lists are cut"
        case .listsWithoutEnd(false): "lists repeat themselves without end"
        case .listsWithoutEnd(true): "lists go on with nothing, without end"
        case .losesPlace: "the place is gone"
        case .encodesReads: "reads are encoded"
        }
    }
}

/// Something that is no object of ours, and that somebody leaves where objects are.
package enum Stray: String, Sendable, Hashable, CaseIterable {
    /// Objects below the name, with names that are none of ours.
    case foreignNames = "objects with foreign names"
    /// Something under the name itself that is no file, and that whoever opens it waits for.
    case pipe = "a pipe"
    /// Ways from below the name back to where it lies, so that everything has names without end.
    case waysBack = "links that lead back"
    /// What an upload of the name leaves whose program is killed.
    case stoppedUpload = "what a stopped upload left"
}

/// Who makes things go wrong around a service on trial.
package protocol Troublemaker: Sendable {
    /// Makes this happen to all calls about names that begin with `prefix`; false where it cannot be brought about
    /// here.
    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool
    /// Ends what was begun for these names.
    func end(_ prefix: String) async
    /// Leaves something at a name; false where it cannot be brought about here. Its removal is left to whoever is asked
    /// to remove the place as a whole.
    func plant(_ stray: Stray, at name: String) async throws -> Bool
    /// Whether what was planted is there still.
    func remains(_ stray: Stray, at name: String) async throws -> Bool
}
