package import Multiformats
package import Schema

/// What a backend says of a root: unknown never counts as any of the others.
package enum Presence: Sendable {
    case present(HeldRoot)
    /// The service works on it.
    case pending(Ticket)
    case absent
    /// Nobody could tell, and why.
    case unknown(StorageError)

    /// What is there, where something is.
    package var held: HeldRoot? { if case .present(let held) = self { held } else { nil } }
}

/// A root that a backend says it holds.
///
/// It is a claim until bytes or digests were compared.
package struct HeldRoot: Sendable, Hashable {
    package let root: CID
    package let location: Location
    /// The length of its CAR in bytes; nil where the backend says nothing that could be one.
    package let length: UInt64?
    package let digest: ObjectDigest?
    /// See ``ObjectInfo/place``.
    package var place: String?
    /// When it was written last, as the backend says.
    package let modified: Timestamp?
    /// What the backend says of it besides, as a sentence for people, such as which of its machines have it.
    package var remark: String?
    /// Who had it stored, where the service keeps a mark of that; nil where it keeps none.
    package var keeper: Keeper?

    package init(
        root: CID,
        at location: Location,
        length: UInt64?,
        digest: ObjectDigest?,
        place: String? = nil,
        modified: Timestamp? = nil
    ) {
        self.root = root
        self.place = place
        self.modified = modified
        self.location = location
        self.length = length
        self.digest = digest
    }
}

/// Who had a service store a root, by the mark that the service keeps with it.
package enum Keeper: Sendable, Hashable {
    /// A kit, by its identifier.
    case kit(String)
    case somebodyElse

    /// Who left a mark; what is longer than 64 bytes no kit left.
    package init(mark: String?) {
        self = mark.flatMap { (1...64).contains($0.utf8.count) ? .kit($0) : nil } ?? .somebodyElse
    }
}

/// Pages of the roots that a backend says it holds.
package typealias RootStream = AsyncSequence<[HeldRoot], StorageError> & Sendable

/// What is wanted of a DAG at once.
package enum ContentExtent: Sendable, Hashable {
    /// Everything below a block.
    case all
    /// The blocks of a file that have some of its bytes, or any, with those that lead to them.
    case file(Range<UInt64>?)
}

/// A place that keeps content by CID: what the replication engine sees of every backend.
///
/// It may be an archive of CARs, a node that takes blocks, a service that takes only a CID and answers later, one that
/// names things itself, or one that only gives. Calls that an instance has no use for are refused by its capabilities.
package protocol ContentService: Sendable {
    var capabilities: Capabilities { get }
    var limits: Limits { get }

    /// Named objects beside the content, for what homes leave of themselves; nil where there is no room for any.
    var objects: (any StorageService)? { get }

    /// Where a root is asked for before anybody has stored it; nil where only a name that the service gave leads to it.
    func location(for root: CID) throws(StorageError) -> Location?

    /// Asks about one root; a known location is asked for, and not guessed.
    func presence(of root: CID, at location: Location?) async -> Presence

    /// Stores a root. Storing it again is harmless.
    func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer

    /// Asks how far the work for a ticket has come.
    func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState

    /// Opens the CAR of a root as the service gives it, unverified, or the part of it in `range`, in bytes.
    func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject

    /// The index of the CAR of a root (CARv2, `MultihashIndexSorted`), as the service gives it, unverified; nil where
    /// none is kept beside the CAR.
    func index(of root: CID, at location: Location?) async throws(StorageError) -> (any ByteStream)?

    /// Puts the index beside the CAR of a root that is there, where none is kept that may be it.
    ///
    /// `sha256` is that of the CAR which was read there, and may be another one of the root; nil where it is known to
    /// be that of the upload.
    func addIndex(for upload: Upload, at location: Location, _ sha256: [UInt8]?) async throws(StorageError)

    /// A single block, as the service gives it, unverified; `notFound` where it says that it has none.
    func block(_ cid: CID) async throws(StorageError) -> [UInt8]

    /// A CAR with a part of what is below a block, in the order of the DAG, unverified, and perhaps not all of it; nil
    /// where single blocks are all there is.
    func extent(_ extent: ContentExtent, of cid: CID) async throws(StorageError) -> (any ByteStream)?

    /// URLs by which anybody can read the CAR of a root until `end`: one for each object that it is in, in their order.
    ///
    /// Nothing is sent, so nobody knows whether it is there.
    func urls(of root: CID, at location: Location?, until end: Timestamp) async throws(StorageError) -> [ObjectURL]

    /// Removes a root; one that is not there is no error.
    /// - `before` is awaited before each object is asked to go, with no place at the service in hand: what it throws
    ///   keeps that object, and those that would follow.
    func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError)

    /// Removes what stopped uploads of a root left, and not the root; with `mayResume`, what the next one goes on with
    /// may stay.
    func clear(_ root: CID, mayResume: Bool) async throws(StorageError)

    /// All roots that the service says it holds.
    func roots() -> any RootStream

    /// How much is stored and how much room is left; see ``StorageService/usage(mayWalk:)``.
    func usage(mayWalk: Bool) async throws(StorageError) -> Usage

    /// What tells this place from every other one, in the service's own words, such as the number of an account; nil
    /// where it has none, and where `objects` shows what homes left there.
    func identity() async throws(StorageError) -> String?

    /// Shows with as little as possible that the service answers, and believes the credentials where there are any;
    /// gives what was seen, as a sentence.
    func probe() async throws(StorageError) -> String

    /// Ends what it keeps open, such as sessions and processes; a call that comes later opens it anew.
    func close() async
}

extension ContentService {
    /// The same for whoever has nothing to see to before.
    package func remove(_ root: CID, at location: Location?) async throws(StorageError) {
        try await remove(root, at: location) { () async throws(StorageError) in }
    }

    /// Most services are known by what homes left there.
    package func identity() async throws(StorageError) -> String? { nil }

    /// Most services keep nothing open that does not end with the process.
    package func close() async {}

    /// Most services show it as ``usualProbe()`` does.
    package func probe() async throws(StorageError) -> String { try await usualProbe() }

    /// Asks how much is held, or for a root that nobody has; gives what was seen, as a sentence.
    package func usualProbe() async throws(StorageError) -> String {
        if capabilities.contains(.usage) {
            _ = try await usage(mayWalk: false)
            return "It answered when it was asked how much it holds."
        }
        guard let root = Self.unknownRoot else { return "It was not asked anything." }
        switch await presence(of: root, at: nil) {
        case .absent: return "It says that it does not have what nobody has."
        case .pending: return "It answered when it was asked for what nobody has."
        case .present:
            let message = "It says that it has \(root), and nobody has what that is the hash of."
            throw StorageError(.corrupt, message).ofBrokenPromise
        case .unknown(let error): throw error
        }
    }

    /// The CID of bytes by chance instead of a hash, so that nobody has what it stands for.
    private static var unknownRoot: CID? {
        let chance = (0..<32).map { _ in UInt8.random(in: 0...255) }
        guard let hash = try? Multihash(code: .sha256, digest: chance) else { return nil }
        return try? CID(version: .v1, codec: .raw, hash: hash)
    }

    /// Most services keep nothing beside the content.
    package func index(of root: CID, at location: Location?) async throws(StorageError) -> (any ByteStream)? { nil }

    /// Most services keep nothing beside the content.
    package func addIndex(for upload: Upload, at location: Location, _ sha256: [UInt8]?) async throws(StorageError) {}

    /// Most services know roots only.
    package func block(_ cid: CID) async throws(StorageError) -> [UInt8] {
        throw StorageError(.unsupported, "This backend gives no single blocks.")
    }

    /// Most services know no parts of a DAG.
    package func extent(_ extent: ContentExtent, of cid: CID) async throws(StorageError) -> (any ByteStream)? { nil }

    /// Most services give what they hold only to those with a key.
    package func urls(
        of root: CID,
        at location: Location?,
        until end: Timestamp
    ) async throws(StorageError) -> [ObjectURL] {
        throw StorageError(.unsupported, "This backend gives no URL of \(root).")
    }

    /// The bytes of the CAR of a root.
    package func read(_ root: CID, at location: Location? = nil) async throws(StorageError) -> any ByteStream {
        try await read(root, at: location, nil).stream
    }
}
