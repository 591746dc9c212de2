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

extension Field {
    /// Says with a word of its own that every enabled backend is meant.
    static func allBackends(_ path: any WritableKeyPath<Root, Bool> & Sendable) -> Field {
        Field("all", path, help: "Every enabled backend; what is meant where none is named.")
    }
}

extension Kit {
    /// Throws `usage` where backends are named, and all are meant besides.
    static func check<Action: Operation>(_ names: [String], all: Bool, of _: Action.Type) throws(KitError) {
        guard all, !names.isEmpty else { return }
        throw KitError(
            .usage,
            "--all is every enabled backend: name some, or say that.",
            hint: .help(on: Action.name)
        )
    }

    /// The backends that are named, disabled ones too, or every enabled one, for whoever only looks at them.
    func backends<Action: Operation>(
        _ names: [String],
        all: Bool,
        for action: Action.Type
    ) async throws(KitError) -> (files: [BackendFile], broken: [(name: String, error: KitError)]) {
        try Self.check(names, all: all, of: action)
        let chosen = try await chooseBackends(names, evenDisabled: !names.isEmpty)
        guard !chosen.files.isEmpty || !chosen.broken.isEmpty else { throw try noEnabledBackend() }
        return chosen
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
