internal import POSIX

/// What tells a store apart from every other: 128 bits of chance, made with it.
struct StoreIdentity: Sendable, Hashable, BitwiseCopyable {
    let high: UInt64
    let low: UInt64

    /// That of no store.
    static let none = StoreIdentity(high: 0, low: 0)

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new one.
    static func random() -> StoreIdentity {
        StoreIdentity(high: .random(in: 1...UInt64.max), low: .random(in: 0...UInt64.max))
    }

    /// Reads 32 hexadecimal digits.
    init?(_ text: String) {
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.dropFirst(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
        guard self != .none, self.text == text else { return nil }
    }

    var text: String { Self.digits(high) + Self.digits(low) }

    /// A number that follows from the others, so that a digit that was changed is not taken for another store.
    var checksum: String { Self.digits(SegmentHeader.checksum([high, low])) }

    private static func digits(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

extension BlockStore {
    /// Whose store it is, and how far the owner had come when that was noted last.
    ///
    /// What an owner lists as worth keeping lies outside of the store. So that nothing is collected by a list that is
    /// empty, old or somebody else's, the store knows the owner's name, and a number that the owner counts up with
    /// every change of the list.
    public struct Owner: Sendable, Hashable {
        /// A name of letters and digits, at most 40.
        public let name: String
        /// What the owner had counted up to.
        public let mark: UInt64
        /// How new the store was then: an index that has fewer commits has lost some.
        public let generation: UInt64

        /// An owner and how far it has come.
        public init(name: String, mark: UInt64, generation: UInt64) {
            (self.name, self.mark, self.generation) = (name, mark, generation)
        }
    }

    private static func ownerFile(_ folder: String) -> String { folder + "/owner" }
    private static let ownerLength = 120

    /// The owner of the store in a folder; nil where none is noted, or the note cannot be read.
    public static func owner(ofStoreIn folder: String) throws(StoreError) -> Owner? {
        // Who reads while another process writes it over may see something of both.
        for _ in 0..<3 { if let owner = try readOwner(folder) { return owner } }
        return nil
    }

    private static func readOwner(_ folder: String) throws(StoreError) -> Owner? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File(ownerFile(folder), .readFile).read(at: 0, count: ownerLength)
        } catch {
            guard error.meansGone else { throw StoreError(error) }
            return nil
        }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard words.count >= 4, let mark = UInt64(words[1]), let generation = UInt64(words[2]),
            let sum = UInt64(words[3], radix: 16)
        else { return nil }
        let owner = Owner(name: String(words[0]), mark: mark, generation: generation)
        return sum == checksum(owner) ? owner : nil
    }

    /// Notes the owner, in place of another and of an older mark.
    ///
    /// It is not waited for the disk where only the mark is another one.
    public func note(_ owner: Owner) throws(StoreError) { try Self.note(owner, ofStoreIn: folder) }

    /// The same for a store that is not open.
    public static func note(_ owner: Owner, ofStoreIn folder: String) throws(StoreError) {
        let text = "\(owner.name) \(owner.mark) \(owner.generation) \(String(checksum(owner), radix: 16)) "
        let padding = [UInt8](repeating: 0x20, count: max(0, ownerLength - 1 - text.utf8.count))
        let bytes = Array(text.utf8) + padding + [0x0A]
        let path = ownerFile(folder)
        do throws(FileError) {
            // That of the same owner is written over, without waiting: one that is a little old protects a little less.
            // A new one lasts, for the owner forgets what the store knew it by before.
            guard (try? Self.owner(ofStoreIn: folder))?.name == owner.name else {
                return try replaceFile(path, with: bytes)
            }
            try File(path, .update).write(bytes, at: 0)
        } catch {
            throw StoreError(error)
        }
    }

    /// Forgets who the owner is: nobody knows how far that has come until somebody says so.
    public static func forgetOwner(ofStoreIn folder: String) throws(StoreError) {
        do throws(FileError) {
            try removeFile(ownerFile(folder))
            try syncDirectory(folder)
        } catch {
            guard error.meansGone else { throw StoreError(error) }
        }
    }

    private static func checksum(_ owner: Owner) -> UInt64 {
        SegmentHeader.checksum("\(owner.name) \(owner.mark) \(owner.generation)".utf8.map { UInt64($0) }[...])
    }

    // MARK: Identity

    private static func identityFile(_ folder: String) -> String { folder + "/identity" }

    /// The identity that stands in the folder, or in a segment of its index; nil where there is none that can be read.
    static func identity(in folder: String, _ index: BlockIndex) throws(StoreError) -> StoreIdentity? {
        do throws(FileError) {
            let text = String(decoding: try File(identityFile(folder), .readFile).read(at: 0, count: 64), as: UTF8.self)
            let words = text.prefix { $0 != "\n" }.split(separator: " ")
            if words.count == 2, let identity = StoreIdentity(String(words[0])), words[1] == identity.checksum {
                return identity
            }
        } catch {
            guard error.meansGone else { throw StoreError(error) }
        }
        guard let identity = try index.readableIdentity() else { return nil }
        // Where it cannot be written, the index says it the next time, too.
        try? write(identity, in: folder)
        return identity
    }

    /// Writes the identity down, so that it is known without an index.
    static func write(_ identity: StoreIdentity, in folder: String) throws(StoreError) {
        do throws(FileError) {
            try replaceFile(identityFile(folder), with: Array("\(identity.text) \(identity.checksum)\n".utf8))
        } catch {
            throw StoreError(error)
        }
    }

    // MARK: The folder of the packs

    /// Which folder the packs are in, by its number and birth.
    private var placeFile: String { folder + "/place" }

    /// Refuses to begin a pack in a folder that only took the place of that of the packs, as the mount point of their
    /// disk does: nobody would find it when the disk is back.
    func checkPackFolder() throws(StoreError) {
        do throws(FileError) {
            let mark = Array(try birthMark(folder + "/packs").text.utf8)
            if try fileExists(placeFile), try readFile(placeFile, limit: 100) == mark { return }
        } catch {
            throw StoreError(error)
        }
        let packs = try index.packs().filter { $0.length > 0 }
        var isTheirs = packs.isEmpty
        for pack in packs where !isTheirs { isTheirs = try fileLength(pack.id) != nil }
        if isTheirs { return try notePackFolder() }
        throw StoreError(
            .packsAway,
            "Nothing can be stored in \(folder)/packs now, as none of the packs that the index knows is in it: their disk may "
                + "not be mounted. Mount it and repeat the command; only where the packs are lost, `ipfs-kit store "
                + "rebuild-index` goes on with what is there."
        )
    }

    /// Takes the folder that is there for that of the packs.
    func notePackFolder() throws(StoreError) {
        do throws(FileError) {
            try replaceFile(placeFile, with: Array(try birthMark(folder + "/packs").text.utf8))
        } catch {
            throw StoreError(error)
        }
    }
}
