internal import Digests
internal import Samples
internal import Storage

extension Law {
    static let sizes: [Law] = [
        size("an empty object") { _ in 0 },
        size("an object of one byte") { _ in 1 },
        size("an object one byte below the boundary") { $0 - 1 },
        size("an object as long as the boundary") { $0 },
        size("an object one byte above the boundary") { $0 + 1 },
        size("an object of twice the boundary and one byte") { 2 * $0 + 1 },
    ]

    static let digests: [Law] = [
        Law("the proof of an upload fits its bytes", needs: .digests) { (subject) async throws(LawViolation) in
            for count in [0, 10, subject.boundary, 2 * subject.boundary + 1] {
                let name = try subject.name("proof-\(count)")
                let bytes = sampleBytes(count)
                let proof = try await subject.store(name, bytes).proof
                guard let proof else {
                    throw LawViolation("Storing \(name) gave no digest, and the service promises one.")
                }
                try expectFits(proof, bytes, subject.service.limits, "The proof of storing \(name)")
            }
        },
        Law("the digest of a stored object fits its bytes", needs: .digests) { (subject) async throws(LawViolation) in
            for count in [0, 10, subject.boundary, 2 * subject.boundary + 1] {
                let name = try subject.name("digest-\(count)")
                let bytes = sampleBytes(count)
                try await subject.store(name, bytes)
                guard let digest = try await subject.stat(name).digest else { continue }
                try expectFits(digest, bytes, subject.service.limits, "The digest of \(name)")
            }
        },
        Law("a digest follows the bytes when they are replaced", needs: .digests) {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            for seed in 0..<3 {
                let bytes = sampleBytes(100, seed: UInt64(seed))
                try await subject.store(name, bytes)
                guard let digest = try await subject.stat(name).digest else { continue }
                try expectFits(digest, bytes, subject.service.limits, "The digest of the replaced \(name)")
            }
        },
        Law("digests in lists fit the bytes", needs: [.digests, .listing]) { (subject) async throws(LawViolation) in
            let counts = [0, 10, 2 * subject.boundary + 1]
            for count in counts { try await subject.store(try subject.name("listed-\(count)"), sampleBytes(count)) }
            let found = try await subject.list()
            try expect(found.count == counts.count, "\(counts.count) objects were stored and \(found.count) listed.")
            for info in found {
                guard let digest = info.digest else { continue }
                try expectFits(
                    digest,
                    sampleBytes(Int(info.length ?? 0)),
                    subject.service.limits,
                    "The digest of \(info.name) in the list"
                )
            }
        },
    ]

    private static func size(_ what: String, _ count: @escaping @Sendable (Int) -> Int) -> Law {
        Law("\(what) is kept whole") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(count(subject.boundary))
            try await subject.store(name, bytes)
            try await subject.expectHolds(name, bytes, "After storing \(what)")
        }
    }

    private static func expectFits(
        _ digest: ObjectDigest,
        _ bytes: [UInt8],
        _ limits: Limits,
        _ what: String
    ) throws(LawViolation) {
        let fits =
            switch digest {
            case .md5(let found): found == Digests.digest(.md5, of: bytes)
            case .sha256(let found): found == Digests.digest(.sha256, of: bytes)
            case .md5OfParts(let found, let count): fitsParts(found, count, bytes, limits)
            }
        try expect(fits, "\(what) (\(digest.method)) does not fit its \(bytes.count) bytes.")
    }

    private static func fitsParts(_ found: [UInt8], _ count: Int, _ bytes: [UInt8], _ limits: Limits) -> Bool {
        let parts = limits.parts(for: UInt64(bytes.count))
        let joined = parts.flatMap { Digests.digest(.md5, of: Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)])) }
        return parts.count == count && found == Digests.digest(.md5, of: joined)
    }
}
