internal import Multiformats
internal import POSIX
package import Schema
internal import Services
internal import Storage

/// One run of an operation: the kit that it works on, who it talks to meanwhile, and what it is given.
///
/// Operations of many callers run side by side in one kit; each has a call of its own. Its task is what is cancelled.
package struct Call: Sendable {
    package let kit: Kit
    /// How the caller came here, which says what he may touch.
    package let surface: Surface
    /// Whether the output that `write` takes is a terminal.
    package let isTerminal: Bool
    /// Takes content; whoever reads slowly keeps only this call waiting.
    package let write: @Sendable (ArraySlice<UInt8>) async throws(KitError) -> Void
    /// Takes one item of an output that comes bit by bit.
    package private(set) var emit: @Sendable (any OperationOutput) async -> Void
    /// Gives up to so many bytes of what is given to the operation; none at its end.
    package let read: @Sendable (Int) async throws(KitError) -> [UInt8]
    /// Hears of what happens in this call, quickly: everybody else waits meanwhile.
    private let hear: (@Sendable ([Event]) -> Void)?
    /// Whether it is to be told how far the work is, too.
    private let showsProgress: Bool
    /// What it says of itself, once it has begun.
    private(set) var events: CallEvents?
    /// Whether the operation only says what it would do: what is written to files is counted, and no file is made.
    private(set) var isDryRun = false

    package init(
        kit: Kit,
        from surface: Surface,
        isTerminal: Bool = false,
        write: @escaping @Sendable (ArraySlice<UInt8>) async throws(KitError) -> Void = { _ in },
        emit: @escaping @Sendable (any OperationOutput) async -> Void = { _ in },
        read: @escaping @Sendable (Int) async throws(KitError) -> [UInt8] = { _ in [] },
        showsProgress: Bool = false,
        hear: (@Sendable ([Event]) -> Void)? = nil
    ) {
        self.kit = kit
        self.surface = surface
        self.isTerminal = isTerminal
        self.write = write
        self.emit = emit
        self.read = read
        (self.showsProgress, self.hear) = (showsProgress, hear)
    }
}

/// Runs work that has many things under way at once, none of which keeps a thread waiting, where Swift runs its tasks.
///
/// The threads of operations are more than there are processors, and hand each part of a task from one to the other:
/// 10,000 roots took 12 s there to be synced to a directory, and 2 s here.
func withManyAtOnce<Value, Failure: Error>(
    _ work: @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    try await withTaskExecutorPreference(globalConcurrentExecutor) { () async throws(Failure) in try await work() }
}

/// Runs work that looks at files, and may wait for a disk then, on the threads of operations: that is not for those of
/// Swift, of which there are as many as cores.
func withFiles<Value, Failure: Error>(
    _ work: () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    try await withTaskExecutorPreference(BlockingThreads.operating) { () async throws(Failure) in try await work() }
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
        let action = try Self.action(Action.self, values)
        // To tell how it begins and ends takes the log, which is a file, too.
        return try await withFiles { () async throws(KitError) in
            try await telling(action, values) { (call) async throws(KitError) in try await action.run(in: call) }
        }
    }

    /// Runs `body` with the call under the name that it gets, and tells how it begins and ends.
    private func telling<Action: Operation>(
        _ action: Action,
        _ values: [String: FieldValue],
        _ body: (Call) async throws(KitError) -> Action.Output
    ) async throws(KitError) -> Action.Output {
        var event = Event(.began)
        event.operation = Action.name
        event.message = action.subject
        event.parent = EventBus.Mark.current?.call
        for field in Action.fieldInfo where field.meaning == .backend || field.meaning == .cid {
            let text: String
            switch values[field.name] {
            case .text(let one)?: text = one
            case .list(let items)? where items.count == 1: text = items[0]
            default: continue
            }
            if field.meaning == .backend, BackendFile.isName(text) { event.backend = text }
            if field.meaning == .cid { event.cid = (try? parseCID(text))?.description }
        }
        let isDryRun = (action as? any ChangingOperation)?.dryRun ?? false
        let listening = hear.map { Listening(wantsProgress: showsProgress, $0) }
        let id = kit.events.begin(event, isKept: action.isLogged, for: listening)
        let mark = EventBus.Mark(call: id, operation: Action.name, isKept: action.isLogged)
        var call = isDryRun ? dry : self
        call.events = CallEvents(kit.events, mark, timing: kit.timing)
        let result = await EventBus.Mark.$current.withValue(mark) {
            [call] () async -> Result<Action.Output, KitError> in
            do throws(KitError) { return .success(try await body(call)) } catch { return .failure(error) }
        }
        var end = Event(.ended)
        (end.backend, end.cid) = (event.backend, event.cid)
        switch result {
        case .success(let output):
            end.code = output.exitCode
            // Who did not do all of it says why.
            if output.exitCode != .ok { end.message = output.whatFailed }
        case .failure(let error): (end.code, end.message) = (error.code, error.message)
        }
        kit.events.tell([end], in: mark)
        if let failure = kit.events.logFailure(of: id) {
            var notice = Event(.warning)
            notice.message = "What this command did is not all in the log. \(failure.description)"
            kit.events.tell([notice], in: EventBus.Mark(call: id, operation: Action.name, isKept: false))
        }
        // Whoever hears slowly keeps this call waiting, and no other.
        await listening?.flush()
        return try result.get()
    }

    /// An operation with values for its inputs; throws `usage` where they do not fit.
    static func action<Action: Operation>(_: Action.Type, _ values: [String: FieldValue]) throws(KitError) -> Action {
        do throws(SchemaError) {
            return try Action(values: values)
        } catch {
            throw KitError(.usage, error.message, hint: .help(on: Action.name))
        }
    }

    /// What an operation would do with these values; `isTold` says whether the caller hears of what is odd meanwhile.
    func effects<Action: ChangingOperation>(
        of _: Action.Type,
        _ values: [String: FieldValue],
        isTold: Bool = true
    ) async throws(KitError) -> Action.Output {
        try admit(Action.self, values)
        var action = try Self.action(Action.self, values)
        action.dryRun = true
        var call = dry
        call.emit = { _ in }
        if !isTold { call.events = nil }
        return try await action.run(in: call)
    }

    /// The same call, for an operation that only says what it would do.
    var dry: Call {
        var call = self
        call.isDryRun = true
        return call
    }

    /// Throws `refused` where an operation is not shown on this surface, or is given what only the owner may give.
    ///
    /// That is what names files and programs of this machine, and text that stands for variables and files.
    func admit<Action: Operation>(
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
