internal import Replication
internal import Schema
internal import Storage
internal import StorageLaws

/// What a trial of a backend measured, and how it ended.
struct Measurement: Answer {
    var roundTrip: Int64?
    /// Bytes in a second, of one object after another.
    var up: UInt64?
    var down: UInt64?
    var passed = 0
    var failed = 0
    var isFull = false

    /// The length of the object that is sent and read, in bytes.
    static let length: UInt64 = 4 << 20

    init() {}

    /// Reads what was kept; nil where it makes no sense.
    init?(_ answer: JSON) {
        guard let passed = answer["passed"]?.natural, let failed = answer["failed"]?.natural,
            case .bool(let isFull)? = answer["full"]
        else { return nil }
        (self.passed, self.failed, self.isFull) = (Int(clamping: passed), Int(clamping: failed), isFull)
        roundTrip = answer["round_trip"]?.natural.map { Int64(clamping: $0) }
        (up, down) = (answer["up"]?.natural, answer["down"]?.natural)
    }

    /// The same to be kept.
    var note: JSON {
        [
            "round_trip": .count(roundTrip), "up": .count(up), "down": .count(down), "passed": .count(passed),
            "failed": .count(failed), "full": .bool(isFull),
        ]
    }

    static let outputFields: [OutputField<Self>] = [
        OutputField(
            "round_trip",
            "The shortest time in which a question about a small object was answered; null where none was asked.",
            in: .milliseconds
        ) { $0.roundTrip },
        OutputField("up_bytes_per_second", "How fast one object was sent; null where none was.", in: .bytes) { $0.up },
        OutputField("down_bytes_per_second", "How fast one object was read; null where none was.", in: .bytes) {
            $0.down
        },
        OutputField("laws_passed", "How many laws were kept.") { $0.passed },
        OutputField("laws_failed", "How many laws were broken.") { $0.failed },
        OutputField("full", "Whether the laws that cost much were tried too.") { $0.isFull },
    ]

    /// The round trip in words.
    var timeWords: String { roundTrip.map { $0 == 0 ? "under 1 ms" : "\($0) ms" } ?? "–" }

    /// A rate in words.
    static func words(_ rate: UInt64?) -> String { rate.map { "\(ByteCount($0))/s" } ?? "–" }
}

/// A backend that was measured, beside what its settings and its type say.
struct MeasuredBackend: Answer {
    let file: BackendFile
    let measured: Measurement
    let askedAt: Timestamp
    let askedBy: String
    let operational: OperationalSettings

    static let outputFields: [OutputField<Self>] = [
        .backend { $0.file.name },
        OutputField("type", "Its type.") { $0.file.row.type },
        OutputField("can", "What its type declares, by the words of the table.") {
            MatrixColumn.names(for: $0.file.row)
        },
        OutputField("bandwidth_limit", "The rate that its settings allow, in a second; 0 is no limit.", in: .bytes) {
            $0.operational.bandwidthLimit.bytes
        },
        OutputField("max_connections", "How many calls its settings allow at once.") {
            $0.operational.maxConnections
        },
        OutputField("measured", "What the last trial measured.") { $0.measured },
        OutputField("asked_at", "When that was.") { $0.askedAt },
        OutputField("asked_by", "Who did it: the host and the version of the program.") { $0.askedBy },
    ]
}

extension Kit {
    /// The backends that were measured where they lead now; nothing is sent.
    func measuredBackends() async -> [MeasuredBackend] {
        var found: [MeasuredBackend] = []
        for name in (try? backendNames()) ?? [] {
            guard let file = try? backend(name), let kept = await kept(.measures, of: file),
                let measured = Measurement(kept.answer),
                let values = try? file.known(in: environment).values(environment: environment),
                var operational = try? OperationalSettings(values: values.operational)
            else { continue }
            if values.operational["max_connections"] == nil { operational.maxConnections = file.row.connections }
            found.append(
                MeasuredBackend(
                    file: file,
                    measured: measured,
                    askedAt: kept.askedAt,
                    askedBy: kept.askedBy,
                    operational: operational
                )
            )
        }
        return found
    }
}

extension Certification {
    /// Measures how long a question takes, and how fast a few megabytes go and come, one after the other; what cannot
    /// be measured is nil.
    ///
    /// Throws where other bytes come than were sent.
    func measure(_ content: any ContentService, by timing: Timing) async throws(StorageError) -> Measurement {
        var measured = Measurement()
        func seconds(_ work: () async throws(StorageError) -> Void) async throws(StorageError) -> Double? {
            let start = timing.uptime()
            do throws(StorageError) {
                try await work()
            } catch {
                guard error.code != .corrupt else { throw error }
                return nil
            }
            return (timing.uptime() - start) / .seconds(1)
        }
        func rate(_ time: Double?) -> UInt64? { time.map { UInt64(Double(Measurement.length) / max($0, 0.000_001)) } }
        var times: [Double] = []
        for _ in 0..<3 {
            let time = try await seconds { () async throws(StorageError) in try await ask(content) }
            if let time { times.append(time) }
        }
        measured.roundTrip = times.min().map { Int64(($0 * 1000).rounded()) }
        guard let objects = measuring, let name = ObjectName(corner + "/measured") else { return measured }
        let piece = (0..<(64 << 10)).map { _ in UInt8.random(in: 0...255) }
        let bytes = Array([[UInt8]](repeating: piece, count: Int(Measurement.length) / piece.count).joined())
        let up = try await seconds { () async throws(StorageError) in _ = try await objects.put(name, Body(bytes)) }
        guard up != nil else { return measured }
        measured.up = rate(up)
        measured.down = rate(
            try await seconds { () async throws(StorageError) in
                var count = 0
                for try await chunk in try await objects.read(name) { count += chunk.count }
                guard count == bytes.count else { throw StorageError(.corrupt, "Other bytes came than were sent.") }
            }
        )
        return measured
    }

    /// A question that costs as little as possible.
    private func ask(_ content: any ContentService) async throws(StorageError) {
        guard let objects, objects.capabilities.isSuperset(of: [.write, .delete]),
            let mark = ObjectName(corner + "/begun")
        else {
            _ = try await content.probe()
            return
        }
        _ = try await objects.stat(mark)
    }
}
