internal import Catalog
package import Schema

/// Lets a backend take part in syncs again.
package struct BackendEnable: Operation {
    package static let name = "backend enable"
    package static let summary = "Let a backend take part in syncs again."
    package static let changes = true

    package var name = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The backend.", as: .backend, required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> BackendOutput {
        try await setEnabled(name, true, in: call.kit)
    }
}

/// Keeps a backend out of syncs.
package struct BackendDisable: Operation {
    package static let name = "backend disable"
    package static let summary = "Keep a backend out of syncs; what is on it stays and can be read."
    package static let changes = true

    package var name = ""

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("name", \.name, help: "The backend.", as: .backend, required: true, positional: true)
    ]

    package func run(in call: Call) async throws(KitError) -> BackendOutput {
        try await setEnabled(name, false, in: call.kit)
    }
}

private func setEnabled(_ name: String, _ flag: Bool, in kit: Kit) async throws(KitError) -> BackendOutput {
    var file = try kit.backend(name)
    file.isEnabled = flag
    // Whoever enables it has looked at what came from somewhere else.
    if flag { file.isFromSnapshot = false }
    file.updatedAt = kit.now
    try file.save()
    _ = try await kit.backends([name])
    return BackendOutput(file: file, verb: flag ? "enabled" : "disabled")
}
