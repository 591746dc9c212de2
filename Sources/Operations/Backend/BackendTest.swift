internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Tries a backend with a small object.
package struct BackendTest: ChangingOperation {
    package static let name = "backend test"
    package static let summary = "Store a small object on a backend, read it back, compare it and remove it."
    package static let details = """
        A backend that takes no objects is tried with a root of one small block, and asked for it where it has to fetch it \
        first; one that only gives is asked for what shows that it answers and lets us in.
        """

    package var name = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.name),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        do throws(KitError) {
            return try await attempt(in: kit)
        } catch {
            // To try it again is no help here.
            guard error.hint == Hint(BackendTest.self, ["name": name]) else { throw error }
            throw error.helped(by: Hint(BackendShow.self, ["name": name]))
        }
    }

    private func attempt(in kit: Kit) async throws(KitError) -> Output {
        let file = try kit.backend(name)
        _ = try kit.catalog()
        let expected = dryRun ? nil : await kit.expect(.test, of: file)
        var output = Output(isDryRun: dryRun, name: name)
        do throws(KitError) {
            let canary = await RootCanary(for: name, in: kit)
            let backend = try await kit.open(file, gate: Canary.gate(for: canary))
            if let objects = backend.content.objects {
                try await attempt(on: backend, objects, in: kit, &output)
            } else {
                try await ask(backend, canary, in: kit, &output)
            }
        } catch {
            // Whoever was stopped has seen nothing.
            guard error.code != .interrupted else {
                expected?.drop()
                throw error
            }
            await keep(LastTest.note(output.steps, error), expected, in: kit)
            throw error
        }
        await keep(LastTest.note(output.steps, nil), expected, in: kit)
        return output
    }

    /// Keeps how the test ended; where that cannot be kept, what was kept before is no answer any more.
    private func keep(_ note: JSON, _ expected: KeptAnswers.Expected?, in kit: Kit) async {
        guard !dryRun else { return }
        if let expected { expected.keep(note) } else { await kit.forgetAnswers([.test], of: name) }
    }

    private func attempt(
        on backend: OpenBackend,
        _ objects: any StorageService,
        in kit: Kit,
        _ output: inout Output
    ) async throws(KitError) {
        // Nothing is stored where a disk is not mounted.
        if !dryRun { try await kit.expectPlace(backend) }
        var canary = try await Canary(for: name, objects, in: kit)
        guard !dryRun else {
            output.steps = canary.acts.map { Canary.Step(title: $0.rawValue, milliseconds: nil) }
            return
        }
        defer {
            (output.steps, output.warnings) = (canary.steps, canary.warnings + [backend.whatStays].compactMap(\.self))
        }
        do throws(Canary.Failure) { try await canary.run() } catch { throw KitError(error.error) }
    }

    /// What is done where no object can be stored.
    private func ask(
        _ backend: OpenBackend,
        _ canary: RootCanary,
        in kit: Kit,
        _ output: inout Output
    ) async throws(KitError) {
        let title = "ask"
        var canary = canary
        let mayTry = RootCanary.suits(backend.content)
        guard !dryRun else {
            let titles = [title] + (mayTry ? RootCanary.acts(on: backend.content).map(\.rawValue) : [])
            output.steps = titles.map { Canary.Step(title: $0, milliseconds: nil) }
            return
        }
        let start = kit.timing.uptime()
        do throws(StorageError) {
            output.seen = try await backend.content.probe()
        } catch {
            throw KitError(error.on(name))
        }
        output.steps = [Canary.Step(title: title, milliseconds: kit.milliseconds(since: start))]
        try await kit.expectPlace(backend)
        guard mayTry else { return }
        let asked = output.steps
        defer {
            output.steps = asked + canary.steps
            output.isAwaited = canary.isAwaited
        }
        do throws(Canary.Failure) { try await canary.run(on: backend.content) } catch {
            throw KitError(error.error.on(name))
        }
    }

    /// What was tried, all of it with success.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let name: String
        var steps: [Canary.Step] = []
        /// What a backend showed that takes no objects.
        var seen: String?
        /// Whether it took a root, and has to fetch it before anybody can read it.
        var isAwaited = false
        package var warnings: [String] = []

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.name },
            .dryRun { $0.isDryRun },
            OutputField("ok", "Whether every step succeeded; null where none was taken.") { $0.isDryRun ? nil : true },
            Canary.Step.list { $0.steps },
            OutputField("only_accepted", "Whether it took what it has to fetch first, so that nothing was read back.") {
                $0.isAwaited
            },
            OutputField("seen", "What was seen of a backend that takes no objects, as a sentence.") { $0.seen },
            .warnings { $0.warnings },
        ]
        package var report: Report {
            guard !isDryRun else { return Report(steps.map { .line("would \($0.title) on \(name)") }) }
            return Report(
                [.facts(steps.map { .init($0.title, "ok, \($0.milliseconds ?? 0) ms") }), .line(conclusion)],
                warnings: warnings
            )
        }

        private var conclusion: String {
            guard let seen else { return "\(name) works." }
            guard steps.count > 1 else { return "\(name) answers, and nothing was stored there. \(seen)" }
            return isAwaited
                ? "\(name) takes what it is to fetch; it was not waited until it has it. \(seen)"
                : "\(name) works. \(seen)"
        }
    }
}
