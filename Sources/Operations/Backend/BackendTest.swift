internal import Replication
package import Schema
internal import Storage

/// Tries a backend with a small object.
package struct BackendTest: Operation {
    package static let name = "backend test"
    package static let summary = "Store a small object on a backend, read it back, compare it and remove it."
    package static let changes = true

    package var name = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The backend.", required: true, positional: true)
    ]

    package func run(in kit: Kit) async throws(KitError) -> Output {
        let file = try kit.backend(name)
        let backend = try await kit.open(file, gate: HealthGate())
        guard let objects = backend.replica.notes,
            let object = ObjectName("health/\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).txt")
        else { throw KitError(.refused, "\(name) takes no objects that could be tried.", backend: name) }
        let content = Array("ipfs-kit was here at \(kit.now)\n".utf8)
        var steps: [Step] = []
        func step(_ title: String, _ work: () async throws(StorageError) -> Void) async throws(KitError) {
            let start = kit.session.timing.now()
            do throws(StorageError) {
                try await work()
            } catch {
                throw KitError(error)
            }
            steps.append(Step(title: title, milliseconds: kit.session.timing.now() - start))
        }
        try await step("store") { () async throws(StorageError) in _ = try await objects.put(object, Body(content)) }
        try await step("read back and compare") { () async throws(StorageError) in
            guard try await collect(try await objects.read(object), limit: 4096) == content else {
                throw StorageError(.corrupt, "What was read back is not what was stored.", backend: name)
            }
        }
        if objects.capabilities.contains(.listing) {
            try await step("list") { () async throws(StorageError) in
                var isThere = false
                for try await page in objects.list("health/") {
                    isThere = isThere || page.contains { $0.name == object }
                }
                guard isThere else {
                    throw StorageError(.corrupt, "What was stored is not in the list.", backend: name)
                }
            }
        }
        if objects.capabilities.contains(.delete) {
            try await step("remove") { () async throws(StorageError) in try await objects.delete(object) }
        }
        return Output(name: name, steps: steps)
    }

    /// Lets objects be stored and removed that only this test knows of, beside whatever else is at work.
    private struct HealthGate: ChangeGate {
        func admit(_ change: Change) async throws(StorageError) {
            switch change {
            case .put(let name), .delete(let name), .clear(let name):
                guard !name.text.hasPrefix("health/") else { return }
                throw StorageError(
                    .superseded,
                    "A test changes nothing but its own objects, and was about to change \(name)."
                )
            }
        }
    }

    struct Step: Sendable {
        let title: String
        let milliseconds: Int64
    }

    /// What was tried, all of it with success.
    package struct Output: OperationOutput {
        let name: String
        let steps: [Step]

        package var json: JSON {
            [
                "backend": .string(name), "ok": true,
                "steps": .array(steps.map { ["step": .string($0.title), "milliseconds": .integer($0.milliseconds)] }),
            ]
        }
        package var report: Report {
            Report([
                .facts(steps.map { .init($0.title, "ok, \($0.milliseconds) ms") }), .line("\(name) works."),
            ])
        }
    }
}
