package import Multiformats
package import Schema

/// A root to be stored: a CID for services that fetch content themselves, and a CAR for the others.
package struct Upload: Sendable {
    package let root: CID
    /// Whether it goes on with one that was stopped: what is there by the service's own word need not be sent again.
    package let goesOn: Bool
    /// What the pin is called, for services that show that; empty where it has no name.
    package var name = ""
    /// Whether what the service holds of it was read and found damaged: it is made anew, whatever the service says.
    package var isDamaged = false
    /// Multiaddrs of nodes that have it, for services that fetch content themselves.
    package var origins: [String] = []
    private let maker: @Sendable () async throws(StorageError) -> Body
    private let mapper: @Sendable () -> [SectionPlace]

    /// An upload whose CAR is made by `car`, each time that it is asked for, and whose sections lie as `places` says;
    /// where that is none, nobody knows where they lie.
    package init(
        _ root: CID,
        goesOn: Bool = false,
        places: @escaping @Sendable () -> [SectionPlace] = { [] },
        car: @escaping @Sendable () async throws(StorageError) -> Body
    ) {
        (self.root, self.goesOn) = (root, goesOn)
        maker = car
        mapper = places
    }

    /// An upload of a CAR that is there.
    package init(
        _ root: CID,
        goesOn: Bool = false,
        places: @escaping @Sendable () -> [SectionPlace] = { [] },
        _ car: Body
    ) {
        self.init(root, goesOn: goesOn, places: places) { () async throws(StorageError) in car }
    }

    /// The deterministic CARv1 of the root.
    package func car() async throws(StorageError) -> Body { try await maker() }

    /// Where the sections of the CAR lie, in their order; none where nobody knows.
    package var places: [SectionPlace] { mapper() }
}

/// Where the section of a block lies in a CAR: the offset of its first byte.
package struct SectionPlace: Sendable, Hashable {
    package let cid: CID
    package let offset: UInt64

    package init(_ cid: CID, at offset: UInt64) { (self.cid, self.offset) = (cid, offset) }
}

/// What a service answered to an upload.
package enum StoreAnswer: Sendable, Hashable {
    /// It is there. The proof is the service's digest over the bytes that it holds, which matched ours; nil asks for
    /// a reading.
    case stored(Location, proof: ObjectDigest?)
    /// The service works on it, and answers later when it is asked with the ticket.
    case accepted(Ticket)
}

/// What a slow service gave for work that is not done yet, in its own words.
package struct Ticket: Sendable, Hashable {
    package let text: String
    /// How long it makes no sense to ask; nil where the next sync may ask.
    package let wait: Duration?
    /// What whoever waits should know, as a sentence.
    package let note: String?

    package init(_ text: String, wait: Duration? = nil, note: String? = nil) {
        self.text = text
        self.wait = wait
        self.note = note
    }
}

/// How far the work for a ticket has come.
package enum TicketState: Sendable, Hashable {
    /// It has not begun, or is being done; it makes no sense to ask for so long.
    case open(wait: Duration?)
    /// The service says that it holds the root.
    case done(HeldRoot)
    /// It will come to nothing, and why, as a sentence.
    case failed(String)
    /// The service knows nothing of the ticket.
    case unknown
}
