internal import Catalog
package import Schema

/// Lets a backend take part in syncs again.
package struct BackendEnable: ChangingOperation {
    package static let name = "backend enable"
    package static let summary = "Let a backend take part in syncs again."

    package var name = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.name),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> BackendOutput {
        try await setEnabled(name, true, in: call)
    }
}

/// Keeps a backend out of syncs.
package struct BackendDisable: ChangingOperation {
    package static let name = "backend disable"
    package static let summary = "Keep a backend out of syncs; what is on it stays and can be read."

    package var name = ""
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.name),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> BackendOutput {
        try await setEnabled(name, false, in: call)
    }
}

private func setEnabled(_ name: String, _ flag: Bool, in call: Call) async throws(KitError) -> BackendOutput {
    let kit = call.kit
    var file = try kit.backend(name)
    file.isEnabled = flag
    // Whoever enables it has looked at what came from somewhere else.
    if flag { file.isFromSnapshot = false }
    _ = try kit.catalog()
    guard !call.isDryRun else {
        return BackendOutput(isDryRun: true, file: file, verb: flag ? "would enable" : "would disable")
    }
    file.updatedAt = kit.now
    try file.save()
    _ = try await kit.backends([name])
    return BackendOutput(isDryRun: false, file: file, verb: flag ? "enabled" : "disabled")
}
