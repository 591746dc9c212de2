internal import AnnexClient
internal import POSIX
internal import Storage

/// What a program is asked about objects, each as one question.
struct ExternalTalk: Sendable {
    let client: AnnexClient
    let spool: AnnexSpool
    /// What is a name in what the program says, and has no meaning.
    let names: [String]

    /// The word for our extension of the protocol.
    static let extended = "IPFSKIT"

    /// Whether the program speaks our extension; it is started to say so.
    func isExtended() async throws(StorageError) -> Bool {
        do throws(AnnexError) {
            return try await client.features().extensions.contains(Self.extended)
        } catch {
            throw ExternalErrors.translate("Starting the program", error, names, isChange: false)
        }
    }

    /// A place for a file that the program is to read or write.
    func file(for key: ExternalKey, length: UInt64 = 0) async throws(StorageError) -> AnnexSpool.Transfer {
        try await ExternalErrors.onDisk { [spool] () throws(FileError) in try spool.begin(key.text, length: length) }
    }

    /// Whether an object is there, as the program says in its own words; throws where it cannot tell.
    func holds(_ key: ExternalKey, _ name: ObjectName) async throws(StorageError) -> Bool {
        let what = "Finding \(name)"
        switch try await ask(.check(key: key.text), what) {
        case .success: return true
        case .absent: return false
        case let reply: throw failure(what, reply)
        }
    }

    /// How long an object is; nil where it is not there, as the program says in its own words.
    func length(of key: ExternalKey, _ name: ObjectName) async throws(StorageError) -> UInt64? {
        let what = "Finding \(name)"
        switch try await ask(.size(key: key.text), what) {
        case .number(let length): return length
        case .absent: return nil
        case let reply: throw failure(what, reply)
        }
    }

    func store(_ key: ExternalKey, _ name: ObjectName, _ file: AnnexSpool.Transfer) async throws(StorageError) {
        let what = "Storing \(name)"
        let reply = try await ask(.store(key: key.text, file: file.path), what, isChange: true)
        guard reply == .success else { throw failure(what, reply) }
    }

    func remove(_ key: ExternalKey, _ name: ObjectName) async throws(StorageError) {
        let what = "Removing \(name)"
        let reply = try await ask(.remove(key: key.text), what, isChange: true)
        guard reply == .success else { throw failure(what, reply) }
    }

    /// Brings an object into a file; throws `notFound` where it is not there by the program's word.
    ///
    /// `most` is how long it is, where that is known.
    func retrieve(
        _ key: ExternalKey,
        _ name: ObjectName,
        _ file: AnnexSpool.Transfer,
        most: UInt64? = nil
    ) async throws(StorageError) {
        let what = "Reading \(name)"
        let request = AnnexRequest.retrieve(key: key.text, file: file.path, length: most)
        let reply = try await ask(request, what, watch: { file.growth(most: most) })
        guard reply != .success else { return }
        // That it did not bring it is not yet a word on whether it is there.
        guard try await holds(key, name) else { throw Self.absence(of: name) }
        throw failure(what, reply).ofWithholding
    }

    /// Brings a part of an object into a file; gives the length of the whole, and nil where the program does no such
    /// thing.
    func retrieve(
        _ range: Range<UInt64>,
        of key: ExternalKey,
        _ name: ObjectName,
        _ file: AnnexSpool.Transfer
    ) async throws(StorageError) -> UInt64? {
        let what = "Reading a part of \(name)"
        let request = AnnexRequest.part(range, key: key.text, file: file.path)
        switch try await ask(request, what, watch: { file.growth(most: range.length) }) {
        case .number(let length): return length
        case .unsupported: return nil
        case let reply:
            guard try await holds(key, name) else { throw Self.absence(of: name) }
            throw failure(what, reply).ofWithholding
        }
    }

    /// Some of the keys that begin so, behind another, with the lengths of their objects.
    func page(
        of beginning: String,
        after key: String
    ) async throws(StorageError) -> (keys: [AnnexKey], hasMore: Bool) {
        let what = "Listing what is there"
        switch try await ask(.list(prefix: beginning, after: key), what) {
        case .page(let keys, let hasMore): return (keys, hasMore)
        case let reply: throw failure(what, reply)
        }
    }

    static func absence(of name: ObjectName) -> StorageError {
        StorageError(.notFound, "\(name) is not there, the program says.")
    }

    private func ask(
        _ request: AnnexRequest,
        _ what: String,
        watch: AnnexWatch? = nil,
        isChange: Bool = false
    ) async throws(StorageError) -> AnnexReply {
        do throws(AnnexError) {
            return try await client.ask(request, watch: watch)
        } catch {
            throw ExternalErrors.translate(what, error, names, isChange: isChange)
        }
    }

    private func failure(_ what: String, _ reply: AnnexReply) -> StorageError {
        switch reply {
        case .failure(let words): ExternalErrors.refused(what, words, names)
        case .unknown(let words): ExternalErrors.unknown(what, words, names)
        default: ExternalErrors.unsupported(what)
        }
    }
}
