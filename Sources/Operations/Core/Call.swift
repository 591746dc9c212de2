internal import POSIX
package import Schema
package import Storage

/// One run of an operation: the kit that it works on, who it talks to meanwhile, and what it is given.
///
/// Operations of many callers run side by side in one kit; each has a call of its own. Its task is what is cancelled.
package struct Call: Sendable {
    package let kit: Kit
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
        progress: Progress = .silent,
        isTerminal: Bool = false,
        write: @escaping @Sendable (ArraySlice<UInt8>) async throws(KitError) -> Void = { _ in },
        emit: @escaping @Sendable (any OperationOutput) async -> Void = { _ in },
        notice: @escaping @Sendable (String) -> Void = { _ in },
        read: @escaping @Sendable (Int) async throws(KitError) -> [UInt8] = { _ in [] }
    ) {
        self.kit = kit
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
    /// Throws `usage` for a name that is no input, and for a value that does not fit.
    package func perform<Action: Operation>(
        _: Action.Type,
        _ values: [String: FieldValue]
    ) async throws(KitError) -> Action.Output {
        let action: Action
        do throws(SchemaError) {
            action = try Action(values: values)
        } catch {
            throw KitError(.usage, error.message, hint: "ipfs-kit help \(Action.name)")
        }
        // An operation looks at files all the time, and may wait for a disk then: that is not for the threads of Swift,
        // of which there are as many as cores.
        return try await withTaskExecutorPreference(BlockingThreads.shared) { () async throws(KitError) in
            try await action.run(in: self)
        }
    }
}
