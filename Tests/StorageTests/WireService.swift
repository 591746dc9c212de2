import Digests
import Storage
import StorageLaws
import TestKit

/// A service behind a wire on which things go wrong, and a client that believes what it should, or too much.
final class WireService: StorageService, Troublemaker {
    /// What a client should not believe.
    enum Credulity: String, CaseIterable, Sendable {
        case anySuccessIsContent, anyNotFoundIsAbsence, anySuccessIsPresence, anySuccessIsStored, bodiesAreAlwaysTaken
        case anySuccessIsRemoval, anyNotFoundIsRemoval, anySuccessIsAList, aListEndsSomewhere, anEndIsTheEnd
        case aNextPageHasMore, bytesAreNotEncoded, stoppedUploadsLeaveNothing, leftoversAreOfAllThatBeginSo
        case leftoversAreObjects
        case aBreakIsTheEnd
        case rangesAreHonoured, rangesAreRight, lengthsAreTold, namesStayTheSame, versionsStay, ownDigestsProve
        case aPlaceThatIsGoneIsEmpty
        case whatWasSentWasStored, whatFailedDidNotHappen, allNamesAreOurs, nothingComesTwice, allNamesAreFiles
    }

    /// What comes back over the wire.
    struct Reply: Sendable {
        var status = 200
        /// The service's own word: `done`, `gone`, `here`, `end` or `more`; nobody else knows them.
        var word = ""
        var length: UInt64?
        var version: ObjectVersion?
        var range: Range<UInt64>?
        var digest: [UInt8]?
        var bytes: [UInt8] = []
        /// Bytes of the request's body that were taken.
        var taken = 0
        /// Whether the bytes are in another form than the one in which they are kept.
        var isEncoded = false
        /// Whether the connection broke after the bytes.
        var isCut = false
    }

    let capabilities: Capabilities
    let limits = Limits()
    private let memory: MemoryService
    private let credulity: Credulity?
    private let troubles = Locked<[String: Trouble]>([:])
    private let strays = Locked<[String: Stray]>([:])

    init(_ memory: MemoryService, believing credulity: Credulity? = nil) {
        self.memory = memory
        self.credulity = credulity
        capabilities = memory.capabilities
    }

    func begin(_ trouble: Trouble, _ prefix: String) async throws -> Bool {
        troubles.change { $0[prefix] = trouble }
        return true
    }

    func end(_ prefix: String) async { troubles.change { $0[prefix] = nil } }

    func plant(_ stray: Stray, at name: String) async throws -> Bool {
        strays.change { $0[name] = stray }
        return true
    }

    func remains(_ stray: Stray, at name: String) async throws -> Bool { strays.read { $0[name] == stray } }

    func clear(_ name: ObjectName, mayResume: Bool) async throws(StorageError) {
        if mayResume || believes(.stoppedUploadsLeaveNothing) { return }
        if believes(.leftoversAreObjects) { try await memory.delete(name) }
        strays.change { strays in
            let isWide = believes(.leftoversAreOfAllThatBeginSo)
            for place in strays.keys where place == name.text || isWide && place.hasPrefix(name.text) {
                if strays[place] == .stoppedUpload { strays[place] = nil }
            }
        }
    }

    private func trouble(_ name: String) -> Trouble? {
        troubles.read { troubles in troubles.first { name.hasPrefix($0.key) }?.value }
    }

    private func believes(_ credulity: Credulity) -> Bool { self.credulity == credulity }

    // MARK: The wire

    private static let lost = StorageError(.unavailable, "The answer was lost.", retry: .later)
    private static let unknown = StorageError(.unavailable, "Nobody knows what that means.").ofUnknownOutcome

    private func ask(
        _ call: Trouble.Call,
        _ name: String,
        _ work: () async throws(StorageError) -> Reply
    ) async throws(StorageError) -> Reply {
        try StorageError.checkCancellation()
        switch trouble(name) {
        case .answers(let impostor, call): return Self.reply(of: impostor)
        case .losesPlace:
            return Reply(status: 404, word: believes(.aPlaceThatIsGoneIsEmpty) ? "gone" : "nowhere")
        case .losesAnswer(call):
            _ = try await work()
            throw believes(.whatFailedDidNotHappen) ? Self.lost : Self.lost.ofUnknownOutcome
        default: return try await work()
        }
    }

    private static func reply(of impostor: Trouble.Impostor) -> Reply {
        switch impostor {
        case .loginPage, .json: Reply(status: 200, length: 4, bytes: Array("page".utf8), taken: .max)
        case .notFoundPage, .bareNotFound: Reply(status: 404)
        case .barePraise: Reply(status: 200, length: 0, taken: .max)
        case .redirect: Reply(status: 302)
        case .badGateway: Reply(status: 502)
        }
    }

    private func entry(_ name: ObjectName) async throws(StorageError) -> (bytes: [UInt8], version: ObjectVersion?)? {
        do throws(StorageError) {
            let object = try await memory.get(name, nil, version: nil)
            return (try await collect(object.stream, limit: 1 << 30), object.version)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    // MARK: Calls

    func put(_ name: ObjectName, _ body: Body) async throws(StorageError) -> PutReceipt {
        let bytes = try await body.bytes()
        let own = digest(.sha256, of: bytes)
        let trouble = trouble(name.text)
        let reply = try await ask(.put, name.text) { () async throws(StorageError) in
            if trouble == .praisesEarly { return Reply(word: "done", taken: 0) }
            let isAltered = [.altersUploads, .echoesDigests].contains(trouble)
            let kept = isAltered ? bytes.map { ~$0 } : bytes
            var arrived = Body(kept)
            arrived.metadata = body.metadata
            _ = try await memory.put(name, arrived)
            self.strays.change { $0[name.text] = nil }
            let sent = believes(.ownDigestsProve) ? own : nil
            let computed = trouble == .echoesDigests ? sent : digest(.sha256, of: kept)
            return Reply(word: "done", digest: computed, taken: kept.count)
        }
        guard reply.status == 200, reply.word == "done" || believes(.anySuccessIsStored),
            reply.taken >= bytes.count || believes(.bodiesAreAlwaysTaken)
        else { throw Self.unknown }
        if believes(.whatWasSentWasStored) { return PutReceipt(proof: .sha256(own)) }
        guard let theirs = reply.digest, capabilities.contains(.digests) else { return PutReceipt(proof: nil) }
        guard theirs == own else { throw StorageError(.corrupt, "The service has other bytes.") }
        return PutReceipt(proof: .sha256(own))
    }

    func get(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        version: ObjectVersion?
    ) async throws(StorageError) -> OpenObject {
        if strays.read({ $0[name.text] == .pipe }) { throw pipe(name) }
        let trouble = trouble(name.text)
        let reply = try await ask(.get, name.text) { () async throws(StorageError) in
            try await fetch(name, range, trouble)
        }
        if reply.status == 404, reply.word == "gone" || believes(.anyNotFoundIsAbsence) { throw absent(name) }
        guard reply.status == 200, reply.word == "here" || believes(.anySuccessIsContent) else { throw Self.unknown }
        guard !reply.isEncoded || believes(.bytesAreNotEncoded) else { throw Self.unknown }
        guard version == nil || version == reply.version || believes(.versionsStay) else {
            throw StorageError.changed(name)
        }
        guard reply.length != nil || believes(.anEndIsTheEnd) else { throw Self.unknown }
        var bytes = reply.bytes
        if let range, !believes(.rangesAreHonoured) {
            let given = reply.range ?? 0..<UInt64(bytes.count)
            let part = range.clamped(to: 0..<max(reply.length ?? 0, range.lowerBound))
            guard believes(.rangesAreRight) || part.isEmpty || given.lowerBound <= part.lowerBound else {
                throw Self.unknown
            }
            if given.lowerBound < part.lowerBound {
                bytes = Array(bytes.dropFirst(Int(part.lowerBound - given.lowerBound)))
            }
            bytes = Array(bytes.prefix(Int(part.length)))
        }
        let start = range?.lowerBound ?? 0
        let stream = stream(bytes, reply.isCut, name, from: start + UInt64(bytes.count))
        return OpenObject(stream, length: reply.length, version: reply.version)
    }

    private func fetch(
        _ name: ObjectName,
        _ range: Range<UInt64>?,
        _ trouble: Trouble?
    ) async throws(StorageError) -> Reply {
        guard let entry = try await entry(name) else { return Reply(status: 404, word: "gone") }
        let length = UInt64(entry.bytes.count)
        var part = (range ?? 0..<length).clamped(to: 0..<length)
        if range != nil, trouble == .ignoresRanges { part = 0..<length }
        if range != nil, trouble == .shiftsRanges { part = min(part.lowerBound + 1, length)..<length }
        var bytes = Array(entry.bytes[Int(part.lowerBound)..<Int(part.upperBound)])
        var reply = Reply(word: "here", length: length, version: entry.version, range: range == nil ? nil : part)
        if trouble == .ignoresRanges { reply.range = nil }
        switch trouble {
        case .breaksOff(let count) where bytes.count > count:
            bytes = Array(bytes.prefix(count))
            reply.isCut = true
        case .encodesReads:
            bytes = bytes.map { ~$0 }
            reply.isEncoded = true
        case .endsUnannounced(let count):
            bytes = Array(bytes.prefix(count))
            reply.length = nil
        default: break
        }
        reply.bytes = bytes
        return reply
    }

    /// The bytes, and what comes after a break: an error, or whatever has the name by then.
    private func stream(_ bytes: [UInt8], _ isCut: Bool, _ name: ObjectName, from next: UInt64) -> any ByteStream {
        Pulled {
            let cursor = StreamCursor(Body(bytes).open())
            let rest = Once(isCut)
            return { () async throws(StorageError) in
                if let chunk = try await cursor.next() { return chunk }
                guard rest.take() == true, !self.believes(.aBreakIsTheEnd) else { return nil }
                guard self.believes(.namesStayTheSame) else { throw Self.lost }
                let entry = try await self.entry(name)
                let tail = entry.map { Array($0.bytes.dropFirst(Int(next))) } ?? []
                return tail.isEmpty ? nil : tail
            }
        }
    }

    func stat(_ name: ObjectName) async throws(StorageError) -> ObjectInfo {
        if strays.read({ $0[name.text] == .pipe }) { throw pipe(name) }
        let reply = try await ask(.stat, name.text) { () async throws(StorageError) in
            guard let entry = try await self.entry(name) else { return Reply(status: 404, word: "gone") }
            return Reply(word: "here", length: UInt64(entry.bytes.count))
        }
        if reply.status == 404, reply.word == "gone" || believes(.anyNotFoundIsAbsence) { throw absent(name) }
        guard reply.status == 200, reply.word == "here" || believes(.anySuccessIsPresence) else { throw Self.unknown }
        guard trouble(name.text) == .tellsNoLength else {
            let known = try? await memory.stat(name)
            var info = ObjectInfo(name: name, length: reply.length ?? 0, digest: known?.digest)
            info.metadata = known?.metadata
            return info
        }
        // Somebody else may know: here it is the list.
        return believes(.lengthsAreTold) ? ObjectInfo(name: name, length: 7) : try await memory.stat(name)
    }

    private func absent(_ name: ObjectName) -> StorageError { StorageError(.notFound, "There is no \(name).") }

    private func pipe(_ name: ObjectName) -> StorageError {
        believes(.allNamesAreFiles) ? absent(name) : StorageError(.corrupt, "\(name) is no object.")
    }

    func versions(of name: ObjectName) -> any VersionStream { memory.versions(of: name) }

    func get(_ name: ObjectName, _ range: Range<UInt64>?, kept id: String) async throws(StorageError) -> OpenObject {
        try await memory.get(name, range, kept: id)
    }

    func stat(_ name: ObjectName, kept id: String) async throws(StorageError) -> ObjectInfo {
        try await memory.stat(name, kept: id)
    }

    func list(_ prefix: String) -> any ObjectStream {
        let left = strays.read { strays in strays.filter { $0.key.hasPrefix(prefix) }.map(\.value) }
        if left.contains(.foreignNames), believes(.allNamesAreOurs) {
            return Pulled { { () async throws(StorageError) in throw StorageError(.unexpected, "What a name.") } }
        }
        let isTwice = left.contains(.waysBack) && believes(.nothingComesTwice)
        return Pulled { [self] in
            let cursor = StreamCursor(self.memory.list(prefix))
            return { () async throws(StorageError) in
                let reply = try await self.ask(.list, prefix) { () async throws(StorageError) in
                    Reply(word: self.trouble(prefix) == .cutsLists ? "" : "more")
                }
                guard reply.status == 200 else { throw Self.unknown }
                guard reply.word == "more" else {
                    let isCut = self.trouble(prefix) == .cutsLists
                    guard self.believes(isCut ? .aListEndsSomewhere : .anySuccessIsAList) else { throw Self.unknown }
                    return nil
                }
                if case .listsWithoutEnd(let areEmpty) = self.trouble(prefix) {
                    guard self.believes(.aNextPageHasMore) else { throw Self.unknown }
                    return areEmpty ? [] : try await StreamCursor(self.memory.list(prefix)).next()
                }
                let page = try await cursor.next()
                return isTwice ? page.map { $0 + $0 } : page
            }
        }
    }

    func delete(_ name: ObjectName) async throws(StorageError) {
        let reply = try await ask(.delete, name.text) { () async throws(StorageError) in
            try await memory.delete(name)
            return Reply(word: "done")
        }
        if reply.status == 404, believes(.anyNotFoundIsRemoval) { return }
        guard reply.status == 200, reply.word == "done" || believes(.anySuccessIsRemoval) else { throw Self.unknown }
    }

    func usage(mayWalk: Bool) async throws(StorageError) -> Usage { try await memory.usage(mayWalk: mayWalk) }
}

extension Flaw {
    /// What each credulity breaks.
    static let credulous: [Flaw] = WireService.Credulity.allCases.map { credulity in
        Flaw("believes that \(credulity.rawValue)", breaks: broken(by: credulity)) {
            WireService($0, believing: credulity)
        }
    }

    private static func broken(by credulity: WireService.Credulity) -> [String] {
        switch credulity {
        case .anySuccessIsContent: ["answers to a read"]
        case .anyNotFoundIsAbsence: ["answers to a read", "answers to a question"]
        case .anySuccessIsPresence: ["answers to a question"]
        case .anySuccessIsStored: ["an upload to which"]
        case .bodiesAreAlwaysTaken: ["praised before"]
        case .anySuccessIsRemoval, .anyNotFoundIsRemoval: ["a removal to which"]
        case .anySuccessIsAList: ["answers to a list"]
        case .aListEndsSomewhere: ["a list that is cut"]
        case .aNextPageHasMore: ["a list without an end"]
        case .bytesAreNotEncoded: ["in another encoding"]
        case .stoppedUploadsLeaveNothing, .leftoversAreOfAllThatBeginSo, .leftoversAreObjects:
            ["an upload left that was stopped"]
        case .anEndIsTheEnd: ["nobody announced"]
        case .aBreakIsTheEnd: ["goes on with its own bytes"]
        case .rangesAreHonoured: ["a range that is ignored", "another range"]
        case .rangesAreRight: ["another range"]
        case .lengthsAreTold: ["length is not told"]
        case .namesStayTheSame: ["its own is replaced", "its own is removed"]
        case .versionsStay: ["a version that was replaced"]
        case .ownDigestsProve: ["a digest that came"]
        case .whatWasSentWasStored: ["changed on their way"]
        case .whatFailedDidNotHappen: ["an upload whose answer", "a removal whose answer"]
        case .aPlaceThatIsGoneIsEmpty: ["a place that is gone"]
        case .allNamesAreOurs: ["foreign names"]
        case .nothingComesTwice: ["ways that lead back"]
        case .allNamesAreFiles: ["what is no object under a name"]
        }
    }
}
