internal import Schema

extension Field {
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
