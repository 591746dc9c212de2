internal import Digests
internal import IPLD
internal import Multiformats
internal import Schema

extension CARArchive {
    /// No CAR is in shards where objects may be as long as this, in bytes, so nobody looks for any that he does not
    /// know.
    private static let longestCAR: UInt64 = 1 << 40
    /// The most bytes of indexes that are joined in memory.
    private static let maxIndexBytes = 256 << 20

    /// Whether there may be shards of a root that nobody knows of.
    var mayHaveShards: Bool { limits.largestObject < Self.longestCAR && capabilities.contains(.listing) }

    /// What is there of the shards of a root and of their indexes, by name; nothing where nobody can list it.
    private func listed(_ stem: String) async throws(StorageError) -> [ObjectName: ObjectInfo] {
        var listed: [ObjectName: ObjectInfo] = [:]
        guard capabilities.contains(.listing) else { return listed }
        for try await page in service.list(stem + ".") {
            for info in page where CARName.ofShard(info.name) != nil {
                guard listed.count < Self.maxListed else {
                    throw StorageError(
                        .tooLarge,
                        "Under \(stem) there are more than \(Self.maxListed) objects, which no upload leaves."
                    )
                }
                listed[info.name] = info
            }
        }
        return listed
    }

    /// So many objects of one root are looked at: those of some cuts.
    private static let maxListed = 16 * Location.maxShards

    private func stem(of root: CID) -> String { CARName(root, isInFolder: limits.spreadsNames).stem }

    /// The shards of a root that are there, those of one cut together, the largest set first.
    func shards(of root: CID) async throws(StorageError) -> [[Location.Shard]] {
        var sets = ShardSets()
        var complete: [[Location.Shard]] = []
        for info in try await listed(stem(of: root)).values {
            guard let name = CARName(info.name.text), name.root == root, let shard = name.shard else { continue }
            if let whole = sets.add(info, shard, of: name) { complete.append(whole) }
        }
        return complete + sets.rest.sorted { $0.count > $1.count }
    }

    /// The names of all shards of a root of which anything is there, if only the index.
    func shardNames(of root: CID) async throws(StorageError) -> [ObjectName] {
        Set(try await listed(stem(of: root)).keys.compactMap(CARName.ofShard)).sorted()
    }

    /// Those of some shards that are there, with the lengths that they have there, and the place of the first; throws
    /// `notFound` where none is.
    ///
    /// Each is asked for by its name: a list may lag behind, and show what is gone.
    func present(_ shards: [Location.Shard]) async throws(StorageError) -> (found: [Location.Shard], place: String?) {
        var answers: [Int: Result<ObjectInfo, StorageError>] = [:]
        await withTaskGroup(of: ShardLook.self) { group in
            var rest = shards.enumerated().compactMap { number, shard in
                ObjectName(shard.name).map { (number: number, name: $0) }
            }[...]
            func start() {
                guard let (number, name) = rest.popFirst() else { return }
                group.addTask { await ShardLook(number, name, on: service) }
            }
            for _ in 0..<Self.looksAtOnce { start() }
            while let look = await group.next() {
                answers[look.number] = look.answer
                // Who does not answer for one is not asked for the others.
                if case .failure(let error) = look.answer, error.code != .notFound { rest = [] }
                start()
            }
        }
        var found: [Location.Shard] = []
        var (place, missing): (String?, StorageError?) = (nil, nil)
        for (number, shard) in shards.enumerated() {
            guard let answer = answers[number] else { continue }
            do throws(StorageError) {
                let info = try answer.get()
                place = place ?? info.place
                found.append(Location.Shard(shard.name, length: info.length ?? shard.length))
            } catch {
                guard error.code == .notFound else { throw error }
                missing = error
            }
        }
        if found.isEmpty, let missing { throw missing }
        return (found, place)
    }

    /// So many shards are asked for at once.
    private static let looksAtOnce = 16

    /// What was said of a shard.
    private struct ShardLook: Sendable {
        let number: Int
        let answer: Result<ObjectInfo, StorageError>

        init(_ number: Int, _ name: ObjectName, on service: any StorageService) async {
            self.number = number
            do throws(StorageError) {
                answer = .success(try await service.stat(name))
            } catch {
                answer = .failure(error)
            }
        }
    }

    /// Stores a CAR in shards; of an upload that goes on with one that was stopped, what is there by the service's
    /// digest is not sent again.
    ///
    /// The proof is the digest of one of them, where the service gave one of each that was sent, and nil otherwise:
    /// then all of it is to be read.
    func putShards(
        of upload: Upload,
        _ body: Body
    ) async throws(StorageError) -> (shards: [Location.Shard], proof: ObjectDigest?) {
        let cuts = try ShardCut.cuts(of: upload, length: body.length, limit: limits.largestObject)
        let there = upload.goesOn ? try await listed(stem(of: upload.root)) : [:]
        var shards: [Location.Shard] = []
        var proofs: [ObjectDigest] = []
        for (number, cut) in cuts.enumerated() {
            let shard = CARName.Shard(number + 1, of: cuts.count)
            let name = try CARName(upload.root, shard: shard, isInFolder: limits.spreadsNames).object
            let part = body.part(cut.range, behind: cut.beginning)
            let isThere = try await isThere(part, as: there[name])
            if !isThere, let proof = try await service.put(name, part).proof { proofs.append(proof) }
            if !isThere || CARName.ofIndex(of: name).flatMap({ there[$0] }) == nil {
                try await put(cut.index, beside: name)
            }
            shards.append(Location.Shard(name.text, length: part.length))
        }
        return (shards, proofs.count == shards.count ? proofs.first : nil)
    }

    /// Whether an object has the bytes of a body, by a digest that the service gives.
    private func isThere(_ body: Body, as info: ObjectInfo?) async throws(StorageError) -> Bool {
        guard let info, info.length == body.length else { return false }
        switch info.digest {
        case .md5(let digest): return try await body.digest(.md5) == digest
        case .sha256(let digest): return try await body.digest(.sha256) == digest
        case .md5OfParts, nil: return false
        }
    }

    /// Opens a CAR in shards, or a range of it.
    func read(
        _ shards: [Location.Shard],
        of root: CID,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        let isWhole = range == nil
        return try await ShardedCAR(shards, of: root).joined(range) { (part, range) async throws(StorageError) in
            try await open(part, range, isWhole: isWhole, root, shards)
        }
    }

    /// Opens a shard, without what is no part of the whole.
    private func open(
        _ part: ShardedCAR.Part,
        _ range: Range<UInt64>,
        isWhole: Bool,
        _ root: CID,
        _ shards: [Location.Shard]
    ) async throws(StorageError) -> OpenObject {
        let object: OpenObject
        do throws(StorageError) {
            object = try await ExpectedLength.of(part.length) { () async throws(StorageError) in
                try await service.get(part.name, isWhole ? nil : range, version: nil)
            }
        } catch {
            guard error.code == .notFound else { throw error }
            // Where another one is there, it is not gone but damaged.
            _ = try await present(shards)
            throw StorageError(
                .corrupt,
                "Of the CAR of \(root), which is in \(shards.count) objects, \(part.name) is not there.",
                cause: error
            )
        }
        guard (object.length ?? part.length) == part.length else {
            throw StorageError(
                .corrupt,
                "\(part.name), a shard of \(root), has \(object.length ?? 0) bytes, and \(part.length) were stored."
            )
        }
        guard isWhole, part.skipped > 0 else { return object }
        return object.through { stream in
            Pulled {
                let cursor = StreamCursor(stream)
                let left = Locked(CARSharding.laterBeginning[...])
                return { () async throws(StorageError) in
                    while let chunk = try await cursor.next() {
                        let expected = left.read { $0 }
                        guard !expected.isEmpty else { return chunk }
                        let count = min(chunk.count, expected.count)
                        guard chunk.prefix(count) == expected.prefix(count) else {
                            throw StorageError(
                                .corrupt,
                                "\(part.name) does not begin as a shard of \(root) does."
                            )
                        }
                        left.change { $0 = $0.dropFirst(count) }
                        if chunk.count > count { return Array(chunk.dropFirst(count)) }
                    }
                    return nil
                }
            }
        }
    }

    /// The indexes of shards as one of the whole; nil where one is missing, or says what cannot be.
    func index(of shards: [Location.Shard], of root: CID) async throws(StorageError) -> (any ByteStream)? {
        let car = try ShardedCAR(shards, of: root)
        var index = CARIndex()
        var room = Self.maxIndexBytes
        for part in car.parts {
            guard let name = CARName.ofIndex(of: part.name) else { return nil }
            let bytes: [UInt8]
            do throws(StorageError) {
                bytes = try await collect(try await service.read(name), limit: room)
            } catch {
                guard [.notFound, .tooLarge].contains(error.code) else { throw error }
                return nil
            }
            room -= bytes.count
            do throws(DecodingProblem) {
                try index.add(try CARIndexReader(bytes)) { (offset) throws(DecodingProblem) in
                    guard (part.skipped..<part.length).contains(offset) else {
                        throw DecodingProblem(.malformed, "An index says that a block begins outside its CAR.")
                    }
                    return offset - part.skipped + part.range.lowerBound
                }
            } catch {
                return nil
            }
        }
        return Body(index.encoded(.multihashSorted)).open()
    }
}

/// Shards that a list shows, put together by the roots and cuts that they are of.
struct ShardSets: Sendable {
    private struct Cut: Hashable {
        let root: CID
        let count: Int
        let isInFolder: Bool
    }

    private var sets: [Cut: [Int: Location.Shard]] = [:]
    /// How many shards wait for others of theirs.
    private var count = 0

    /// So many may wait: a list is as long as whoever writes there makes it.
    private static let most = 1 << 18

    /// Whether there are too many that wait.
    var isFull: Bool { count > Self.most }

    static let full = StorageError(
        .tooLarge,
        "More than \(most) shards of CARs are listed without the others that belong to them: remove them, or use another place."
    )

    /// Adds one; the whole set in its order where that completes it.
    mutating func add(_ info: ObjectInfo, _ shard: CARName.Shard, of name: CARName) -> [Location.Shard]? {
        guard let length = info.length else { return nil }
        let cut = Cut(root: name.root, count: shard.count, isInFolder: name.isInFolder)
        let before = sets[cut, default: [:]].updateValue(
            Location.Shard(info.name.text, length: length),
            forKey: shard.number
        )
        count += before == nil ? 1 : 0
        guard let set = sets[cut], set.count == shard.count else { return nil }
        sets[cut] = nil
        count -= set.count
        return set.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Those that are not complete, each in its order.
    var rest: [[Location.Shard]] { sets.values.map { $0.sorted { $0.key < $1.key }.map(\.value) } }
}
