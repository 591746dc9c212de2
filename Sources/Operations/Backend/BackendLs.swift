internal import Digests
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Lists what lies on a backend, as it says itself.
package struct BackendLs: Operation {
    package static let name = "backend ls"
    package static let summary = "List what lies on a backend, as it says itself now."
    package static let details = """
        A backend with room for objects lists their names, below its prefix or folder; one that keeps roots otherwise lists \
        them. It is what the backend says: what counts as stored there is in `backend pin list`, and whether it is whole \
        is what `verify` says. Nothing is read or changed, and a list that breaks off is an error. What is searched for is \
        compared here, so the whole list is asked for; PREFIX is what makes it shorter. Objects with names that no kit gives \
        are not shown.
        Example: ipfs-kit backend ls offsite cars/ --search bafybei
        """
    package static var items: [any OperationOutput.Type] { [ListedThing.self] }

    package var backend = ""
    package var prefix = ""
    package var search: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.backend, help: "The backend.", required: true, positional: true),
        Field("prefix", \.prefix, help: "What the names begin with, such as cars/.", positional: true),
        Field(
            "search",
            \.search,
            help: "Show what has this text in its name or its CID, in capital letters or not."
        ),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let open = try await kit.open(try await kit.backends([backend])[0], gate: ClosedGate())
        try await kit.expectPlace(open)
        var output = Output(backend: backend, askedAt: kit.now)
        let wanted = search?.lowercased()
        func show(_ things: [ListedThing]) async {
            for thing in things where wanted.map({ thing.search(for: $0) }) ?? true {
                output.count += 1
                output.bytes = output.bytes.plus(thing.length ?? 0)
                await call.emit(thing)
            }
        }
        do throws(StorageError) {
            if let objects = open.content.objects {
                for try await page in objects.list(prefix) { await show(page.map { ListedThing($0) }) }
            }
            // Elsewhere the objects are the roots, and more.
            if !(open.content is CARArchive) {
                for try await page in open.content.roots() {
                    await show(page.map { ListedThing($0) }.filter { $0.name.hasPrefix(prefix) })
                }
            }
        } catch {
            throw KitError(error).on(backend)
        }
        return output
    }

    /// How much was shown.
    package struct Output: OperationOutput {
        let backend: String
        let askedAt: Timestamp
        var count = 0
        var bytes: UInt64 = 0

        package static let outputFields: [OutputField<Self>] = [
            OutputField("type", "What this line is.", as: .choice(["summary"])) { _ in "summary" },
            .backend { $0.backend },
            .askedAt { $0.askedAt },
            OutputField("listed", "How many were shown.") { $0.count },
            OutputField("listed_bytes", "The sum of the lengths that the backend told of them.", in: .bytes) {
                $0.bytes
            },
        ]
        package var report: Report { Report("\(count) on \(backend), \(ByteCount(bytes))") }
        package var quietLines: [String]? { [] }
    }
}

/// Something of which a backend says that it is there.
struct ListedThing: OperationOutput {
    /// The name of the object, or where the root is kept.
    let name: String
    /// The root; nil for an object.
    let root: CID?
    let length: UInt64?
    let modified: Timestamp?
    let digest: ObjectDigest?
    /// What the backend says of it besides.
    let remark: String?
    /// What an object has beside its bytes, and what keeps it from being removed, where that was asked for.
    var metadata: [String: String]?
    var lock: ObjectLock?

    init(_ object: ObjectInfo) {
        (name, root, length) = (object.name.text, nil, object.length)
        (modified, digest, remark) = (object.modified, object.digest, nil)
        (metadata, lock) = (object.metadata, object.lock)
    }

    init(_ held: HeldRoot) {
        (name, root, length) = (held.location.path, held.root, held.length)
        (modified, digest, remark) = (held.modified, held.digest, held.remark)
        (metadata, lock) = (nil, nil)
    }

    /// The digest as a text: its method, and what it is in hexadecimal.
    var digestText: String? {
        guard let digest else { return nil }
        let bytes =
            switch digest {
            case .md5(let bytes), .sha256(let bytes), .md5OfParts(let bytes, _): bytes
            }
        return "\(digest.method) \(hex(bytes))"
    }

    /// Whether a text in small letters is in its name or its CID.
    func search(for text: String) -> Bool {
        name.lowercased().contains(text) || root.map { "\($0)".lowercased().contains(text) } == true
    }

    static let outputFields: [OutputField<Self>] = [
        OutputField("type", "What this line is.", as: .choice(["object", "root"])) {
            $0.root == nil ? "object" : "root"
        },
        OutputField("object", "The name of the object, or where the root is kept there.") { $0.name },
        OutputField("cid", "The root; null for an object.", as: .cid) { $0.root },
        OutputField("size_bytes", "Its length, as the backend says; null where it does not.", in: .bytes) { $0.length },
        OutputField("modified_at", "When it was written last, as the backend says; null where it does not.") {
            $0.modified
        },
        OutputField("server_digest", "What the backend computed over its bytes, in hexadecimal after its method.") {
            $0.digestText
        },
        OutputField("message", "What the backend says of it besides.") { $0.remark },
    ]

    var report: Report {
        let time = modified.map { "\($0.day) \($0.clock)" } ?? "-                  "
        let size = length.map { ByteCount($0).description } ?? "-"
        let facts = [root.map { "\($0)" }, remark].compactMap(\.self)
        let column = String(repeating: " ", count: max(0, 10 - size.count)) + size
        return Report("\(time)  \(column)  \(([name] + facts).joined(separator: "  "))")
    }
}
