internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage

/// Tries a backend with a small object.
package struct BackendTest: ChangingOperation {
    package static let name = "backend test"
    package static let summary = "Store a small object on a backend, read it back, compare it and remove it."

    package var name = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The backend.", as: .backend, required: true, positional: true),
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
            let backend = try await kit.open(file, gate: HealthGate())
            guard let objects = backend.content.objects else {
                throw KitError(.refused, "\(name) takes no objects that could be tried.", backend: name)
            }
            try await attempt(on: backend, objects, in: kit, &output)
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
        // A home that does not know itself can try a backend all the same.
        let own = try? await kit.catalog().identity().instance
        guard let object = ObjectName(Self.folder + PassingName(of: own).text + ".txt") else {
            throw KitError(.other, "The identifier of this home is damaged.")
        }
        let content = Array("ipfs-kit was here at \(kit.now)\n".utf8)
        var listed: [ObjectInfo] = []
        func step(_ title: String, _ work: () async throws(StorageError) -> Void) async throws(KitError) {
            guard !dryRun else { return output.steps.append(Step(title: title, milliseconds: nil)) }
            let start = kit.timing.now()
            do throws(StorageError) {
                try await work()
            } catch {
                guard !output.steps.isEmpty || error.mayHaveHappened else { throw KitError(error) }
                throw KitError(await afterwards(error, object, objects))
            }
            output.steps.append(Step(title: title, milliseconds: kit.timing.now() - start))
        }
        try await step("store") { () async throws(StorageError) in _ = try await objects.put(object, Body(content)) }
        try await step("read back and compare") { () async throws(StorageError) in
            guard try await collect(try await objects.read(object), limit: 4096) == content else {
                throw StorageError(.corrupt, "What was read back is not what was stored.", backend: name)
            }
        }
        if objects.capabilities.contains(.listing) {
            try await step("list") { () async throws(StorageError) in
                for try await page in objects.list(Self.folder) { listed += page }
                guard listed.contains(where: { $0.name == object }) else {
                    throw StorageError(.corrupt, "What was stored is not in the list.", backend: name)
                }
            }
        }
        guard objects.capabilities.contains(.delete) else {
            output.warnings.append("Nothing can be removed from \(name), so \(object) stays there.")
            return
        }
        try await step("remove") { () async throws(StorageError) in try await objects.delete(object) }
        let now = listed.first { $0.name == object }?.modified ?? kit.now
        for old in listed where old.name != object && PassingName.isLeft(old, in: Self.folder, by: own, now) {
            do throws(StorageError) {
                try await objects.delete(old.name)
            } catch {
                output.warnings.append("\(old.name), which an earlier test left on \(name), stays: \(error.message)")
            }
        }
    }

    /// What the names of all objects of tests begin with.
    private static let folder = "health/"

    /// Removes the object of a test that failed, and gives the error to end with: where it may stay, it says so.
    private func afterwards(
        _ error: StorageError,
        _ object: ObjectName,
        _ objects: any StorageService
    ) async -> StorageError {
        if objects.capabilities.contains(.delete), (try? await objects.delete(object)) != nil { return error }
        return StorageError(
            error.code,
            "\(error.message) The object of the test, \(object), may stay there; a later test removes it.",
            retry: error.retry,
            backend: error.backend,
            cause: error
        )
    }

    /// Lets objects be stored and removed that only this test knows of, beside whatever else is at work.
    private struct HealthGate: ChangeGate {
        func admit(_ change: Change) async throws(StorageError) {
            let what: String
            switch change {
            case .put(let name), .delete(let name), .clear(let name):
                guard !name.text.hasPrefix(BackendTest.folder) else { return }
                what = name.text
            case .store(let root), .remove(let root): what = root.description
            }
            throw StorageError(
                .superseded,
                "A test changes nothing but its own objects, and was about to change \(what)."
            )
        }
    }

    /// A step that succeeded.
    struct Step: Sendable {
        let title: String
        let milliseconds: Int64?

        /// The steps of a test, as they stand in every answer.
        static func list<Root>(_ read: @escaping @Sendable (Root) -> [Step]) -> OutputField<Root> {
            .list(
                "steps",
                "What was tried with success, or would be tried, in order.",
                of: [
                    OutputField("step", "What it was.") { $0.title },
                    OutputField("milliseconds", "How long it took.", in: .milliseconds) { $0.milliseconds },
                ],
                read
            )
        }
    }

    /// What was tried, all of it with success.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let name: String
        var steps: [Step] = []
        package var warnings: [String] = []

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.name },
            .dryRun { $0.isDryRun },
            OutputField("ok", "Whether every step succeeded; null where none was taken.") { $0.isDryRun ? nil : true },
            Step.list { $0.steps },
            .warnings { $0.warnings },
        ]
        package var report: Report {
            guard !isDryRun else { return Report(steps.map { .line("would \($0.title) on \(name)") }) }
            return Report(
                [.facts(steps.map { .init($0.title, "ok, \($0.milliseconds ?? 0) ms") }), .line("\(name) works.")],
                warnings: warnings
            )
        }
    }
}
