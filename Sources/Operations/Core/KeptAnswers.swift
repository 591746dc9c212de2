internal import Catalog
internal import POSIX
internal import Schema

/// What the service of one backend answered, kept in files with when it was asked, by whom, and where the backend led
/// then.
///
/// It is a memory and no truth: where it is not there, too old, damaged, or of another place, the service is asked. So
/// nothing here fails, and nothing waits for the disk.
struct KeptAnswers: Sendable {
    /// What was asked.
    enum Kind: String, Sendable, CaseIterable {
        case test, snapshots
        /// What a test, and a trial, left that it could not remove.
        case canary, trial
        /// What a trial measured.
        case measures
    }

    /// An answer, and how it was learnt.
    struct Kept: Sendable {
        let answer: JSON
        let askedAt: Timestamp
        let askedBy: String
    }

    /// The folder of the answers of the backend.
    let folder: String
    /// For how many days they are kept; with 0 nothing is.
    let days: Int64
    let now: Timestamp

    /// Longer ones are not kept, and not read, in bytes.
    private static let longest = 1 << 20
    /// The longest name of who asked, in bytes.
    private static let longestName = 512
    private static let version: Int64 = 1

    private func path(_ kind: Kind) -> String { "\(folder)/\(kind.rawValue).json" }

    /// What was answered at an address; nil where nothing is kept, or it is too old, damaged, or of another place.
    func find(_ kind: Kind, at address: BackendState.Address) -> Kept? {
        removeOld()
        guard let (kept, there) = read(kind), isUsable(kept), there.isSame(as: address) else { return nil }
        return kept
    }

    /// Makes ready to keep an answer that is about to be asked for; nil where none can be kept.
    ///
    /// What makes kept answers void makes it void too, also while it is on its way.
    func expect(_ kind: Kind, at address: BackendState.Address, by observer: String) -> Expected? {
        removeOld()
        guard days > 0, (try? makeDirectory(folder)) != nil else { return nil }
        removeLeftovers(in: folder, unchangedFor: 86_400)
        let temporary = temporaryName(beside: path(kind))
        guard let file = try? File(temporary, .createNew) else { return nil }
        return Expected(file: file, path: path(kind), at: address, askedAt: now, askedBy: observer)
    }

    /// Makes answers void, those that are on their way too.
    func forget(_ kinds: [Kind]) {
        let names = (try? listDirectory(folder)) ?? []
        for name in names.map({ String(decoding: $0, as: UTF8.self) }) {
            let base = temporaryBase(in: name) ?? name
            let isOnItsWay = base != name && kinds.contains { base == "\($0.rawValue).json" }
            if isOnItsWay { try? removeFile(folder + "/" + name) }
        }
        // What got its name a moment before that goes by that name.
        for kind in kinds { try? removeFile(path(kind)) }
    }

    /// An answer that was asked for.
    struct Expected: Sendable {
        /// It has a name as long as what comes may be kept.
        private let file: File
        private let path: String
        private let address: BackendState.Address
        let askedAt: Timestamp
        private let askedBy: String

        fileprivate init(
            file: File,
            path: String,
            at address: BackendState.Address,
            askedAt: Timestamp,
            askedBy: String
        ) {
            (self.file, self.path, self.address) = (file, path, address)
            (self.askedAt, self.askedBy) = (askedAt, askedBy)
        }

        /// Keeps the answer, without secrets, in the place of an earlier one.
        func keep(_ answer: JSON) {
            let note: JSON = [
                "version": .integer(KeptAnswers.version), "asked_at": .text(askedAt), "asked_by": .string(askedBy),
                "place": .string(address.place), "account": .string(address.account), "answer": answer,
            ]
            let bytes = Array(Redactor.shared.clean(note).compact.utf8)
            guard bytes.count <= KeptAnswers.longest, (try? file.write(bytes, at: 0)) != nil,
                (try? renameFile(file.path, to: path)) != nil
            else { return drop() }
        }

        /// Gives up what did not come.
        func drop() { try? removeFile(file.path) }
    }

    private func read(_ kind: Kind) -> (kept: Kept, address: BackendState.Address)? {
        guard let bytes = try? readFile(path(kind), limit: Self.longest), let note = try? JSON(reading: bytes),
            note["version"] == .integer(Self.version), let at = note["asked_at"]?.string.flatMap({ Timestamp($0) }),
            let by = note["asked_by"]?.string, by.utf8.count <= Self.longestName,
            let place = note["place"]?.string, let account = note["account"]?.string, let answer = note["answer"]
        else { return nil }
        let address = BackendState.Address(place: place, account: account)
        return (Kept(answer: answer, askedAt: at, askedBy: by), address)
    }

    /// Whether an answer is not too old, and not of a time that has not come.
    private func isUsable(_ kept: Kept) -> Bool {
        kept.askedAt <= now && now.milliseconds - kept.askedAt.milliseconds < days * 86_400_000
    }

    /// Removes what is not used any more, for whoever comes by.
    private func removeOld() {
        for kind in Kind.allCases {
            guard let (kept, _) = read(kind), !isUsable(kept) else { continue }
            try? removeFile(path(kind))
        }
    }
}

extension Kit {
    private func keptAnswers(of name: String) throws(KitError) -> KeptAnswers {
        KeptAnswers(folder: home.answers(of: name), days: try configuration().keepDays, now: now)
    }

    /// What a backend answered when it was asked last; nil where that is not known, or it leads elsewhere now.
    func kept(_ kind: KeptAnswers.Kind, of file: BackendFile) async -> KeptAnswers.Kept? {
        guard let answers = try? keptAnswers(of: file.name),
            let address = try? await address(of: file.known(in: environment))
        else { return nil }
        return answers.find(kind, at: address)
    }

    /// Makes ready to keep what a backend is about to be asked for; nil where it cannot be kept.
    ///
    /// What homes left is not kept that is asked for while this home may change it: who changes it makes void what was
    /// asked for before.
    func expect(_ kind: KeptAnswers.Kind, of file: BackendFile) async -> KeptAnswers.Expected? {
        guard let answers = try? keptAnswers(of: file.name), let address = try? await address(of: file),
            let expected = answers.expect(kind, at: address, by: observer)
        else { return nil }
        guard kind == .snapshots else { return expected }
        guard let names = try? await namesOfPlace(of: file.name),
            let holders = try? await catalog().holders(), holders.keys.allSatisfy({ !names.contains($0) })
        else {
            expected.drop()
            return nil
        }
        return expected
    }

    /// Makes void what is kept of a backend that is about to be changed, under whatever name it is known.
    func forgetAnswers(_ kinds: [KeptAnswers.Kind] = KeptAnswers.Kind.allCases, of backend: String) async {
        for name in (try? await namesOfPlace(of: backend)) ?? [backend] {
            try? keptAnswers(of: name).forget(kinds)
        }
    }

    /// A backend, and all that may be one place with it, as far as is known.
    private func namesOfPlace(of backend: String) async throws -> Set<String> {
        let states = try await catalog().backendStates()
        guard let own = states.first(where: { $0.name == backend }) else { return [backend] }
        // Where one leads elsewhere than it was seen, or was never seen, nobody knows that it is another place.
        func isNowhere(_ state: BackendState) -> Bool { state.leadsElsewhere || state.address == nil }
        let same = states.filter { other in
            other.place == own.place || isNowhere(other) || isNowhere(own)
                || other.address?.place == own.address?.place
        }
        return Set(same.map(\.name)).union([backend])
    }
}
