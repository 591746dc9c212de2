internal import Samples
internal import Storage

extension Law {
    static let ranges: [Law] = [
        range("every range of a small object gives its bytes") { (subject, name, bytes) async throws(LawViolation) in
            for start in 0..<6 {
                for end in start...6 {
                    try await expectPart(subject, name, bytes, UInt64(start)..<UInt64(end))
                }
            }
        } of: { _ in
            6
        },
        range("ranges by chance give their bytes") { (subject, name, bytes) async throws(LawViolation) in
            var numbers = SeededNumbers(seed: 42)
            for _ in 0..<40 {
                let one = UInt64.random(in: 0...UInt64(bytes.count), using: &numbers)
                let other = UInt64.random(in: 0...UInt64(bytes.count), using: &numbers)
                try await expectPart(subject, name, bytes, min(one, other)..<max(one, other))
            }
        } of: {
            $0 + 1
        },
        range("a range across the boundary gives its bytes") { (subject, name, bytes) async throws(LawViolation) in
            let middle = UInt64(subject.boundary)
            for range in [middle - 2..<middle + 2, middle - 1..<middle, middle..<middle + 1] {
                try await expectPart(subject, name, bytes, range)
            }
        } of: {
            2 * $0 + 1
        },
        range("the last byte can be read alone") { (subject, name, bytes) async throws(LawViolation) in
            try await expectPart(subject, name, bytes, UInt64(bytes.count - 1)..<UInt64(bytes.count))
        } of: {
            $0 + 1
        },
        range("a range beyond the end gives what there is") { (subject, name, bytes) async throws(LawViolation) in
            let end = UInt64(bytes.count)
            for range in [end - 3..<end + 1, end - 3..<UInt64.max, 0..<end * 2, 0..<UInt64(Int64.max)] {
                try await expectPart(subject, name, bytes, range)
            }
        } of: { _ in
            100
        },
        range("a range that begins at the end or beyond gives nothing") {
            (subject, name, bytes) async throws(LawViolation) in
            let end = UInt64(bytes.count)
            for range in [end..<end + 1, end + 1..<end + 10, end..<UInt64.max, end * 1000..<end * 1001] {
                try await expectPart(subject, name, bytes, range)
            }
        } of: { _ in
            100
        },
        range("an empty range gives nothing") { (subject, name, bytes) async throws(LawViolation) in
            for place: UInt64 in [0, 50, 100, 200] { try await expectPart(subject, name, bytes, place..<place) }
        } of: { _ in
            100
        },
        range("any range of an empty object gives nothing") { (subject, name, bytes) async throws(LawViolation) in
            for range: Range<UInt64> in [0..<0, 0..<1, 5..<9, 0..<UInt64.max] {
                try await expectPart(subject, name, bytes, range)
            }
        } of: { _ in
            0
        },
        range("ranges read at once make up the whole") { (subject, name, bytes) async throws(LawViolation) in
            let step = bytes.count / 12 + 1
            let parts = try await concurrently(12) { (index) async throws(LawViolation) in
                try await subject.read(name, UInt64(index * step)..<UInt64((index + 1) * step))
            }
            let joined = Array(parts.joined())
            try expect(
                isSame(joined, bytes),
                "Twelve ranges read at once do not make up \(name): \(difference(joined, bytes))."
            )
        } of: {
            2 * $0 + 1
        },
        Law("a range of what is missing is not found", needs: .rangeReads, changes: false) {
            (subject) async throws(LawViolation) in
            let name = try subject.name("missing")
            try await failure([.notFound], of: "Reading a part of \(name)") { () async throws(StorageError) in
                try await collect(subject.service.read(name, 0..<10), limit: 10)
            }
        },
    ]

    private typealias RangeCheck = @Sendable (LawSubject, ObjectName, [UInt8]) async throws(LawViolation) -> Void

    private static func range(
        _ title: String,
        _ check: @escaping RangeCheck,
        of count: @escaping @Sendable (Int) -> Int
    ) -> Law {
        Law(title, needs: .rangeReads) { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(count(subject.boundary))
            try await subject.store(name, bytes)
            try await check(subject, name, bytes)
        }
    }

    private static func expectPart(
        _ subject: LawSubject,
        _ name: ObjectName,
        _ bytes: [UInt8],
        _ range: Range<UInt64>
    ) async throws(LawViolation) {
        let part = range.clamped(to: 0..<UInt64(bytes.count))
        let wanted = Array(bytes[Int(part.lowerBound)..<Int(part.upperBound)])
        let found = try await subject.read(name, range)
        try expect(
            isSame(found, wanted),
            "Bytes \(range) of \(name), which has \(bytes.count), are wrong: \(found.count) came, \(wanted.count) are there."
        )
    }
}
