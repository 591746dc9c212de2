internal import Schema
internal import Storage

/// The backends that are open in a process: each once, for all who use it.
///
/// One whose settings changed is opened anew, beside the old opening, which whoever uses it goes on with. What nobody
/// has used for a while is closed.
final class Openings: Sendable {
    /// What an opening is made from.
    struct Settings: Sendable, Hashable {
        let type: String
        let values: [String: FieldValue]
        let operational: OperationalSettings
        /// Where they lead, and as whom, with all that the world around adds to them.
        let place: ServicePlace
    }

    /// An opening for as long as one uses it.
    final class Use: Sendable {
        let opening: Opening
        private let end: @Sendable () -> Void

        init(_ opening: Opening, end: @escaping @Sendable () -> Void) {
            self.opening = opening
            self.end = end
        }

        deinit { end() }
    }

    private struct Entry {
        let backend: String
        let settings: Settings
        let opening: Opening
        var users = 0
        /// What closes it when it was not used for long.
        var closing: Task<Void, Never>?
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var lastNumber = 0

        /// The opening that a new user shares.
        func number(of backend: String, _ settings: Settings) -> Int? {
            entries.first { $0.value.backend == backend && $0.value.settings == settings }?.key
        }
    }

    /// So long what nobody uses stays open.
    private static let idleTime = Duration.seconds(60)

    private let timing: Timing
    private let state = Locked(State())

    init(timing: Timing) { self.timing = timing }

    /// What is open of a backend with these settings, or what `open` gives.
    func use(
        _ backend: String,
        _ settings: Settings,
        _ open: () async throws(StorageError) -> Opening
    ) async throws(StorageError) -> Use {
        if let known = use(backend, settings, made: nil) { return known }
        let made = try await open()
        // Somebody else may have been faster; of what was never used nothing is open.
        return use(backend, settings, made: made) ?? Use(made) {}
    }

    private func use(_ backend: String, _ settings: Settings, made: Opening?) -> Use? {
        state.change { state -> Use? in
            let number: Int
            if let known = state.number(of: backend, settings) {
                number = known
            } else if let made {
                state.lastNumber += 1
                number = state.lastNumber
                state.entries[number] = Entry(backend: backend, settings: settings, opening: made)
            } else {
                return nil
            }
            guard var entry = state.entries[number] else { return nil }
            entry.closing?.cancel()
            entry.closing = nil
            entry.users += 1
            state.entries[number] = entry
            return Use(entry.opening) { [weak self] in self?.leave(number) }
        }
    }

    private func leave(_ number: Int) {
        state.change { state in
            guard var entry = state.entries[number] else { return }
            entry.users -= 1
            if entry.users == 0 {
                entry.closing = Task.detached { [weak self, timing] in
                    guard (try? await timing.sleep(Self.idleTime)) != nil else { return }
                    await self?.closeUnused(number)
                }
            }
            state.entries[number] = entry
        }
    }

    private func closeUnused(_ number: Int) async {
        let unused = state.change { state in
            state.entries[number]?.users == 0 ? state.entries.removeValue(forKey: number) : nil
        }
        await unused?.opening.content().close()
    }

    /// How many openings there are.
    var count: Int { state.read { $0.entries.count } }

    /// Closes everything; whoever uses something still opens it anew by that.
    func close() async {
        let entries = state.change { state in
            defer { state.entries = [:] }
            return state.entries.values
        }
        for entry in entries {
            entry.closing?.cancel()
            await entry.opening.content().close()
        }
    }
}
