internal import IPLD
internal import Multiformats
internal import Replication
internal import Schema
internal import Storage

extension Field {
    /// The backend that an operation reads from instead of the configured sources.
    static func source(_ path: any WritableKeyPath<Root, String?> & Sendable) -> Field {
        Field(
            "from",
            path,
            help: "The backend to read from instead of the store; only what is needed is fetched.",
            as: .backend
        )
    }
}

extension ContentReader {
    /// Reads what is below a root where content is read from, or out of a backend, where that is named.
    init(_ call: Call, from backend: String?, below root: CID, progress: Progress) async throws(KitError) {
        let source = try await call.source(backend)
        self.init(progress: progress, isFar: source.isFar) {
            try await source.extent($0, of: $1)
        } blocks: {
            try await source.blocks($0, below: root)
        }
    }

    /// Reads what a path leads to where content is read from, or out of a backend, where that is named.
    init(_ call: Call, from backend: String?, path text: String, progress: Progress) async throws(KitError) {
        let path: ContentPath
        do throws(FormatProblem) {
            path = try ContentPath(text)
        } catch {
            throw KitError(error, in: text)
        }
        try await self.init(call, from: backend, below: path.root, progress: progress)
    }
}
