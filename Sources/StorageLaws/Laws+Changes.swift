internal import Digests
internal import Samples
internal import Storage

extension Law {
    /// Changes of which it is not clear whether they were made.
    static let changes: [Law] = [
        .conditional("an upload to which somebody else answers is not done") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let old = sampleBytes(300)
            try await subject.store(name, old)
            let outcome = try await each(.put, Trouble.Impostor.allCases, subject) { () async throws(LawViolation) in
                try await failure([], of: "Storing \(name)") { () async throws(StorageError) in
                    try await subject.service.put(name, Body(sampleBytes(300, seed: 7)))
                }
            }
            try await subject.expectHolds(name, old, "After uploads that never reached the service")
            return outcome
        },
        .conditional("an upload that is praised before its bytes came is not done") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            // More than goes out at once, and less than goes out in parts.
            let body = Body(sampleBytes(subject.boundary - 1, seed: 7))
            let outcome = try await subject.under(.praisesEarly) { () async throws(LawViolation) in
                try await failure([], of: "Storing \(name)") { () async throws(StorageError) in
                    try await subject.service.put(name, body)
                }
            }
            try await subject.expectHolds(name, sampleBytes(300), "After an upload whose bytes were never taken")
            return outcome
        },
        .conditional("a removal to which somebody else answers is not done") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            // Services do say that they removed something without a word.
            let impostors = Trouble.Impostor.allCases.filter { $0 != .barePraise }
            let outcome = try await each(.delete, impostors, subject) { () async throws(LawViolation) in
                try await failure([], of: "Removing \(name)") { () async throws(StorageError) in
                    try await subject.service.delete(name)
                }
            }
            try await subject.expectHolds(name, sampleBytes(300), "After removals that never reached the service")
            return outcome
        },
        .conditional("an upload whose answer is lost may have been made") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let (old, new) = (sampleBytes(300), sampleBytes(400, seed: 7))
            try await subject.store(name, old)
            let outcome = try await subject.under(.losesAnswer(to: .put)) { () async throws(LawViolation) in
                try await mayHaveHappened("Storing \(name)") { () async throws(StorageError) in
                    try await subject.service.put(name, Body(new))
                }
            }
            let found = try await subject.read(name)
            try expect(isSame(found, old) || isSame(found, new), "After a lost answer, \(name) is neither old nor new.")
            return outcome
        },
        .conditional("a removal whose answer is lost may have been made") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            return try await subject.under(.losesAnswer(to: .delete)) { () async throws(LawViolation) in
                try await mayHaveHappened("Removing \(name)") { () async throws(StorageError) in
                    try await subject.service.delete(name)
                }
            }
        },
        .conditional("a digest that came with an upload proves nothing when it comes back") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            return try await subject.under(.echoesDigests) { () async throws(LawViolation) in
                let proof: ObjectDigest?
                do throws(StorageError) {
                    proof = try await subject.service.put(name, Body(sampleBytes(300))).proof
                } catch {
                    return
                }
                try expect(proof == nil, "A digest that the service was sent counts as its own proof.")
            }
        },
        .conditional("bytes that are changed on their way are not proven") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            var proof: ObjectDigest?
            let outcome = try await subject.under(.altersUploads) { () async throws(LawViolation) in
                proof = try? await subject.service.put(name, Body(sampleBytes(300))).proof
            }
            guard proof != nil else { return outcome }
            try await subject.expectHolds(name, sampleBytes(300), "After an upload that was proven")
            return outcome
        },
    ]

    /// Throws when the call fails as if it were known that nothing happened.
    private static func mayHaveHappened<Value>(
        _ call: String,
        _ work: () async throws(StorageError) -> Value
    ) async throws(LawViolation) {
        do throws(StorageError) {
            _ = try await work()
        } catch {
            try expect(error.mayHaveHappened, "\(call) failed as if nothing had happened, and it was done: \(error)")
        }
    }
}
