internal import Replication
package import Schema
internal import Storage

/// Lists the versions of an object that a backend keeps.
package struct BackendVersions: Operation {
    package static let name = "backend versions"
    package static let summary = "List the versions of an object that a backend keeps, the newest first."
    package static let details = """
        It is what the backend says. A bucket that keeps no versions shows the last one; what was removed is shown as a removal, \
        where others are kept behind it. It ends with 4 where there is none. `backend get` reads one of them with \
        --kept-version, and `backend stat` says what is known of it.
        Example: ipfs-kit backend versions offsite papers/letter.pdf --locks
        """
    package static var items: [any OperationOutput.Type] { [VersionLine.self] }

    package var backend = ""
    package var object = ""
    package var locks = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        .object(\.object),
        Field("locks", \.locks, help: "Ask of each what keeps it from being removed: a request for each."),
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let open = try await kit.open(try await kit.backends([backend])[0], gate: ClosedGate())
        try await kit.expectPlace(open)
        let target = try await NamedObject(object, on: open, in: kit)
        var output = Output(backend: backend, name: target.name, askedAt: kit.now)
        return try await kitErrors {
            for try await page in target.objects.versions(of: target.name) {
                for version in page {
                    var line = VersionLine(version: version)
                    if locks, !version.isRemoval {
                        line.lock = try await Self.lock(version, of: target)
                    }
                    output.count += 1
                    output.bytes = output.bytes.plus(version.length ?? 0)
                    await call.emit(line)
                }
            }
            return output
        }
    }

    /// What keeps a version from being removed; nil where it was removed meanwhile.
    private static func lock(_ version: KeptVersion, of target: NamedObject) async throws(StorageError) -> ObjectLock? {
        do throws(StorageError) {
            return try await target.objects.stat(target.name, kept: version.id).lock
        } catch  where error.code == .notFound {
            return nil
        }
    }

    /// How many there are.
    package struct Output: OperationOutput {
        let backend: String
        let name: ObjectName
        let askedAt: Timestamp
        var count = 0
        var bytes: UInt64 = 0

        package var exitCode: ExitCode { count == 0 ? .notFound : .ok }
        package var whatFailed: String? { count == 0 ? absence : nil }
        private var absence: String { "\(backend) says that it keeps no version of \(name)." }

        package static let outputFields: [OutputField<Self>] = [
            OutputField("type", "What this line is.", as: .choice(["summary"])) { _ in "summary" },
            .backend { $0.backend },
            OutputField("object", "The name of the object.") { $0.name.text },
            .askedAt { $0.askedAt },
            OutputField("listed", "How many were shown.") { $0.count },
            OutputField("listed_bytes", "The sum of the lengths that the backend told of them.", in: .bytes) {
                $0.bytes
            },
        ]
        package var report: Report {
            count == 0 ? Report(absence) : Report("\(count) of \(name) on \(backend), \(ByteCount(bytes))")
        }
        package var quietLines: [String]? { [] }
    }
}

/// A version of an object, as a backend tells of it.
struct VersionLine: OperationOutput {
    let version: KeptVersion
    var lock: ObjectLock?

    static let outputFields: [OutputField<Self>] = [
        OutputField("type", "What this line is.", as: .choice(["version", "removal"])) {
            $0.version.isRemoval ? "removal" : "version"
        },
        OutputField("kept_version", "What the backend calls it.") { $0.version.id },
        OutputField("latest", "Whether it is what has the name now.") { $0.version.isLatest },
        OutputField("size_bytes", "Its length; null where the backend does not say it, and of a removal.", in: .bytes) {
            $0.version.length
        },
        OutputField("modified_at", "When it was stored, as the backend says; null where it does not.") {
            $0.version.modified
        },
        .lock { $0.lock },
    ]

    var report: Report {
        let time = version.modified.map { "\($0.day) \($0.clock)" } ?? "-                  "
        let size = version.isRemoval ? "removed" : version.length.map { ByteCount($0).description } ?? "-"
        let column = String(repeating: " ", count: max(0, 10 - size.count)) + size
        let facts = [version.id, version.isLatest ? "latest" : nil, lock?.words].compactMap(\.self)
        return Report("\(time)  \(column)  \(facts.joined(separator: "  "))")
    }
    var quietLines: [String]? { [version.id] }
}
