internal import Schema

extension Field {
    /// The one backend that an operation is about.
    static func backendName(_ path: any WritableKeyPath<Root, String> & Sendable) -> Field {
        Field("name", path, help: "The backend.", as: .backend, required: true, positional: true)
    }

    /// The backends that an operation is about.
    static func enabledBackends(_ path: any WritableKeyPath<Root, [String]> & Sendable) -> Field {
        Field(
            "names",
            path,
            help: "The backends; every enabled one where none is named.",
            as: .backend,
            positional: true
        )
    }
}

extension OutputField {
    /// The backends whose files cannot be read.
    static func brokenBackends(_ read: @escaping @Sendable (Root) -> [BackendList.Broken]) -> OutputField {
        .list(
            "broken",
            "The backends whose files cannot be read, of which nothing more is known.",
            of: [
                OutputField<BackendList.Broken>("name", "The backend.", as: .backend) { $0.name },
                .error { $0.error.on($0.name) },
            ],
            read
        )
    }
}
