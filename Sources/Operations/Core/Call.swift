internal import POSIX
package import Schema
internal import Services
package import Storage

/// One run of an operation: the kit that it works on, who it talks to meanwhile, and what it is given.
///
/// Operations of many callers run side by side in one kit; each has a call of its own. Its task is what is cancelled.
package struct Call: Sendable {
    package let kit: Kit
    /// How the caller came here, which says what he may touch.
    package let surface: Surface
    package let progress: Progress
    /// Whether the output that `write` takes is a terminal.
    package let isTerminal: Bool
    /// Takes content; whoever reads slowly keeps only this call waiting.
    package let write: @Sendable (ArraySlice<UInt8>) async throws(KitError) -> Void
    /// Takes one item of an output that comes bit by bit.
    package let emit: @Sendable (any OperationOutput) async -> Void
    /// Takes a sentence for people about something odd, while the work goes on.
    package let notice: @Sendable (String) -> Void
    /// Gives up to so many bytes of what is given to the operation; none at its end.
    package let read: @Sendable (Int) async throws(KitError) -> [UInt8]

    package init(
        kit: Kit,
        from surface: Surface,
        progress: Progress = .silent,
        isTerminal: Bool = false,
        write: @escaping @Sendable (ArraySlice<UInt8>) async throws(KitError) -> Void = { _ in },
        emit: @escaping @Sendable (any OperationOutput) async -> Void = { _ in },
        notice: @escaping @Sendable (String) -> Void = { _ in },
        read: @escaping @Sendable (Int) async throws(KitError) -> [UInt8] = { _ in [] }
    ) {
        self.kit = kit
        self.surface = surface
        self.progress = progress
        self.isTerminal = isTerminal
        self.write = write
        self.emit = emit
        self.notice = notice
        self.read = read
    }
}

extension Call {
    /// Runs an operation with the values that a surface was given for its inputs.
    ///
    /// Throws `usage` for a name that is no input, and for a value that does not fit; `refused` for what only the owner
    /// may do.
    package func perform<Action: Operation>(
        _: Action.Type,
        _ values: [String: FieldValue]
    ) async throws(KitError) -> Action.Output {
        try admit(Action.self, values)
        let action: Action
        do throws(SchemaError) {
            action = try Action(values: values)
        } catch {
            throw KitError(.usage, error.message, hint: .help(on: Action.name))
        }
        // An operation looks at files all the time, and may wait for a disk then: that is not for the threads of Swift,
        // of which there are as many as cores.
        return try await withTaskExecutorPreference(BlockingThreads.operating) { () async throws(KitError) in
            try await action.run(in: self)
        }
    }

    /// Throws `refused` where an operation is not shown on this surface, or is given what only the owner may give.
    ///
    /// That is what names files and programs of this machine, and text that stands for variables and files.
    private func admit<Action: Operation>(
        _: Action.Type,
        _ values: [String: FieldValue]
    ) throws(KitError) {
        guard operationTable.contains(where: { $0.operation.name == Action.name && $0.surfaces.contains(surface) })
        else {
            throw KitError(.refused, "“\(Action.name)” cannot be done this way.")
        }
        if !surface.isOwners { try Self.refuseLocal(Action.self, values) }
    }

    /// Throws `refused` for values that only the owner may give.
    static func refuseLocal<Action: Operation>(
        _: Action.Type,
        _ values: [String: FieldValue]
    ) throws(KitError) {
        for (name, value) in values {
            let field = Action.fieldInfo.first { $0.name == name || $0.aliases.contains(name) }
            if field?.meaning?.isLocal == true { throw Self.isOwners(name) }
            guard let field, field.name == "settings" || field.name == "unset" else { continue }
            // Where no type is named, a setting may be that of any.
            let types = (values["type"]?.text).flatMap { ServiceRow.named($0) }.map { [$0] } ?? backendTypes
            let items = if case .list(let items) = value { items } else { [value.text] }
            for item in items { try Self.admit(item, among: types.flatMap { BackendFile.fields(of: $0) }) }
        }
    }

    private static func admit(_ setting: String, among fields: [FieldInfo]) throws(KitError) {
        let name = String(setting.prefix { $0 != "=" }).replacing("-", with: "_")
        let meanings = fields.filter { $0.name == name || $0.aliases.contains(name) }
        guard !meanings.contains(where: { $0.meaning?.isLocal == true }), !setting.contains("${") else {
            throw isOwners(name)
        }
    }

    private static func isOwners(_ name: String) -> KitError {
        KitError(
            .refused,
            "“\(name)” names something on the machine of the kit, which only its owner does, in a shell there or in its files."
        )
    }
}
