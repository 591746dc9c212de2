internal import Catalog
internal import Replication
package import Schema
internal import Storage

/// Lists the snapshots on a backend.
package struct SnapshotList: Operation {
    package static let name = "snapshot list"
    package static let summary = "List the snapshots that kits left on a backend, the newest first."
    package static let details = """
        What the backend answered when it was asked last is kept for a while, and told with its time. Where nothing is \
        kept, and with --fresh, it is asked.
        """

    package var backend = ""
    package var fresh = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("backend", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        Field("fresh", \.fresh, help: "Ask the backend, also where its last answer is kept."),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let file = try await kit.backends([backend])[0]
        let own = try await kit.identity()
        if !fresh, let (names, kept) = try await lookUp(file, in: kit) {
            return Output(backend: backend, names: names, own: own, learnt: .kept(kept.askedAt, by: kept.askedBy))
        }
        let askedAt = kit.now
        let expected = await kit.expect(.snapshots, of: file)
        do throws(KitError) {
            let (register, _) = try await kit.snapshots(on: backend)
            let names = try await kitErrors { try await register.list().snapshots }
            expected?.keep(Self.note(names))
            return Output(backend: backend, names: names, own: own, learnt: .asked(askedAt, by: kit.observer))
        } catch {
            expected?.drop()
            throw error
        }
    }

    /// The list that is kept; nil where none is, or one that lacks the snapshot which this home knows to be there, as
    /// where the file could not be removed, or an old one was put back.
    private func lookUp(
        _ file: BackendFile,
        in kit: Kit
    ) async throws(KitError) -> (names: [SnapshotName], kept: KeptAnswers.Kept)? {
        guard let kept = await kit.kept(.snapshots, of: file), let names = Self.names(in: kept.answer) else {
            return nil
        }
        let catalog = try kit.catalog()
        let left = try await kitErrors { try await catalog.backendState(file.name)?.snapshot }
        return left.map { left in names.contains { $0.name.text == left } } ?? true ? (names, kept) : nil
    }

    /// What is kept of a list.
    private static func note(_ names: [SnapshotName]) -> JSON {
        .array(names.map { ["name": .string($0.name.text), "left_at": .text($0.leftAt)] })
    }

    /// The list that was kept; nil where it is none.
    private static func names(in note: JSON) -> [SnapshotName]? {
        guard let items = note.items else { return nil }
        let names = items.compactMap { item -> SnapshotName? in
            guard let name = item["name"]?.string.flatMap({ ObjectName($0) }),
                let leftAt = item["left_at"]?.string.flatMap({ Timestamp($0) })
            else { return nil }
            return SnapshotName(name, leftAt: leftAt)
        }
        return names.count == items.count ? names : nil
    }

    /// How the list was learnt.
    enum Learnt: Sendable {
        /// The backend was asked now.
        case asked(Timestamp, by: String)
        /// It was asked then, and the answer was kept.
        case kept(Timestamp, by: String)

        fileprivate var at: Timestamp {
            switch self {
            case .asked(let at, _), .kept(let at, _): at
            }
        }
        fileprivate var by: String {
            switch self {
            case .asked(_, let by), .kept(_, let by): by
            }
        }
        fileprivate var isFresh: Bool { if case .asked = self { true } else { false } }
    }

    /// The snapshots.
    package struct Output: OperationOutput {
        let backend: String
        let names: [SnapshotName]
        let own: Catalog.Identity
        let learnt: Learnt

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.backend },
            .askedAt { $0.learnt.at },
            OutputField("asked_by", "Who asked it: the host and the version of the program.") { $0.learnt.by },
            OutputField("fresh", "Whether it was asked now, and this is not what it answered then.") {
                $0.learnt.isFresh
            },
            OutputField("snapshots", "What homes left there, the newest first.") { output in
                output.names.map { SnapshotRow($0, output.own) }
            },
        ]
        package var report: Report {
            let age: [Report.Part] =
                learnt.isFresh
                ? []
                : [
                    .line("\(backend) answered this \(learnt.at.toTheSecond), when it was asked by \(learnt.by)."),
                    .command(Hint(SnapshotList.self, ["backend": backend, "fresh": "true"])),
                ]
            guard !names.isEmpty else { return Report([.line("\(backend) has no snapshot.")] + age) }
            return Report(
                [
                    .table(
                        [.init("ID"), .init("MADE"), .init("KIT"), .init("HOME"), .init("WHOSE")],
                        rows: names.map { name in
                            let made = Timestamp(milliseconds: name.time)
                            return [
                                name.identifier, "\(made.day) \(made.clock)", name.kit,
                                name.instance.isEmpty ? "-" : name.instance, name.owner(own),
                            ]
                        }
                    )
                ] + age
            )
        }
    }
}

extension Kit {
    /// What is known by name on a backend, opened for reading.
    func snapshots(
        on name: String,
        gate: any ChangeGate = ClosedGate()
    ) async throws(KitError) -> (register: HomeRegister, snapshots: Snapshots) {
        let file = try await backends([name])[0]
        let backend = try await open(file, gate: gate)
        guard let register = HomeRegister(backend), let snapshots = Snapshots(backend) else {
            throw KitError(.refused, "\(name) has no room for snapshots.", backend: name)
        }
        try await expectPlace(backend)
        return (register, snapshots)
    }

    /// Throws where a backend is not the place that this home knows.
    func expectPlace(_ backend: OpenBackend) async throws(KitError) {
        do {
            try await HomeRegister.expectPlace(backend, try catalog(), try await identity())
        } catch {
            throw KitError(any: error)
        }
    }
}

/// A snapshot, and whose it is.
struct SnapshotRow: Answer {
    let name: SnapshotName
    let own: Catalog.Identity

    init(_ name: SnapshotName, _ own: Catalog.Identity) { (self.name, self.own) = (name, own) }

    static var sharedName: String? { "snapshot" }
    static let outputFields: [OutputField<Self>] = [
        OutputField("id", "What it is called.") { $0.name.identifier },
        OutputField("name", "The name of its object.") { $0.name.name.text },
        OutputField("kit", "The kit that it is of.") { $0.name.kit },
        OutputField("home", "The home that made it; null where that is not known.") {
            $0.name.instance.isEmpty ? nil : $0.name.instance
        },
        OutputField("created_at", "When it was made.") { Timestamp(milliseconds: $0.name.time) },
        OutputField("is_own", "Whether this home made it.") { $0.name.instance == $0.own.instance },
    ]
}

extension SnapshotName {
    /// What a person calls it: its time, and the home.
    var identifier: String { instance.isEmpty ? String(time) : "\(time)-\(instance)" }

    /// Whose it is, in a word.
    func owner(_ own: Catalog.Identity) -> String {
        if kit != own.kit { return "another kit" }
        return instance == own.instance ? "this home" : instance.isEmpty ? "this kit" : "another home"
    }

    /// The snapshot that a person means, by its identifier or its whole name.
    static func named(
        _ text: String,
        among names: [SnapshotName],
        on backend: String
    ) throws(KitError) -> SnapshotName {
        guard let found = names.first(where: { $0.identifier == text || $0.name.text == text }) else {
            throw KitError(
                .notFound,
                "\(backend) has no snapshot “\(text)”.",
                hint: Hint(SnapshotList.self, ["backend": backend, "fresh": "true"]),
                backend: backend
            )
        }
        return found
    }
}
