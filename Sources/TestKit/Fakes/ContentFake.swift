internal import Digests
package import Multiformats
package import Schema
package import Storage

/// A content service in memory with habits that storage services do not have.
package final class ContentFake: ContentService {
    /// What is unusual about it.
    package enum Habit: Sendable, Hashable, CaseIterable {
        /// It names what it takes itself, and has neither lists nor ranges, as stores of media.
        case choosesNames
        /// It only gives, as gateways.
        case onlyReads
        /// It only gives, and looks elsewhere for what it does not hold.
        case onlyFinds
        /// What it holds has to be brought back first, as archives of tape.
        case isCold
    }

    package let habit: Habit
    package let limits = Limits()
    package var objects: (any StorageService)? { nil }
    private let policy: CallPolicy
    private let content: Locked<[String: (root: CID, car: [UInt8])]>
    /// How many names it has given.
    private let given: Locked<Int>

    /// A service whose requests are made by `policy`; it shares what it holds with others made from it.
    package init(_ habit: Habit, by policy: CallPolicy) {
        self.habit = habit
        self.policy = policy
        (content, given) = (Locked([:]), Locked(0))
    }

    private init(_ other: ContentFake, by policy: CallPolicy) {
        (habit, content, given, self.policy) = (other.habit, other.content, other.given, policy)
    }

    /// The same service, asked by another policy.
    package func opened(by policy: CallPolicy) -> ContentFake { ContentFake(self, by: policy) }

    package var capabilities: Capabilities {
        switch habit {
        case .choosesNames: [.write, .delete, .takesBytes, .reads]
        case .onlyReads: [.reads]
        case .onlyFinds: [.reads, .finds]
        case .isCold: [.write, .delete, .takesBytes, .reads, .listing, .digests]
        }
    }

    /// The names of what it holds, and what that is.
    package var held: [String: CID] { content.read { $0.mapValues(\.root) } }

    /// Puts something there without being asked to, or takes it away.
    package func tamper(_ name: String, _ root: CID, _ car: [UInt8]?) {
        content.change { $0[name] = car.map { (root, $0) } }
    }

    package func location(for root: CID) throws(StorageError) -> Location? {
        habit == .choosesNames ? nil : Location("\(root)")
    }

    package func presence(of root: CID, at location: Location?) async -> Presence {
        do throws(StorageError) {
            return try await policy.run { () async throws(StorageError) in
                policy.count(.stat)
                let name = try name(of: root, location)
                guard let entry = content.read({ $0[name] }) else {
                    return habit == .onlyFinds ? .unknown(Self.notFound(name)) : .absent
                }
                return .present(held(name, entry))
            }
        } catch {
            return .unknown(error)
        }
    }

    package func store(_ upload: Upload) async throws(StorageError) -> StoreAnswer {
        let body = try await upload.car()
        return try await policy.run(change: .store(upload.root)) { () async throws(StorageError) in
            policy.count(.put)
            let bytes = try await policy.sending(body).bytes()
            let number = given.change { number in
                defer { number += 1 }
                return number
            }
            let name = habit == .choosesNames ? "media \(number)" : "\(upload.root)"
            content.change { $0[name] = (upload.root, bytes) }
            let digest = capabilities.contains(.digests) ? held(name, (upload.root, bytes)).digest : nil
            return .stored(Location(name), proof: digest)
        }
    }

    package func check(_ ticket: Ticket, of root: CID) async throws(StorageError) -> TicketState { .unknown }

    package func read(
        _ root: CID,
        at location: Location?,
        _ range: Range<UInt64>?
    ) async throws(StorageError) -> OpenObject {
        try await policy.read("\(root)", range, version: nil, hasRanges: false) {
            (_, _) async throws(StorageError) in
            self.policy.count(.get)
            let name = try self.name(of: root, location)
            guard let entry = self.content.read({ $0[name] }) else {
                if self.habit == .onlyFinds { throw Self.notFound(name) }
                throw StorageError(.notFound, "There is no \(name).")
            }
            if self.habit == .isCold {
                throw StorageError(.unavailable, "\(root) has to be brought back first; ask again in five hours.")
            }
            let stream = self.policy.receiving(Body(entry.car).open())
            return OpenObject(stream, length: UInt64(entry.car.count), version: nil)
        }
    }

    package func remove(
        _ root: CID,
        at location: Location?,
        before: @Sendable () async throws(StorageError) -> Void
    ) async throws(StorageError) {
        try await before()
        try await policy.run(change: .remove(root)) { () async throws(StorageError) in
            policy.count(.delete)
            let name = try name(of: root, location)
            content.change { $0[name] = nil }
        }
    }

    package func clear(_ root: CID, mayResume: Bool) async throws(StorageError) {}

    package func roots() -> any RootStream {
        let entries = content.read { $0 }.map { held($0.key, $0.value) }
        return Pulled {
            let rest = Locked(entries.isEmpty ? nil : entries)
            return { () async throws(StorageError) in
                rest.change { rest in
                    defer { rest = nil }
                    return rest
                }
            }
        }
    }

    package func usage(mayWalk: Bool) async throws(StorageError) -> Usage { Usage() }

    private static func notFound(_ name: String) -> StorageError {
        StorageError(.unavailable, "Nobody who was asked has \(name).")
    }

    private func name(of root: CID, _ location: Location?) throws(StorageError) -> String {
        if let location { return location.path }
        guard habit != .choosesNames else {
            throw StorageError(.unsupported, "Nobody knows the name that \(root) has here.")
        }
        return "\(root)"
    }

    private func held(_ name: String, _ entry: (root: CID, car: [UInt8])) -> HeldRoot {
        let digest = capabilities.contains(.digests) ? Digests.digest(.sha256, of: entry.car) : nil
        return HeldRoot(
            root: entry.root,
            at: Location(name),
            length: UInt64(entry.car.count),
            digest: digest.map { .sha256($0) }
        )
    }
}
