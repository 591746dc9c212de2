internal import Catalog
internal import Multiformats
internal import POSIX
package import Schema
internal import Storage

/// Forgets a backend.
package struct BackendRemove: ChangingOperation {
    package static let name = "backend remove"
    package static let summary = "Forget a backend and its mappings. What is stored on it is not touched."
    package static let details = """
        The announcement of this home stays there, too: another home that keeps content there removes nothing for 30 days, \
        or until `backend peers forget` says there that this one is gone.
        """

    package var name = ""
    package var force = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.name),
        Field("force", \.force, help: "Forget it even where it has the only replica of a pin."),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        // A file that cannot be read may still be removed, and so may a backend that has none any more.
        let path = kit.home.backendFile(name)
        try await kit.meetBackends()
        let hasFile = BackendFile.isName(name) ? try kit.home.holds(path) : false
        if hasFile, let (_, line) = try kit.configuration().sources.first(where: { $0.source == .backend(name) }) {
            throw KitError(
                .refused,
                "Content is read from \(name): \(kit.home.mainConfiguration):\(line) names it. Take it out there first.",
                backend: name
            )
        }
        let orphans = try await kit.backendsWithoutFile()
        if !hasFile, !orphans.contains(name) { _ = try kit.backend(name) }
        let catalog = try kit.catalog()
        return try await kitErrors {
            let only = try await catalog.pinsOnly(on: name)
            let refusal = only.isEmpty || force ? nil : refusal(only)
            let known = try await catalog.mappingCounts()[name]?.byStatus.values.reduce(0, +) ?? 0
            if let refusal, !dryRun { throw refusal }
            if !dryRun {
                // What is mounted in the home is not the home's to remove.
                if hasFile { try await unmount(kit) }
                try await catalog.removeBackend(name)
                if hasFile { try removeFile(path) }
                try syncDirectory(directoryName(path))
                let home = kit.home
                for folder in [home.backends + "/" + name, home.state(of: name), home.blockCache(of: name)]
                where try fileExists(folder) { try removeTree(folder) }
            }
            return Output(name: name, mappings: known, lonely: only.count, dryRun: dryRun, refusal: refusal)
        }
    }

    /// Ends what is mounted, as far as the settings say where; throws where somebody uses it.
    private func unmount(_ kit: Kit) async throws(KitError) {
        guard let file = try? kit.backend(name), file.row.isMounted else { return }
        do throws(KitError) {
            _ = try await kit.unmount(file)
        } catch {
            guard error.code != .temporary else { throw error }
        }
    }

    private func refusal(_ only: [CID]) -> KitError {
        KitError(
            .refused,
            "\(name) has, or had when it was looked at last, the only verified replica of \(only.count) pins, \(only[0]) among them.",
            hint: Hint(BackendRemove.self, ["name": name, "force": "true"], givesUp: true),
            backend: name
        )
    }

    /// What was forgotten.
    package struct Output: OperationOutput {
        let name: String
        let mappings: Int
        let lonely: Int
        let dryRun: Bool
        /// Why it would not be done.
        let refusal: KitError?

        package var exitCode: ExitCode { refusal?.code ?? .ok }
        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.name },
            OutputField("mapping_count", "How many mappings of it are known no longer, or would not be.") {
                $0.mappings
            },
            OutputField("pins_without_other_replica", "How many pins have no other verified copy.") { $0.lonely },
            .dryRun { $0.dryRun },
            OutputField("error", "Why it would be refused; null where it would not.") { $0.refusal },
        ]
        package var report: Report {
            if let refusal {
                let parts = refusal.hint.map { [Report.Part.command($0)] } ?? []
                return Report(parts, failures: [refusal.message])
            }
            return Report(
                dryRun
                    ? "would remove backend \(name); what is stored on it would not be touched"
                    : "removed backend \(name); what is stored on it was not touched"
            )
        }
    }
}
