internal import Catalog
internal import Replication
package import Schema
internal import Storage

/// Lists the backends.
package struct BackendList: Operation {
    package static let name = "backend list"
    package static let summary = "List the backends and how far each is in step."

    package var configured = false

    package init() {}

    package static let fields: [Field<Self>] = [
        Field("configured", \.configured, help: "Only those that are enabled.")
    ]

    package func run(in call: Call) async throws(KitError) -> Output {
        let kit = call.kit
        var rows: [Row] = []
        var warnings: [String] = []
        var broken: [Broken] = []
        let catalog = try kit.catalog()
        try await kit.meetBackends()
        for name in try await kit.backendsWithoutFile() {
            warnings.append(
                "The file of the backend \(name), \(kit.home.backendFile(name)), is not there: what was seen on it counts for nothing. "
                    + "Put it back, or run `ipfs-kit backend remove \(name)`."
            )
        }
        for name in try kit.backendNames() {
            do throws(KitError) {
                let file = try kit.backend(name)
                if configured, !file.isEnabled { continue }
                rows.append(Row(file: file, lastTest: await kit.lastTest(of: file), now: kit.now))
            } catch {
                // One broken file must not hide the others.
                warnings.append(error.message)
                broken.append((name, error))
            }
        }
        rows = try await kitErrors { [rows] in
            let counts = try await catalog.mappingCounts()
            var known = rows
            for (index, name) in rows.map(\.file.name).enumerated() {
                known[index].state = try await catalog.backendState(name)
                known[index].counts = counts[name] ?? MappingCounts()
                known[index].files = try await kit.indexFiles(name).state(in: catalog)
            }
            return known
        }
        for row in rows where row.state?.leadsElsewhere == true {
            warnings.append(
                "The settings of \(row.file.name) lead elsewhere than to where it was synced, or name something that is not set here: "
                    + "what was seen on it counts for nothing here."
            )
        }
        return Output(rows: rows, broken: broken, warnings: warnings)
    }

    /// A backend, and what is known of it.
    struct Row: Answer {
        let file: BackendFile
        var state: BackendState?
        var counts = MappingCounts()
        var files = IndexFiles.State.none
        let lastTest: LastTest?
        /// When all of this was looked up, so that ages can be told.
        let now: Timestamp

        static var sharedName: String? { "backend" }
        static let outputFields: [OutputField<Self>] = [
            OutputField("name", "The backend.", as: .backend) { $0.file.name },
            OutputField("settings", "Its settings, without secrets.") { $0.file },
            OutputField("state", "How far it is; null where it is not known yet.") { $0.state },
            OutputField("mapping_counts", "What is known of what is there.") { $0.counts },
            OutputField("index", "How far the index files are.") { $0.files },
            OutputField("last_test", "How the last test of it ended; null where that is not known.") { $0.lastTest },
        ]

        /// When what counts as stored was looked at, in words; nil where nothing does.
        var looks: String? {
            guard counts.byStatus[.stored] ?? 0 > 0, let newest = counts.newest else { return nil }
            guard let oldest = counts.oldest else { return "at the latest \(newest.at.toTheSecond), by \(newest.by)" }
            let by = oldest.by == newest.by ? newest.by : "\(oldest.by) and \(newest.by)"
            let when =
                oldest.at.toTheSecond == newest.at.toTheSecond
                ? newest.at.toTheSecond : "between \(oldest.at.toTheSecond) and \(newest.at.toTheSecond)"
            return "\(when), by \(by)"
        }

        /// How old what is known of it is, in sentences.
        fileprivate var ages: [Report.Part] {
            var lines: [String] = []
            if let looks { lines.append("\(file.name): what is stored was looked at \(looks).") }
            if let words = lastTest?.words(at: now) {
                lines.append("\(file.name): last test: \(words)\(words.hasSuffix(".") ? "" : ".")")
            }
            return lines.map { .line($0) }
        }
    }

    /// A backend whose file cannot be read.
    package typealias Broken = (name: String, error: KitError)

    /// The backends.
    package struct Output: OperationOutput {
        let rows: [Row]
        let broken: [Broken]
        let warnings: [String]

        package static let outputFields: [OutputField<Self>] = [
            OutputField("backends", "Each backend, with what is known of it.") { $0.rows },
            .brokenBackends { $0.broken },
            .warnings { $0.warnings },
        ]
        package var report: Report {
            Report(
                [
                    .table(
                        [
                            .init("NAME"), .init("TYPE"), .init("ENABLED"), .init("STATE"),
                            .init("STORED", number: true),
                            .init("SIZE", number: true), .init("LAST SYNC"), .init("INDEX"),
                        ],
                        rows: rows.map {
                            [
                                $0.file.name, $0.file.type, $0.file.isEnabled ? "yes" : "no",
                                $0.state?.isDirty == false ? "clean" : "dirty",
                                String($0.counts.byStatus[.stored] ?? 0),
                                ByteCount($0.counts.storedBytes).description,
                                $0.state?.syncedAt?.toTheSecond ?? "never", $0.files.words,
                            ]
                        }
                    )
                ] + rows.flatMap(\.ages),
                warnings: warnings
            )
        }
    }
}
