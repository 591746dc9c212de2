internal import Digests
internal import Replication
package import Schema
internal import Storage

/// Writes the bytes of an object on a backend.
package struct BackendGet: Operation {
    package static let name = "backend get"
    package static let summary =
        "Write the bytes of an object on a backend, of its last version or of another that is kept."
    package static let details = """
        They are compared with what the backend says of them, as far as it does, and with nothing else: what a pin stands for \
        is had with `cat` and `get`. A file appears under its name when all of it is there.
        Example: ipfs-kit backend get offsite papers/letter.pdf --kept-version 3HL4kqtJlcpXroDTDmJ -o old.pdf
        """

    package var backend = ""
    package var object = ""
    package var keptVersion: String?
    package var output: String?

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.backend, help: "The backend.", as: .backend, required: true, positional: true),
        .object(\.object), .keptVersion(\.keptVersion), .newFile(\.output),
    ]

    package func run(in call: Call) async throws(KitError) -> NoOutput {
        let kit = call.kit
        try NamedObject.check(version: keptVersion)
        // Who asks for content pays for it.
        let open = try await kit.open(try await kit.backends([backend])[0], gate: ClosedGate(mayRecall: true))
        try await kit.expectPlace(open)
        let target = try await NamedObject(object, on: open, in: kit)
        return try await kitErrors {
            // What comes is compared with what the backend says of it, as far as it does.
            let (info, found) = try await opened(target)
            call.progress.began("get", bytes: found.length)
            defer { call.progress.ended() }
            let help =
                if let id = keptVersion {
                    Hint(
                        BackendGet.self,
                        ["name": backend, "object": object, "kept_version": id, "output": nil]
                    )
                } else {
                    Hint(BackendGet.self, ["name": backend, "object": object, "output": nil])
                }
            try await NewFile.made(output, call, help: help) { file in
                var check = Check(info)
                for try await chunk in found.stream {
                    try check.take(chunk)
                    try await file.append([chunk[...]])
                    call.progress.bytes(UInt64(chunk.count))
                }
                try check.end()
                return []
            }
            return NoOutput()
        }
    }

    private func opened(_ target: NamedObject) async throws(StorageError) -> (info: ObjectInfo, object: OpenObject) {
        guard let id = keptVersion else {
            let info = try await target.objects.stat(target.name)
            return (info, try await target.objects.get(target.name, nil, version: nil))
        }
        let info = try await target.objects.stat(target.name, kept: id)
        return (info, try await target.objects.get(target.name, nil, kept: id))
    }

    /// Compares bytes with what was said of an object.
    private struct Check: ~Copyable {
        private let info: ObjectInfo
        private let digest: [UInt8]?
        private var hash: RunningHash
        private var length: UInt64 = 0

        init(_ info: ObjectInfo) {
            self.info = info
            switch info.digest {
            case .md5(let bytes):
                hash = RunningHash(.md5)
                digest = bytes
            case .sha256(let bytes):
                hash = RunningHash(.sha256)
                digest = bytes
            case .md5OfParts, nil:
                hash = RunningHash(.sha256)
                digest = nil
            }
        }

        mutating func take(_ chunk: [UInt8]) throws(StorageError) {
            length += UInt64(chunk.count)
            if digest != nil { hash.update(chunk) }
            guard length <= info.length ?? length else { throw other }
        }

        mutating func end() throws(StorageError) {
            guard info.length ?? length == length, digest == nil || hash.digest() == digest else { throw other }
        }

        private var other: StorageError {
            StorageError(
                .corrupt,
                "What came of \(info.name) is not what the backend says that it has; it may have been replaced meanwhile."
            )
        }
    }
}
