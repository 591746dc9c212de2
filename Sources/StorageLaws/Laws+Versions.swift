internal import Samples
internal import Storage

extension Law {
    /// Reads that break, and what stands under the name by then.
    static let versions: [Law] = [
        .conditional("a version that was replaced is not read", needsTrouble: false) {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            let opened = try await attempt("Opening \(name)") { () async throws(StorageError) in
                try await subject.service.get(name, nil, version: nil)
            }
            guard let version = opened.version else { return .doesNotApply("The service has no versions.") }
            let same = try await attempt("Reading \(name) by its version") { () async throws(StorageError) in
                try await collect(subject.service.get(name, nil, version: version).stream, limit: 1000)
            }
            try expect(isSame(same, sampleBytes(300)), "Read by its version, \(name) gives other bytes.")
            try await subject.store(name, sampleBytes(300, seed: 7))
            try await failure([.changed], of: "Reading a version of \(name) that was replaced") {
                () async throws(StorageError) in
                try await collect(subject.service.get(name, nil, version: version).stream, limit: 1000)
            }
            return .kept
        },
        .conditional("a read that breaks off goes on with its own bytes or fails") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(subject.boundary / 2)
            try await subject.store(name, bytes)
            return try await subject.under(.breaksOff(after: bytes.count / 2)) { () async throws(LawViolation) in
                let (found, error) = try await readOn(subject, name) { () async throws(LawViolation) in }
                try expect(
                    error == nil ? isSame(found, bytes) : bytes.starts(with: found),
                    "A read that broke off gave bytes that are not those of \(name): \(difference(found, bytes))."
                )
                try expect(error?.code != .notFound, "A read that broke off says that \(name) is not there.")
            }
        },
        broken(
            "is replaced",
            by: { (subject, name, bytes) async throws(LawViolation) in
                try await subject.store(name, sampleBytes(bytes.count, seed: 99))
            }
        ),
        broken(
            "is replaced by something shorter",
            by: { (subject, name, bytes) async throws(LawViolation) in
                try await subject.store(name, sampleBytes(bytes.count / 4, seed: 99))
            }
        ),
        broken("is removed", by: { (subject, name, _) async throws(LawViolation) in try await subject.remove(name) }),
        replaced(
            "is replaced",
            by: { (subject, name, bytes) async throws(LawViolation) in
                try await subject.store(name, sampleBytes(bytes.count, seed: 99))
            }
        ),
        replaced("is removed", by: { (subject, name, _) async throws(LawViolation) in try await subject.remove(name) }),
        .conditional("an end that nobody announced is none") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(subject.boundary / 2)
            try await subject.store(name, bytes)
            return try await subject.under(.endsUnannounced(after: bytes.count / 2)) { () async throws(LawViolation) in
                let (found, error) = try await readOn(subject, name) { () async throws(LawViolation) in }
                try expect(
                    error != nil || isSame(found, bytes),
                    "\(name) was taken for whole after \(found.count) of \(bytes.count) bytes."
                )
            }
        },
        ranged("a range that is ignored gives its bytes or an error", .ignoresRanges),
        ranged("another range than was asked for is an error", .shiftsRanges),
    ]

    private typealias Changing = @Sendable (LawSubject, ObjectName, [UInt8]) async throws(LawViolation) -> Void

    /// A law about a read of several chunks when something happens to the object after the first.
    private static func replaced(_ what: String, by change: @escaping Changing) -> Law {
        Law("a read whose object \(what) between two chunks ends with its own bytes or fails") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(max(2 * subject.boundary + 1, 3 << 20))
            try await subject.store(name, bytes)
            let (found, error) = try await readOn(subject, name) { () async throws(LawViolation) in
                try await change(subject, name, bytes)
            }
            if let error {
                // Before the first chunk nothing had happened to the object yet.
                guard !found.isEmpty else { throw LawViolation("Reading \(name)", failedWith: error) }
                try expect(
                    bytes.starts(with: found),
                    "A read of \(name), which \(what) meanwhile, failed with bytes of something else: \(error)"
                )
            } else {
                try expect(
                    isSame(found, bytes),
                    "A read of \(name), which \(what) meanwhile, ended well with bytes of something else: "
                        + "\(difference(found, bytes))."
                )
            }
        }
    }

    /// A law about what happens to a read when something happens to the object before it breaks.
    private static func broken(_ what: String, by change: @escaping Changing) -> Law {
        .conditional("a read never goes on in another object where its own \(what)") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(subject.boundary / 2)
            try await subject.store(name, bytes)
            return try await subject.under(.breaksOff(after: bytes.count / 2)) { () async throws(LawViolation) in
                let (found, error) = try await readOn(subject, name) { () async throws(LawViolation) in
                    try await change(subject, name, bytes)
                }
                try expect(
                    error == nil ? isSame(found, bytes) : bytes.starts(with: found),
                    """
                    A read of \(name), which \(what) in the middle of it, \(error == nil ? "ended well" : "failed") with \
                    bytes of something else: \(difference(found, bytes)).
                    """
                )
            }
        }
    }

    /// Reads an object to its end or failure, and does something after the first chunk.
    private static func readOn(
        _ subject: LawSubject,
        _ name: ObjectName,
        after first: () async throws(LawViolation) -> Void
    ) async throws(LawViolation) -> (found: [UInt8], error: StorageError?) {
        var found: [UInt8] = []
        let cursor: StreamCursor<[UInt8]>
        do throws(StorageError) {
            cursor = StreamCursor(try await subject.service.read(name))
            found += try await cursor.next() ?? []
        } catch {
            return (found, error)
        }
        try await first()
        do throws(StorageError) {
            while let chunk = try await cursor.next() { found += chunk }
            return (found, nil)
        } catch {
            return (found, error)
        }
    }

    private static func ranged(_ title: String, _ trouble: Trouble) -> Law {
        .conditional(title, needs: .rangeReads) { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(1000)
            try await subject.store(name, bytes)
            return try await subject.under(trouble) { () async throws(LawViolation) in
                for range in [0..<10, 3..<7, 100..<1000, 999..<1000] {
                    let found: [UInt8]
                    do throws(StorageError) {
                        let wanted = UInt64(range.lowerBound)..<UInt64(range.upperBound)
                        found = try await collect(subject.service.read(name, wanted), limit: 2000)
                    } catch {
                        try expect(error.code != .notFound, "A part of \(name) is said not to be there.")
                        continue
                    }
                    try expect(isSame(found, Array(bytes[range])), "Bytes \(range) of \(name) are others.")
                }
            }
        }
    }
}
