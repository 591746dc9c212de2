internal import Samples
internal import Storage

extension Law {
    static let concurrency: [Law] = [
        Law("two writers of one name leave one of the two whole") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            for round in 0..<3 {
                let versions = (0..<4).map { sampleBytes(subject.boundary + 1 + $0, seed: UInt64(round)) }
                let refusals = try await concurrently(versions.count) { (index) async throws(LawViolation) in
                    do throws(StorageError) {
                        _ = try await subject.service.put(name, Body(versions[index]))
                        return nil as StorageError?
                    } catch {
                        // Who lost may be told to begin anew, as where uploads in parts have one name.
                        guard error.code == .unavailable else {
                            throw LawViolation("One of four writers at once was refused: \(error)", cause: error)
                        }
                        return error
                    }
                }
                let reasons = refusals.compactMap { $0 }
                if reasons.count == refusals.count, let reason = reasons.first {
                    throw LawViolation(
                        "Of four writers at once of \(name), none was let through: \(reason)",
                        cause: reason
                    )
                }
                let found = try await subject.read(name)
                try expect(
                    versions.contains { isSame($0, found) },
                    "After four writers at once, \(name) has \(found.count) bytes that none of them stored."
                )
                let length = try await subject.stat(name).length
                try expect(
                    length == subject.toldLength(found.count),
                    "After four writers at once, \(name) is said to have \(told(length)) bytes."
                )
            }
        },
        Law("a reader during a replacement sees the old or the new") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let versions = (0..<4).map { sampleBytes(subject.boundary / 2 + $0 * 13, seed: UInt64($0)) }
            try await subject.store(name, versions[0])
            let isReplaced = Locked(false)
            _ = try await concurrently(4) { (lane) async throws(LawViolation) in
                if lane == 0 {
                    defer { isReplaced.change { $0 = true } }
                    for version in versions + versions { try await subject.store(name, version) }
                    return
                }
                // A reader that ended sooner would see nothing of the later replacements.
                var reads = 0
                while reads < 6 || !isReplaced.read({ $0 }) {
                    let found = try await subject.read(name)
                    reads += 1
                    try expect(
                        versions.contains { isSame($0, found) },
                        "A reader during a replacement of \(name) saw \(found.count) bytes that were never stored."
                    )
                }
            }
        },
        Law("objects stored at once are all kept") { (subject) async throws(LawViolation) in
            let names = try await concurrently(24) { (index) async throws(LawViolation) in
                let name = try subject.name("folder-\(index % 3)/object-\(index)")
                try await subject.store(name, sampleBytes(500 + index, seed: UInt64(index)))
                return name
            }
            _ = try await concurrently(names.count) { (index) async throws(LawViolation) in
                try await subject.expectHolds(
                    names[index],
                    sampleBytes(500 + index, seed: UInt64(index)),
                    "After 24 uploads at once"
                )
            }
        },
        Law("one object is read by many at once") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(subject.boundary + 1)
            try await subject.store(name, bytes)
            _ = try await concurrently(24) { (_) async throws(LawViolation) in
                let found = try await subject.read(name)
                try expect(
                    isSame(found, bytes),
                    "One of 24 readers at once got other bytes: \(difference(found, bytes))."
                )
            }
        },
        Law("a reader during a removal sees all or an error") { (subject) async throws(LawViolation) in
            for round in 0..<3 {
                let name = try subject.name("object-\(round)")
                let bytes = sampleBytes(subject.boundary + 1, seed: UInt64(round))
                try await subject.store(name, bytes)
                _ = try await concurrently(4) { (lane) async throws(LawViolation) in
                    if lane == 3 { return try await subject.remove(name) }
                    let found: [UInt8]
                    do throws(StorageError) {
                        found = try await collect(subject.service.read(name, nil), limit: bytes.count + 1)
                    } catch {
                        return
                    }
                    try expect(
                        isSame(found, bytes),
                        "A reader during the removal of \(name) got an end without an error: \(difference(found, bytes))."
                    )
                }
            }
        },
        Law("one object may be removed by many at once") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, [1])
            _ = try await concurrently(8) { (_) async throws(LawViolation) in try await subject.remove(name) }
            try await subject.expectAbsent(name, "After eight removals at once")
        },
        Law("reads that are given up leave the service usable") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(subject.boundary + 1)
            try await subject.store(name, bytes)
            // More than any usual number of connections: one that is never given back would be missed.
            for _ in 0..<40 {
                try await attempt("Beginning to read \(name)") { () async throws(StorageError) in
                    for try await _ in try await subject.service.read(name, nil) { break }
                }
                _ = try await attempt("Opening \(name)") { () async throws(StorageError) in
                    try await subject.service.read(name, nil)
                }
            }
            try await subject.expectHolds(name, bytes, "After forty reads that were given up")
        },
    ]
}
