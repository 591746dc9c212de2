internal import Storage

/// How a service takes one object in parts.
///
/// Each call is a request, or the tries of one, and the upload says in which order they come.
protocol PartTaker: Sendable {
    /// A part that the service has.
    associatedtype Part: Sendable

    var policy: CallPolicy { get }
    /// How many parts there are; they are counted from 1.
    var count: Int { get }

    /// The uploads of this object that were begun and not ended.
    func pending() async throws(StorageError) -> [PendingUpload]
    /// Begins an upload, and gives its name.
    func begin() async throws(StorageError) -> String
    /// The parts of an upload that may be ours, by number.
    func parts(of id: String) async throws(StorageError) -> [Int: Part]
    /// Sends a part, unless the one that is there is the same; with tries of its own.
    func send(_ number: Int, _ present: Part?, to id: String) async throws(StorageError) -> Part
    /// Puts the parts together.
    func complete(_ id: String, _ parts: [Part]) async throws(StorageError) -> PutReceipt
    /// The object that the parts make, where it is there; nil where nobody can say so.
    func completed(_ parts: [Part]) async throws(StorageError) -> PutReceipt?
    /// Takes away an upload and its parts.
    func end(_ id: String) async throws(StorageError)
    /// Whether an error tells that the upload was ended by somebody else, or lost parts.
    func tellsOfLoss(_ error: StorageError) -> Bool
}

/// An upload in parts that was begun and not ended.
struct PendingUpload: Sendable, Hashable {
    let id: String
    /// Whether it was begun more than an hour ago: a young one may be somebody's who is still at it.
    let isOld: Bool
}

/// The upload of one large object in parts, which goes on where an earlier one stopped.
///
/// Parts that are on the service already are kept when they are ours, whoever sent them. A stopped upload stays there
/// for the next try; one that cannot succeed is taken away.
struct PartedUpload<Taker: PartTaker>: Sendable {
    private typealias Outcome = Result<(number: Int, part: Taker.Part), StorageError>

    let taker: Taker
    /// Parts in flight.
    let concurrency: Int
    /// Places for large bodies on their way, for all objects together.
    let places: Permits
    /// Whether the last try may be followed by another one, from the beginning.
    private let mayBeginAnew = Locked(false)

    /// So many pending uploads of one name are looked into.
    private static var maxPending: Int { 16 }

    init(_ taker: Taker, concurrency: Int, places: Permits) {
        (self.taker, self.concurrency, self.places) = (taker, concurrency, places)
    }

    /// Uploads what is missing and puts the parts together.
    ///
    /// Each request has its own tries, and what arrived is not sent again. Where somebody else ended the upload, or
    /// nobody knows whether it was begun, it begins anew.
    func run() async throws(StorageError) -> PutReceipt {
        try await taker.policy.repeating(mayRepeat: { mayBeginAnew.read { $0 } }) { () async throws(StorageError) in
            mayBeginAnew.change { $0 = false }
            do throws(StorageError) {
                return try await once()
            } catch  where taker.tellsOfLoss(error) {
                mayBeginAnew.change { $0 = true }
                throw error.retried(.later)
            }
        }
    }

    private func once() async throws(StorageError) -> PutReceipt {
        let (id, present) = try await begin()
        do throws(StorageError) {
            return try await complete(id, try await send(to: id, present))
        } catch {
            // Parts that stay are gone on with by the next try, or removed by whoever looks what became of this one.
            let isHopeless = error.retry == .never && error.code != .cancelled || error.code == .corrupt
            guard isHopeless, await end(id) || error.code == .corrupt else { throw error.ofUnknownOutcome }
            throw error
        }
    }

    /// The pending upload of this object that has the most parts of ours, or a new one.
    private func begin() async throws(StorageError) -> (id: String, present: [Int: Taker.Part]) {
        var best: (upload: PendingUpload, present: [Int: Taker.Part])?
        let all = try await taker.policy.run { () async throws(StorageError) in try await taker.pending() }
        for pending in all.prefix(Self.maxPending) {
            let parts: [Int: Taker.Part]
            do throws(StorageError) {
                parts = try await taker.policy.run { () async throws(StorageError) in
                    try await taker.parts(of: pending.id)
                }
            } catch  where error.code != .cancelled {
                continue
            }
            let isBest = best.map { parts.count > $0.present.count } ?? true
            // The one that loses goes where it is old: a young one may be somebody's who is still at it.
            let other = isBest ? best?.upload : pending
            if let other, other.isOld { _ = await end(other.id) }
            if isBest { best = (pending, parts) }
        }
        if let best { return (best.upload.id, best.present) }
        do throws(StorageError) {
            return (try await taker.policy.once { () async throws(StorageError) in try await taker.begin() }, [:])
        } catch  where error.retry != .never {
            // It may have begun all the same: then the next look finds it.
            mayBeginAnew.change { $0 = true }
            throw error
        }
    }

    /// Sends the parts that are missing, a few at a time; the first failure stops the others.
    private func send(to id: String, _ present: [Int: Taker.Part]) async throws(StorageError) -> [Taker.Part] {
        let result = await withTaskGroup(of: Outcome.self) { group in
            var next = 0
            func add() {
                guard next < taker.count else { return }
                next += 1
                let number = next
                group.addTask { await outcome(number, present[number], id) }
            }
            for _ in 0..<concurrency { add() }
            var parts: [(number: Int, part: Taker.Part)] = []
            while let outcome = await group.next() {
                switch outcome {
                case .success(let part):
                    parts.append(part)
                    add()
                case .failure(let error):
                    group.cancelAll()
                    return Result<[Taker.Part], StorageError>.failure(error)
                }
            }
            return .success(parts.sorted { $0.number < $1.number }.map(\.part))
        }
        return try result.get()
    }

    private func outcome(_ number: Int, _ present: Taker.Part?, _ id: String) async -> Outcome {
        do throws(StorageError) {
            let permit = try await places.take()
            defer { permit.give() }
            return .success((number, try await taker.send(number, present, to: id)))
        } catch {
            return .failure(error)
        }
    }

    /// Puts the parts together; when the reply is lost, the object itself says whether it was done.
    private func complete(_ id: String, _ parts: [Taker.Part]) async throws(StorageError) -> PutReceipt {
        do throws(StorageError) {
            return try await taker.policy.run { () async throws(StorageError) in try await taker.complete(id, parts) }
        } catch  where error.retry != .never || taker.tellsOfLoss(error) {
            // A try whose answer was lost may have done it, and then there is no upload any more.
            let found = try? await taker.policy.run { () async throws(StorageError) in
                try await taker.completed(parts)
            }
            guard let receipt = found else { throw error }
            return receipt
        }
    }

    /// Takes away an upload and its parts; says whether the service said so.
    private func end(_ id: String) async -> Bool {
        let ended: Void? = try? await taker.policy.run { () async throws(StorageError) in try await taker.end(id) }
        return ended != nil
    }
}
