internal import Catalog
package import Schema

/// Changes the settings of a backend.
package struct BackendUpdate: ChangingOperation {
    package static let name = "backend update"
    package static let summary = "Change settings of a backend."
    package static let details = "Example: ipfs-kit backend update my-s3 --region eu-west-1 --unset profile"

    package var name = ""
    package var settings: [String] = []
    package var unset: [String] = []
    package var description: String?
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.name),
        Field("settings", \.settings, help: "A setting as name=value; the same as the flag --name value.", whole: true),
        Field("unset", \.unset, help: "A setting to take out; may be given several times."),
        Field("description", \.description, help: "What it is, for people."),
        .dryRun,
    ]

    package static var openFields: [FieldInfo] { allSettings }

    package func run(in call: Call) async throws(KitError) -> BackendOutput {
        let kit = call.kit
        var file = try kit.backend(name)
        guard !settings.isEmpty || !unset.isEmpty || description != nil else {
            throw KitError(
                .usage,
                "Nothing is named that \(name) should have another value of.",
                hint: Hint(BackendTypes.self, ["type": file.type]),
                backend: name
            )
        }
        try file.apply(settings)
        for key in unset {
            let key = key.replacing("-", with: "_")
            guard file.settings.removeValue(forKey: key) != nil else {
                throw KitError(
                    .usage,
                    "Nothing is set under “\(key)”.",
                    hint: Hint(BackendShow.self, ["name": name]),
                    backend: name
                )
            }
        }
        if let description { file.description = description }
        try file.check()
        if description != nil { try file.checkDescription() }
        let warnings = file.isFromSnapshot ? [] : await kit.whatKeepsFromOpening(file)
        _ = try kit.catalog()
        guard !dryRun else {
            return BackendOutput(isDryRun: true, file: file, verb: "would update", warnings: warnings)
        }
        file.updatedAt = kit.now
        try file.save()
        // What was answered under other settings says nothing of these.
        if !settings.isEmpty || !unset.isEmpty { await kit.forgetAnswers(of: name) }
        _ = try await kit.backends([name])
        let catalog = try kit.catalog()
        do throws(CatalogError) {
            try await catalog.markDirty([name], reason: "settings changed")
        } catch {
            throw KitError(error)
        }
        return BackendOutput(isDryRun: false, file: file, verb: "updated", warnings: warnings)
    }
}
