internal import Catalog
package import Schema
internal import Storage

/// Looks at how backends are.
package struct BackendHealth: ChangingOperation {
    package static let name = "backend health"
    package static let summary = "Try what a backend does, read some of what it should have, and say how it is."
    package static let details = """
        A small object is stored, read back, listed and removed, and up to three roots by chance of those that are stored there \
        are asked for and read. The answer is one word with what was seen: \
        \(HealthState.allCases.map { "*\($0.rawValue)*: \($0.meaning.prefix(1).lowercased() + $0.meaning.dropFirst())" }.joined(separator: " "))
        It ends with 0 where all are ok or leaving; with 10 for lying, 6 for degraded, and for the others with the code of what \
        was refused, such as 7, or not answered, such as 5; with 6 where only some are well.
        """

    package var names: [String] = []
    package var all = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .enabledBackends(\.names),
        .allBackends(\.all),
        .dryRun,
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        _ = try kit.catalog()
        let chosen = try await kit.backends(names, all: all, for: Self.self)
        let broken = chosen.broken.map { HealthLook.unreadable($0.name, $0.error, in: kit) }
        guard !dryRun else {
            let looks = broken + chosen.files.map { HealthLook(at: $0.name, in: kit) }
            return Output(isDryRun: true, looks: looks.sorted { $0.backend < $1.backend })
        }
        var looks = broken
        looks += try await withManyAtOnce { () async throws(KitError) in
            try await look(at: chosen.files, call)
        }
        return Output(isDryRun: false, looks: looks.sorted { $0.backend < $1.backend })
    }

    private func look(at files: [BackendFile], _ call: Call) async throws(KitError) -> [HealthLook] {
        let ends = await withTaskGroup(of: Result<HealthLook, KitError>.self) { group in
            for file in files {
                group.addTask {
                    var look = HealthLook(at: file.name, in: call.kit)
                    do throws(KitError) {
                        try await look.look(file, call.progress)
                        return .success(look)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return try ends.map { (end) throws(KitError) in try end.get() }
    }

    /// How the backends are.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let looks: [HealthLook]

        package var exitCode: ExitCode {
            .ofParts(looks.compactMap(\.exitCode), isPartDone: looks.contains { $0.exitCode == nil })
        }

        package static let outputFields: [OutputField<Self>] = [
            .dryRun { $0.isDryRun },
            .list(
                "backends",
                "Each backend, and how it is.",
                of: [
                    .backend { $0.backend },
                    OutputField(
                        "health",
                        "How it is; null where nothing was tried.",
                        as: .choice(HealthState.allCases.map(\.rawValue))
                    ) { $0.state?.rawValue },
                    OutputField("asked_at", "When it was asked first; null where nobody was.") { $0.askedAt },
                    OutputField("observations", "What was seen, in order; none where nothing was tried.") { $0.sights },
                    OutputField(
                        "latency",
                        "How long it took to answer the first question, with all tries.",
                        in: .milliseconds
                    ) { $0.latency },
                    OutputField("free_bytes", "How much room it says there is; null where it says nothing.", in: .bytes)
                    {
                        $0.free
                    },
                    OutputField(
                        "clock_offset",
                        "How far its clock is ahead of the one here, to a second; null where it told no time.",
                        in: .milliseconds
                    ) { $0.clockOffset },
                    OutputField("last_proof", "What proved last, before this, that bytes were there.") { $0.proof },
                ]
            ) { $0.looks },
            .warnings { $0.looks.flatMap(\.warnings) },
        ]

        package var report: Report {
            guard !isDryRun else { return Report(looks.map { .line("would look at \($0.backend)") }) }
            var parts: [Report.Part] = []
            for look in looks {
                parts.append(.line("\(look.backend): \(look.state?.rawValue ?? "")"))
                parts.append(
                    .table(
                        [.init("WHAT"), .init("HOW"), .init("TOOK", number: true), .init("SEEN", mayShrink: true)],
                        rows: look.sights.map { sight in
                            let time = sight.milliseconds.map { "\($0) ms" } ?? ""
                            return [sight.subject.rawValue, sight.outcome.rawValue, time, sight.words]
                        }
                    )
                )
            }
            let failures = looks.flatMap { look in
                look.sights.filter { $0.outcome == .failed }.map { sight in
                    sight.error.map { $0.told(of: look.backend) } ?? "\(look.backend): \(sight.words)"
                }
            }
            return Report(parts, warnings: looks.flatMap(\.warnings), failures: failures)
        }

        package var quietLines: [String]? {
            isDryRun ? [] : looks.map { "\($0.backend) \($0.state?.rawValue ?? "")" }
        }
    }
}

extension HealthLook {
    /// How a command ends that saw this; nil where all is well.
    ///
    /// That its owner gave it up excuses nothing that failed.
    fileprivate var exitCode: ExitCode? {
        guard !sights.isEmpty else { return nil }
        let worst = HealthState(sights, isLeaving: false)
        let first = sights.first { $0.state == worst }?.error?.code
        switch worst {
        case .ok, .leaving: return nil
        case .lying: return .verification
        case .degraded: return .partlyFailed
        case .readOnly, .unreachable, .unknown: return first ?? .other
        }
    }
}
