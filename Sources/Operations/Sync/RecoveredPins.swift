internal import Catalog
internal import IPLD
internal import Multiformats
internal import POSIX
internal import Replication
internal import Schema
internal import Storage

/// Finds the pins that a recovery gives a home: those of its snapshot, those that other homes of the kit have, and what
/// the backend holds that none of them says anything of.
struct RecoveredPins: Sendable {
    /// The snapshots of the backend; nil where it has no room for any.
    let snapshots: Snapshots?
    let scratch: String
    let entries: HomeRegister.Entries
    /// The pins of this home.
    let known: [CID: Pin]
    /// What was unpinned in this home, and when.
    let unpinned: [CID: Timestamp]
    /// Up to which time of their snapshots this home knows what other homes knew.
    let knownSnapshots: [String: Int64]
    /// Whether the owner named the snapshot: then others say nothing.
    let isChosen: Bool
    /// The kit that is recovered, where that is known, and whether the owner said it.
    let kit: String?
    let isKitChosen: Bool

    /// What was found.
    struct Found {
        var pins: [Pin] = []
        /// The snapshots that the pins come from.
        var read: Set<SnapshotName> = []
        /// What the backend lists, with the lengths of the CARs.
        var held: [CID: UInt64?] = [:]
        /// The kit by whose mark the roots were known that the backend lists; nil where none was.
        var kit: String?
    }

    /// The pins, with a word on each kind that is not simply in the snapshot.
    func find(
        _ taken: TakenSnapshot?,
        on backend: OpenBackend,
        _ catalog: Catalog,
        _ output: inout Recover.Output
    ) async throws -> Found {
        var read: Set<SnapshotName> = Set(taken.map { [$0.name] } ?? [])
        let relatives = try await relatives(of: taken, &read, &output)
        var seen: Set<CID> = []
        // Whoever made the snapshot may have written a pin into it many times.
        var pins = (taken?.pins ?? []).filter { seen.insert($0.cid).inserted }
        let mapped = Set((taken?.mappings ?? []).map(\.cid))
        // Of a root whose pin may stand in a page that is lost nobody knows that.
        if let taken, taken.lost == nil { tellGivenUp(mapped.subtracting(seen), before: taken.name, &output) }
        // Of two homes that went their own ways, each may have been the last to change a pin.
        pins = pins.map { pin in relatives.pins[pin.cid].map { $0.updatedAt > pin.updatedAt ? $0 : pin } ?? pin }
        // What a snapshot has that the owner named, he wants.
        var unpinned = isChosen ? [] : takeUnpinned(from: &pins)
        if let taken, !isChosen, taken.name.time <= knownSnapshots[taken.name.instance] ?? -1 {
            // What this home knew and has no more, it gave up.
            tellUnpinned(Set(pins.map(\.cid)).subtracting(known.keys), &output)
            pins = pins.filter { known[$0.cid] != nil }
        }
        let wanted = seen
        if output.lostSnapshots.isEmpty { seen.formUnion(mapped) }
        // What that home knew and had no more, it gave up; and so did another one that knows where it is, or was.
        seen.formUnion(relatives.known)
        tellUnpinned(Set(relatives.pins.keys).intersection(seen).subtracting(wanted), &output)
        var news = relatives.pins.values.filter { seen.insert($0.cid).inserted }
        unpinned.formUnion(takeUnpinned(from: &news))
        if !news.isEmpty {
            output.warnings.append(
                "Other homes of the kit had pinned \(news.count) roots besides; they are pinned too."
            )
            pins += news.sorted { $0.cid < $1.cid }
        }
        if output.lostSnapshots.isEmpty { seen.formUnion(relatives.mapped) }
        var held: [CID: UInt64?] = [:]
        var marks = MarkedRoots()
        // Where nobody can list, the snapshot is all that is known.
        if backend.content.capabilities.contains(.listing) {
            for try await page in backend.content.roots() {
                for root in page {
                    held[root.root] = root.length
                    marks.note(root)
                }
            }
        }
        let (foreign, marked) = try marks.foreign(to: kit, isChosen: isKitChosen, on: output.source, &output.warnings)
        let others = held.keys.filter { !seen.contains($0) && !foreign.contains($0) }
        unpinned.formUnion(others.filter { self.unpinned[$0] != nil })
        tellUnpinnedHere(unpinned, &output)
        let open = others.filter { !unpinned.contains($0) }.sorted()
        if !open.isEmpty || unpinned.isEmpty {
            let isShared = entries.kits.count > 1 || backend.content.capabilities.contains(.sharedRoots)
            pins += try await pinned(open, taken?.name, isShared: isShared, among: pins, read, catalog, &output)
        }
        output.lostSnapshots += relatives.damaged
        return Found(pins: try await sensible(pins, catalog, &output), read: read, held: held, kit: marked)
    }

    /// What is pinned of the roots that the snapshot says nothing of.
    ///
    /// Where a newer snapshot is lost, or there is none, that is every other root that the backend holds. Otherwise
    /// each was stored after the snapshot, for a removed pin is known there, or by a home that went back in time.
    /// Another kit that uses the place may have stored it too, or somebody who pins on the same node: then it is only
    /// told.
    private func pinned(
        _ others: [CID],
        _ taken: SnapshotName?,
        isShared: Bool,
        among pins: [Pin],
        _ read: Set<SnapshotName>,
        _ catalog: Catalog,
        _ output: inout Recover.Output
    ) async throws -> [Pin] {
        if taken != nil, others.isEmpty { return [] }
        let count = "\(others.count) roots that \(output.source) holds"
        if taken != nil, output.lostSnapshots.isEmpty, isShared {
            output.warnings.append(
                "The snapshot says nothing of \(count): another kit, or somebody else, may have stored them. They are not "
                    + "pinned."
            )
            return []
        }
        let older = try await sayings(of: others, taken, read)
        tellUnpinned(older.givenUp, &output)
        let others = others.filter { !older.givenUp.contains($0) }
        let nameless = others.filter { older.pins[$0] == nil && known[$0] == nil }
        if !nameless.isEmpty {
            let which = taken == nil ? "There is no snapshot that can be read" : "No snapshot says anything of some"
            output.warnings.append(
                "\(which): \(nameless.count) roots that \(output.source) holds are pinned without names."
            )
        }
        let named = others.count { older.pins[$0] != nil && known[$0] == nil }
        if named > 0 {
            output.warnings.append(
                "\(isChosen ? "The snapshot says" : "The newest snapshots say") nothing of \(named) roots that \(output.source) "
                    + "holds; they are pinned as others say."
            )
        }
        guard !pins.isEmpty || !others.isEmpty else { throw nothing(output) }
        return others.map { older.pins[$0] ?? Pin(unspoken: $0, createdAt: catalog.time) }
    }

    private func nothing(_ output: Recover.Output) -> KitError {
        let source = output.source
        guard let lost = output.lostSnapshots.first else {
            return KitError(
                .notFound,
                output.warnings.first ?? "\(source) holds neither a snapshot nor any root.",
                hint: Hint(BackendShow.self, ["name": source]),
                backend: source
            )
        }
        return KitError(
            .verification,
            "\(source) has \(output.lostSnapshots.count) snapshots, none of which can be read, such as \(lost), and no root.",
            hint: Hint(SnapshotList.self, ["backend": source]),
            backend: source
        )
    }

    /// What other homes of the kit say in their newest snapshots; with those among their pins that the home of the
    /// snapshot that is taken knew, and no other one had later; and the snapshots that cannot be read.
    private func relatives(
        of taken: TakenSnapshot?,
        _ read: inout Set<SnapshotName>,
        _ output: inout Recover.Output
    ) async throws -> Relatives {
        var relatives = Relatives()
        guard let taken, !isChosen else { return relatives }
        var homes: Set<String> = ["", taken.name.instance]
        let newest = entries.snapshots.filter { $0.kit == taken.name.kit && homes.insert($0.instance).inserted }
        if newest.count > Snapshots.maxHomes {
            output.warnings.append(
                "Of \(newest.count) other homes of the kit, \(Snapshots.maxHomes) were looked into: `ipfs-kit snapshot list "
                    + "\(output.source)` names the snapshots of all, and `recover --snapshot` takes one over."
            )
        }
        var later: Set<CID> = []
        for name in newest.prefix(Snapshots.maxHomes) {
            let (found, mapped, problem) = try await rows(of: name)
            if problem == nil { read.insert(name) }
            let isKnown = name.time <= taken.snapshot.known[name.instance] ?? -1
            if isKnown { relatives.known.formUnion(found.map(\.cid)) } else { later.formUnion(found.map(\.cid)) }
            relatives.pins.merge(found.map { ($0.cid, $0) }) { $0.updatedAt >= $1.updatedAt ? $0 : $1 }
            relatives.mapped.formUnion(mapped)
            guard let problem else { continue }
            relatives.damaged.append(name.name.text)
            output.warnings.append(
                "The snapshot \(name.name) of another home of the kit is of no use, and what only that home pinned has no name: "
                    + problem
            )
        }
        relatives.known.subtract(later)
        return relatives
    }

    /// What the newest snapshots of the other homes of the kit say.
    private struct Relatives {
        var pins: [CID: Pin] = [:]
        /// Roots that the home of the snapshot that is taken knew to be pinned there, and no other home pinned later.
        var known: Set<CID> = []
        /// Roots of which one of them knows where they are, or were.
        var mapped: Set<CID> = []
        /// Snapshots that cannot be read.
        var damaged: [String] = []
    }

    /// What other snapshots of the kit say of roots that those which were taken say nothing of, the newest first: the
    /// older ones, and where the owner named one, those that came after it, too.
    private func sayings(
        of roots: [CID],
        _ taken: SnapshotName?,
        _ read: Set<SnapshotName>
    ) async throws -> (pins: [CID: Pin], givenUp: Set<CID>) {
        guard let taken else { return ([:], []) }
        var open = Set(roots)
        var found: [CID: Pin] = [:]
        var givenUp: Set<CID> = []
        let rest = entries.snapshots.filter { name in
            name.kit == taken.kit && !read.contains(name) && (isChosen || name.time < taken.time)
        }
        for name in rest.prefix(2 * Snapshots.maxHomes) where !open.isEmpty {
            let rows = try await rows(of: name)
            for pin in rows.pins where open.remove(pin.cid) != nil { found[pin.cid] = pin }
            // A later one knows where it is, and pinned it no more.
            guard name.time > taken.time, rows.problem == nil else { continue }
            givenUp.formUnion(open.intersection(rows.mapped))
            open.subtract(rows.mapped)
        }
        return (found, givenUp)
    }

    /// What a snapshot says, and what is wrong with it.
    private func rows(of name: SnapshotName) async throws -> (pins: [Pin], mapped: Set<CID>, problem: String?) {
        let rows = Locked<(pins: [Pin], mapped: Set<CID>)>(([], []))
        let problem = try await snapshots?.opened(name, scratch: scratch, limit: Snapshots.longestOfOthers) {
            (snapshot) throws(ReplicationError) in
            let found = (try snapshot.pins(), Set(try snapshot.mappings().map(\.cid)))
            rows.change { $0 = found }
        }
        let (pins, mapped) = rows.read { $0 }
        return (pins, mapped, problem)
    }

    /// Tells of pins that are here, and that the home of the snapshot had given up by then: it knew where the roots
    /// are, and pinned them no more.
    private func tellGivenUp(_ roots: Set<CID>, before taken: SnapshotName, _ output: inout Recover.Output) {
        let givenUp = roots.filter { root in known[root].map { $0.updatedAt.milliseconds < taken.time } ?? false }
        guard let one = givenUp.min() else { return }
        output.warnings.append(
            "\(givenUp.count) roots that are pinned here were no more where the snapshot was made, such as \(one): `ipfs-kit pin rm "
                + "\(one)` where that is right."
        )
    }

    /// Takes out what was unpinned in this home after anybody changed it, and returns these roots.
    private func takeUnpinned(from pins: inout [Pin]) -> Set<CID> {
        let taken = Set(pins.filter { pin in unpinned[pin.cid].map { $0 >= pin.updatedAt } ?? false }.map(\.cid))
        pins.removeAll { taken.contains($0.cid) }
        return taken
    }

    /// Tells of what is on the backend, and was unpinned in this home later than anybody said anything of it.
    private func tellUnpinnedHere(_ roots: Set<CID>, _ output: inout Recover.Output) {
        guard let one = roots.min() else { return }
        output.warnings.append(
            "\(roots.count) roots that were unpinned here since, such as \(one), stay so: `ipfs-kit pin add \(one)` pins one again, "
                + "and `recover --snapshot` all that a snapshot has."
        )
    }

    /// Tells of what another home of the kit has pinned, and the one of the snapshot gave up.
    private func tellUnpinned(_ roots: Set<CID>, _ output: inout Recover.Output) {
        guard let one = roots.min() else { return }
        output.warnings.append(
            "Another home of the kit has \(roots.count) pins that the home of this snapshot gave up, such as \(one): they are not "
                + "pinned. `ipfs-kit snapshot list \(output.source)` names its snapshots, and `recover --snapshot` takes them over."
        )
    }

    /// The same pins, without what no command could have made: rows of a snapshot may be a stranger's.
    private func sensible(_ pins: [Pin], _ catalog: Catalog, _ output: inout Recover.Output) async throws -> [Pin] {
        let possible = pins.filter { (try? $0.cid.checkLimits(length: 0)) != nil }
        output.leftOut = pins.count - possible.count
        if output.leftOut > 0 {
            output.warnings.append("\(output.leftOut) pins have CIDs that no content may have; they are left out.")
        }
        let bad = try await catalog.noMetadata(among: Set(possible.map(\.metadata)))
        let sensible = possible.map { pin in
            var pin = pin
            if bad.contains(pin.metadata) { pin.metadata = "{}" }
            if pin.replicas ?? 0 < 0 { pin.replicas = nil }
            if pin.name.utf8.count > Pin.longestText { pin.name = "" }
            return pin
        }
        let count = zip(sensible, possible).count { $0 != $1 }
        if count > 0 {
            output.warnings.append(
                "\(count) pins have a name, metadata or a number of replicas in the snapshot that none can have; that is left out."
            )
        }
        return sensible
    }
}
