internal import Catalog
internal import Multiformats
internal import Replication
package import Schema
internal import Storage
internal import StorageLaws

/// Tries a backend by the laws that every type has to keep.
package struct BackendCertify: ChangingOperation {
    package static let name = "backend certify"
    package static let summary =
        "Try a backend by the laws that all have to keep, in a corner of its own, and remove all of it."
    package static let details = """
        It stores under certify/, where nothing else is, and changes nothing of what is kept there, nor what is known of it.
        Without --full a short list of laws takes 100 to 350 requests and less than 1 MiB. With it all are tried that apply:
        4,000 to 20,000 requests and 13 to 25 MiB. An object of 4 MiB is sent and read besides, to be measured: `backend types` \
        shows what was seen, beside what the settings say. With --full, where objects of up to 64 MiB go in parts, 12 times the length from \
        which on they do. It ends with 10 where a law was broken; one of which nothing was seen is unknown. Of a run of this \
        home that was killed, the next one removes objects and pins, and of others after a day. Empty folders stay, and \
        hidden pieces of uploads that were cut off. Where there is no room for objects, it notes nowhere which roots it stores: \
        those of a run that was killed stay.
        """

    package var name = ""
    package var full = false
    package var dryRun = false

    package init() {}

    package static let fields: [Field<Self>] = [
        .backendName(\.name),
        Field("full", \.full, help: "All laws that apply."),
        .dryRun,
    ]

    /// After so many laws in a row of which nothing could be seen, the others are not tried.
    private static let patience = 3

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        let owned = Locked<Set<CID>>([])
        let catalog = try kit.catalog()
        let gate = CertificationGate(owned: owned) { root in
            if try await catalog.pin(root) != nil { return true }
            return try await !catalog.mappings(of: [root]).isEmpty
        }
        let backend = try await kit.open(try kit.backend(name), gate: gate)
        // Nothing is stored where a disk is not mounted.
        if !dryRun { try await kit.expectPlace(backend) }
        let home = try? await catalog.identity().instance
        let lasting = dryRun ? nil : await LastingRemains(.trial, on: name, in: kit)
        let run = lasting?.words ?? PassingName(of: home).text
        let trial = Certification(backend, run: run, isFull: full, owned: owned)
        var output = Output(isDryRun: dryRun, name: name, isFull: full)
        output.folder = backend.content.objects == nil ? nil : Certification.folder
        guard !dryRun else {
            output.rows = trial.trials.map { Row(trial: $0, verdict: .planned) }
            return output
        }
        do throws(StorageError) {
            output.remains = try await trial.begin(by: home, at: kit.now)
        } catch {
            _ = await trial.end()
            throw KitError(error)
        }
        output.onlyAdds = trial.onlyAdds.read { $0 }
        await lasting?.note(output.onlyAdds ? run : nil)
        call.progress.began("certify", items: trial.trials.count)
        await attempt(trial, &output, call.progress)
        var lie: StorageError?
        if !Task.isCancelled {
            do throws(StorageError) {
                output.measured = try await trial.measure(backend.content, by: kit.timing)
            } catch {
                lie = error
            }
        }
        call.progress.ended()
        output.remains += await trial.end()
        if var measured = output.measured, !Task.isCancelled, output.passed > 0 {
            measured.count(output)
            output.measured = measured
            await kit.expect(.measures, of: try kit.backend(name))?.keep(measured.note)
        }
        if let lie { throw KitError(lie.on(name)) }
        output.whatStays = backend.whatStays
        (output.requests, output.bytes) = (backend.meter.counts.calls, backend.meter.counts.bytesStored)
        guard !Task.isCancelled else {
            for sentence in output.failures { call.notice(sentence) }
            throw KitError(.interrupted, "The trial of \(name) was stopped.", backend: name)
        }
        return output
    }

    private func attempt(_ certification: Certification, _ output: inout Output, _ progress: Progress) async {
        var unseen = 0
        for trial in certification.trials {
            guard !Task.isCancelled else { return }
            guard unseen < Self.patience else {
                let reason = StorageError(
                    .unavailable,
                    "It was not tried: nothing could be seen of the laws before it."
                )
                output.rows.append(Row(trial: trial, verdict: .unknown(reason)))
                continue
            }
            let verdict: Verdict
            do throws(LawViolation) {
                switch try await trial.attempt() {
                case .kept: verdict = .passed
                case .doesNotApply(let reason): verdict = .doesNotApply(reason)
                }
            } catch {
                verdict = Verdict(error)
            }
            if case .unknown = verdict { unseen += 1 } else { unseen = 0 }
            output.rows.append(Row(trial: trial, verdict: verdict))
            progress.items()
        }
    }
}

extension BackendCertify {
    /// A law and what came of it.
    struct Row: Answer {
        let trial: Certification.Trial
        let verdict: Verdict

        /// The word for the verdict, for people and, with underscores, for machines.
        var word: String {
            switch verdict {
            case .passed: "passed"
            case .failed: "failed"
            case .unknown: "unknown"
            case .doesNotApply: "does not apply"
            case .planned: "would be tried"
            }
        }
        var reason: String? {
            switch verdict {
            case .passed, .planned: nil
            case .failed(let reason), .doesNotApply(let reason): reason
            case .unknown(let error): error.message
            }
        }
        private static let words = ["passed", "failed", "unknown", "does_not_apply", "would_be_tried"]

        static let outputFields: [OutputField<Self>] = [
            OutputField("law", "What a place has to do.") { $0.trial.title },
            OutputField("of", "What the law is about.", as: .choice(["content", "objects"])) {
                $0.trial.isOfContent ? "content" : "objects"
            },
            OutputField("outcome", "What came of it.", as: .choice(Self.words)) {
                $0.word.replacing(" ", with: "_")
            },
            OutputField("reason", "Why it was not passed.") { $0.reason },
        ]
    }

    /// What came of each law, and what is left of the trial.
    package struct Output: OperationOutput {
        let isDryRun: Bool
        let name: String
        let isFull: Bool
        var rows: [Row] = []
        /// Where the objects of the trial lie; nil where the backend takes none.
        var folder: String?
        var remains: [Trail.Remains] = []
        /// What was measured; nil where nothing was.
        var measured: Measurement?
        /// What of the trial is kept all the same, as a sentence.
        var whatStays: String?
        /// Whether the credentials remove nothing.
        var onlyAdds = false
        var requests: UInt64 = 0
        var bytes: UInt64 = 0

        private var speed: String {
            guard let measured, measured.roundTrip != nil else { return "" }
            let rates =
                measured.up == nil
                ? "" : ", up \(Measurement.words(measured.up)), down \(Measurement.words(measured.down))"
            return " Measured: \(measured.timeWords) there and back\(rates)."
        }

        private var corner: String { folder.map { ", under \($0)" } ?? "" }
        fileprivate var broken: [Row] { rows.filter { if case .failed = $0.verdict { true } else { false } } }
        fileprivate var passed: Int { rows.count { if case .passed = $0.verdict { true } else { false } } }

        /// A broken law is told before anything else.
        package var exitCode: ExitCode {
            guard broken.isEmpty else { return .verification }
            let codes = rows.compactMap { row in
                if case .unknown(let error) = row.verdict { KitError(error).code } else { nil }
            }
            return ExitCode.ofParts(codes + (remains.isEmpty ? [] : [.partlyFailed]), isPartDone: passed > 0)
        }

        /// What could not be removed, as sentences.
        var failures: [String] {
            guard !onlyAdds else {
                let left = remains.map(\.name).joined(separator: ", ")
                let names = left.isEmpty ? "what is under \(folder ?? "")" : left
                return [
                    "The credentials of \(name) remove nothing, so only the laws were tried for which that is not needed, and "
                        + "this stays there, to be used again: \(names)."
                ]
            }
            return remains.map {
                "\($0.name) stays on \(name), and the next `backend certify` tries to remove it again: \($0.error.message)"
            }
        }

        package static let outputFields: [OutputField<Self>] = [
            .backend { $0.name },
            OutputField("full", "Whether the laws that cost much were tried too.") { $0.isFull },
            .dryRun { $0.isDryRun },
            OutputField("ok", "Whether no law was broken or left open; null where none was tried.") {
                $0.isDryRun ? nil : $0.exitCode == .ok
            },
            OutputField("laws", "Each law and what came of it.") { $0.rows },
            OutputField("request_count", "How many requests were sent.") { $0.requests },
            OutputField("bytes_sent", "How much was sent.", in: .bytes) { $0.bytes },
            OutputField("remains", "Names that the trial left behind.") { $0.remains.map(\.name) },
            OutputField("measured", "What was measured; null where nothing was.") { $0.measured },
        ]
        package var report: Report {
            let unknown = rows.count { if case .unknown = $0.verdict { true } else { false } }
            let rest = rows.count - passed - broken.count - unknown
            let counts = [
                (broken.count, "failed"), (unknown, "unknown"), (rest, "that \(rest == 1 ? "does" : "do") not apply"),
            ]
            let other = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            let words = (["\(passed) laws passed"] + other).joined(separator: ", ")
            let size = ByteCount(bytes)
            guard !isDryRun else {
                let table = Report.Part.table([.init("LAW")], rows: rows.map { [$0.trial.title] })
                return Report([table, .line("\(name): \(rows.count) laws would be tried\(corner).")])
            }
            return Report(
                [
                    .table(
                        [.init("LAW", mayShrink: true), .init("RESULT"), .init("WHY", mayShrink: true)],
                        rows: rows.map { [$0.trial.title, $0.word, $0.reason ?? ""] }
                    ),
                    .line("\(name): \(words); \(requests) requests, \(size) sent.\(speed)"),
                ],
                warnings: [whatStays].compactMap(\.self),
                failures: broken.map { "\($0.trial.title): \($0.reason ?? "")" } + failures
            )
        }
        package var quietLines: [String]? { broken.map(\.trial.title) }
    }
}

extension Measurement {
    /// Takes note of how the trial ended.
    fileprivate mutating func count(_ output: BackendCertify.Output) {
        (passed, failed, isFull) = (output.passed, output.broken.count, output.isFull)
    }
}
