internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Asks a backend about one thing.
package struct BackendStat: Operation {
    package static let name = "backend stat"
    package static let summary = "Ask a backend about one object, or about a root, now."
    package static let details = """
        It is the backend's word: whether what is there is whole is what `verify` says. It ends with 4 where the backend \
        says that nothing is there, and with an error where nobody can tell. Nothing is read, changed or written down.
        Example: ipfs-kit backend stat offsite bafy…
        """

    package var backend = ""
    package var object = ""
    package var keptVersion: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.backend, help: "The backend.", required: true, positional: true),
        Field(
            "object",
            \.object,
            help: "A CID, or the name of an object as `backend ls` shows it.",
            required: true,
            positional: true
        ),
        .keptVersion(\.keptVersion),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        try NamedObject.check(version: keptVersion)
        let root = try? parseCID(object)
        let file = try await kit.backends([backend])[0]
        let open = try await kit.open(file, gate: ClosedGate())
        try await kit.expectPlace(open)
        var output = Output(backend: backend, askedAt: kit.now, asked: object)
        if let keptVersion {
            let target = try await NamedObject(object, on: open, in: kit)
            output.found = try await Self.found { () async throws(StorageError) in
                try await target.objects.stat(target.name, kept: keptVersion)
            }
            return output
        }
        guard let root else {
            guard let name = ObjectName(object), let objects = open.content.objects else {
                throw KitError(
                    .usage,
                    "“\(object)” is neither a CID nor the name of an object that \(backend) may have.",
                    hint: Hint(BackendLs.self, ["name": backend]),
                    backend: backend
                )
            }
            output.found = try await Self.found { () async throws(StorageError) in try await objects.stat(name) }
            return output
        }
        let catalog = try kit.catalog()
        let mapping = try await kitErrors { try await catalog.mappings(of: [root]).first { $0.backend == backend } }
        switch await open.content.presence(of: root, at: mapping?.location) {
        case .present(let held):
            var thing = ListedThing(held)
            if let objects = open.content.objects, objects.capabilities.contains(.metadata),
                held.location.shards.isEmpty, let name = ObjectName(held.location.path),
                case .there(let found) = try await Self.found({ () async throws(StorageError) in
                    try await objects.stat(name)
                })
            {
                (thing.metadata, thing.lock) = (found.metadata, found.lock)
            }
            output.found = .there(thing)
        case .pending(let ticket): output.found = .pending(ticket.note)
        case .absent: break
        case .unknown(let error): throw KitError(error).on(backend)
        }
        return output
    }

    private static func found(
        _ look: () async throws(StorageError) -> ObjectInfo
    ) async throws(KitError) -> Found {
        do throws(StorageError) {
            return .there(ListedThing(try await look()))
        } catch {
            guard error.code == .notFound else { throw KitError(error) }
            return .absent
        }
    }

    /// What came of it.
    enum Found: Sendable {
        case there(ListedThing)
        /// The backend works on it; what it says of that.
        case pending(String?)
        case absent
    }

    /// What the backend says.
    package struct Output: OperationOutput {
        let backend: String
        let askedAt: Timestamp
        let asked: String
        var found = Found.absent

        private var thing: ListedThing? { if case .there(let thing) = found { thing } else { nil } }

        private var word: String {
            switch found {
            case .there: "present"
            case .pending: "pending"
            case .absent: "absent"
            }
        }

        package var exitCode: ExitCode { word == "absent" ? .notFound : .ok }
        package var whatFailed: String? { word == "absent" ? absence : nil }
        private var absence: String { "\(backend) says that it has nothing of \(asked)." }

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.backend },
            .askedAt { $0.askedAt },
            OutputField("presence", "What the backend says.", as: .choice(["present", "pending", "absent"])) {
                $0.word
            },
            OutputField("object", "The name of the object, or where the root is kept there; null where nothing is.") {
                $0.thing?.name
            },
            OutputField("cid", "The root; null for an object.", as: .cid) { $0.thing?.root },
            OutputField("size_bytes", "Its length; null where the backend does not say it.", in: .bytes) {
                $0.thing?.length
            },
            OutputField("modified_at", "When it was written last; null where the backend does not say it.") {
                $0.thing?.modified
            },
            OutputField("server_digest", "What the backend computed over its bytes, in hexadecimal after its method.") {
                $0.thing?.digestText
            },
            OutputField("object_metadata", "What is kept beside its bytes; null where nothing is said.") {
                $0.thing?.metadata.map { Texts($0) }
            },
            .lock { $0.thing?.lock },
            OutputField("message", "What the backend says of it besides.") { output in
                if case .pending(let note) = output.found { note } else { output.thing?.remark }
            },
        ]

        package var report: Report {
            switch found {
            case .there(let thing):
                func fact(_ name: String, _ value: String?) -> Report.Fact? { value.map { Report.Fact(name, $0) } }
                let facts = [
                    fact("object", thing.name), fact("CID", thing.root.map { "\($0)" }),
                    fact("size", thing.length.map { ByteCount($0).description }),
                    fact("written", thing.modified.map { "\($0.day) \($0.clock)" }),
                    fact("digest", thing.digestText), fact("metadata", thing.metadata.flatMap { Texts($0).line }),
                    fact("lock", thing.lock?.words), fact("it says", thing.remark),
                ]
                return Report([.facts(facts.compactMap(\.self))])
            case .pending(let note): return Report("\(backend) works on \(asked).\(note.map { " \($0)" } ?? "")")
            case .absent: return Report(absence)
            }
        }
    }
}
