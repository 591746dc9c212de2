import Storage
import StorageLaws
import TestKit

extension Flaw {
    /// Ways of being wrong about what is kept beside objects, and behind them.
    static let kept: [Flaw] = [
        Flaw("drops what is to be kept beside the bytes", breaks: ["metadata is kept", "the metadata of the last"]) {
            memory in
            AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    var body = body
                    body.metadata = .empty
                    return try await memory.put(name, body)
                }
            }
        },
        Flaw("adds to what was kept beside the bytes", breaks: ["the metadata of the last"]) { memory in
            AlteredService(memory) {
                $0.onPut = { (name, body) async throws(StorageError) in
                    let before = (try? await memory.stat(name).metadata) ?? [:]
                    memory.tamper(
                        name,
                        try await body.bytes(),
                        metadata: before.merging(body.metadata.values) { _, new in new }
                    )
                    return PutReceipt(proof: nil)
                }
            }
        },
        Flaw(
            "gives what has the name for any version",
            breaks: ["a version that nobody keeps", "as an older version", "behind its removal"]
        ) { memory in
            AlteredService(memory) {
                $0.onKept = { (name, range, _) async throws(StorageError) in
                    try await memory.get(name, range, version: nil)
                }
            }
        },
        Flaw("gives all of a version for any part of it", breaks: ["its latest version", "as an older version"]) {
            memory in
            AlteredService(memory) {
                $0.onKept = { (name, _, id) async throws(StorageError) in try await memory.get(name, nil, kept: id) }
            }
        },
        Flaw("lists the oldest version first", breaks: ["as an older version", "behind its removal"]) { memory in
            AlteredService(memory) {
                $0.onVersions = { name in Listed.all(memory.versions(of: name)) { $0.reversed() } }
            }
        },
        Flaw("lists no version that is the latest", breaks: ["its latest version"]) { memory in
            AlteredService(memory) {
                $0.onVersions = { name in Listed.all(memory.versions(of: name)) { $0.filter { !$0.isLatest } } }
            }
        },
        Flaw("forgets that something was removed", breaks: ["behind its removal"]) { memory in
            AlteredService(memory) {
                $0.onVersions = { name in Listed.all(memory.versions(of: name)) { $0.filter { !$0.isRemoval } } }
            }
        },
        Flaw("lists versions of all that begins so", breaks: ["its latest version"]) { memory in
            AlteredService(memory) {
                $0.onVersions = { name in
                    let names = memory.contents.keys.filter { $0.text.hasPrefix(name.text) }.sorted()
                    let lists = Locked(names.map { StreamCursor(memory.versions(of: $0)) }[...])
                    return Pulled {
                        { () async throws(StorageError) in
                            while let list = lists.read({ $0.first }) {
                                if let page = try await list.next() { return page }
                                lists.change { _ = $0.popFirst() }
                            }
                            return nil
                        }
                    }
                }
            }
        },
    ]
}

extension Listed {
    /// All of a list on one page, changed.
    static func all(
        _ stream: any VersionStream,
        _ change: @escaping @Sendable ([KeptVersion]) -> [KeptVersion]
    ) -> any VersionStream {
        Pulled {
            let cursor = Once(StreamCursor(stream))
            return { () async throws(StorageError) in
                guard let cursor = cursor.take() else { return nil }
                var all: [KeptVersion] = []
                while let page = try await cursor.next() { all += page }
                return change(all)
            }
        }
    }
}
