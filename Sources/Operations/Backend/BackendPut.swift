internal import Digests
internal import POSIX
internal import Replication
package import Schema
internal import Storage

/// Stores a file as an object on a backend, beside the content.
package struct BackendPut: ChangingOperation {
    package static let name = "backend put"
    package static let summary = "Store a file as an object on a backend, beside the content that is kept there."
    package static let details = """
        It is stored as it is, under the name that is given: no pin knows of it, no sync brings it anywhere else, and nothing \
        removes it. Names that the kit gives itself are refused, such as what is under cars/ or kits/, and so is one that \
        is taken, but for --force. It ends well where the backend proved that it has these bytes, or gave them back.
        Example: ipfs-kit backend put offsite papers/letter.pdf letter.pdf --meta author=me --meta kept-until=2031
        """

    package var backend = ""
    package var object = ""
    package var file = ""
    package var meta: [String] = []
    package var force = false
    package var dryRun = false
    package var subject: String? { object }

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.backend),
        Field("object", \.object, help: "Its name there, such as papers/letter.pdf.", required: true, positional: true),
        Field("file", \.file, help: "The file; - is standard input.", as: .path, required: true, positional: true),
        Field(
            "meta",
            \.meta,
            help: "KEY=VALUE that the backend keeps beside the bytes, such as author=me; once for each.",
            whole: true
        ),
        Field("force", \.force, help: "Replace what has the name."),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let metadata = try metadata()
        let name = try NamedObject.name(object)
        guard (try? parseCID(object)) == nil else {
            throw KitError(.usage, "\(object) is a CID: `pin add` and `sync` bring what it stands for.")
        }
        guard !name.isOfKit else {
            throw KitError(
                .refused,
                "The kit gives names that begin with \(object.prefix { $0 != "/" })/ itself, and believes what it finds there.",
                backend: backend
            )
        }
        let input = try await Input(file, call, for: .content).inFile()
        let bytes = try await kitErrors { try fileBody(input) }
        let sha256 = try await kitErrors { try await bytes.digest(.sha256) }
        var body = Body(length: bytes.length, sha256: sha256) { bytes.look($0) }
        body.metadata = metadata
        return try await kit.changing(backend) { [body] (gate, _) async throws in
            let open = try await kit.open(try kit.backend(backend), gate: gate)
            let target = try NamedObject(name, on: open)
            try await kit.expectPlace(open)
            // What a stopped replacement of it put aside gets its name back first.
            if !dryRun, target.objects.capabilities.contains(.write) {
                try await target.objects.clear(name, mayResume: true)
            }
            let before = try await Self.look(target)
            try check(open, target, before)
            var output = Output(
                isDryRun: dryRun,
                backend: backend,
                name: name,
                length: body.length,
                sha256: sha256,
                metadata: metadata,
                replaces: before != nil
            )
            guard !dryRun else { return output }
            call.progress.began("put", bytes: body.length)
            defer { call.progress.ended() }
            output.proof = try await target.objects.put(name, body).proof?.method
            if output.proof == nil {
                try await Self.readBack(target, body)
                output.proof = "read-back"
            }
            if !metadata.values.isEmpty {
                let kept = try await target.objects.stat(name).metadata ?? [:]
                guard metadata.values.allSatisfy({ kept[$0.key] == $0.value }) else {
                    let message = "\(name) was stored, and the backend does not keep with it what was said."
                    throw StorageError(.corrupt, message).ofBrokenPromise
                }
            }
            return output
        }
    }

    private func metadata() throws(KitError) -> ObjectMetadata {
        var values: [String: String] = [:]
        for text in meta {
            guard let sign = text.firstIndex(of: "=") else {
                throw KitError(.usage, "--meta is KEY=VALUE, and “\(text)” has no =.")
            }
            let (key, value) = (String(text[..<sign]), String(text[text.index(after: sign)...]))
            guard values.updateValue(value, forKey: key) == nil else {
                throw KitError(.usage, "--meta has the key \(key) twice.")
            }
        }
        do throws(SchemaError) { return try ObjectMetadata(values) } catch { throw KitError(error) }
    }

    /// What has the name; nil where nothing has.
    private static func look(_ target: NamedObject) async throws(StorageError) -> ObjectInfo? {
        do throws(StorageError) {
            return try await target.objects.stat(target.name)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    /// Throws where it cannot be stored, or not like this.
    private func check(
        _ open: OpenBackend,
        _ target: NamedObject,
        _ before: ObjectInfo?
    ) throws(KitError) {
        let powers = target.objects.capabilities
        guard powers.contains(.write), meta.isEmpty || powers.contains(.metadata) else {
            let lack = powers.contains(.write) ? "keeps nothing beside the bytes of objects" : "takes no objects"
            throw KitError(.refused, "\(backend) \(lack).", hint: Hint(BackendTypes.self), backend: backend)
        }
        guard before == nil || force else {
            throw KitError(
                .refused,
                "\(backend) has \(object) already; --force replaces it.",
                hint: Hint(BackendStat.self, ["name": backend, "object": object]),
                backend: backend
            )
        }
    }

    /// Reads an object and compares it with what was sent.
    private static func readBack(_ target: NamedObject, _ body: Body) async throws(StorageError) {
        var hash = RunningHash(.sha256)
        var length: UInt64 = 0
        do throws(StorageError) {
            for try await chunk in try await target.objects.read(target.name) {
                hash.update(chunk)
                length += UInt64(chunk.count)
                if length > body.length { break }
            }
        } catch  where error.code == .notFound {
            throw StorageError(.corrupt, "\(target.name) was sent and accepted, and it is not there.").ofBrokenPromise
        }
        guard length == body.length, hash.digest() == body.sha256 else {
            throw StorageError(.corrupt, "What was read back of \(target.name) is not what was stored.").ofBrokenPromise
        }
    }

    /// What was stored, or would be.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let backend: String
        let name: ObjectName
        let length: UInt64
        let sha256: [UInt8]
        let metadata: ObjectMetadata
        let replaces: Bool
        var proof: String?

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.backend },
            .dryRun { $0.isDryRun },
            OutputField("object", "Its name there.") { $0.name.text },
            OutputField("size_bytes", "Its length.", in: .bytes) { $0.length },
            OutputField("sha256", "The SHA-256 of its bytes, in hexadecimal.") { hex($0.sha256) },
            OutputField("object_metadata", "What is kept beside its bytes, or would be.") {
                Optional(Texts($0.metadata.values))
            },
            OutputField("replaced", "Whether something had the name.") { $0.replaces },
            OutputField("proved_by", "How it is known that the backend has the bytes; null where nothing was stored.") {
                $0.proof
            },
        ]

        package var report: Report {
            let beside = Texts(metadata.values).line.map { ", with \($0)" } ?? ""
            let old = replaces ? ", in the place of what was there" : ""
            return Report(
                "\(isDryRun ? "would store" : "stored") \(name) on \(backend) (\(ByteCount(length)))\(beside)\(old)"
            )
        }
        package var quietLines: [String]? { [name.text] }
    }
}
