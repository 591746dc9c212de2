internal import Samples
internal import Storage

extension Law {
    /// Answers that are not the service's.
    static let answers: [Law] = [
        .conditional("what somebody else answers to a read is neither content nor absence") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            return try await each(.get, Trouble.Impostor.allCases, subject) { () async throws(LawViolation) in
                try await unknown("Reading \(name)") { () async throws(StorageError) in
                    try await collect(subject.service.read(name), limit: 100_000)
                }
            }
        },
        .conditional("what somebody else answers to a question is neither presence nor absence") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            return try await each(.stat, Trouble.Impostor.allCases, subject) { () async throws(LawViolation) in
                try await unknown("Asking about \(name)") { () async throws(StorageError) in
                    try await subject.service.stat(name)
                }
            }
        },
        .conditional("what somebody else answers to a list is no list", needs: .listing) {
            (subject) async throws(LawViolation) in
            try await subject.store(try subject.name("object"), sampleBytes(3))
            return try await each(.list, Trouble.Impostor.allCases, subject) { () async throws(LawViolation) in
                try await unknown("Listing \(subject.prefix)") { () async throws(StorageError) in
                    for try await _ in subject.service.list(subject.prefix) {}
                }
            }
        },
        .conditional("a list that is cut is no list", needs: .listing) { (subject) async throws(LawViolation) in
            for part in ["a", "b", "c", "d"] { try await subject.store(try subject.name(part), sampleBytes(3)) }
            return try await subject.under(.cutsLists) { () async throws(LawViolation) in
                try await unknown("Listing \(subject.prefix)") { () async throws(StorageError) in
                    for try await _ in subject.service.list(subject.prefix) {}
                }
            }
        },
        .conditional("an object whose length is not told is there all the same") {
            (subject) async throws(LawViolation) in
            for count in [300, 0] {
                let name = try subject.name("object-\(count)")
                try await subject.store(name, sampleBytes(count))
                let outcome = try await subject.under(.tellsNoLength) { () async throws(LawViolation) in
                    let length = try await subject.stat(name).length
                    try expect(length == count, "\(name) is said to have \(length) bytes; it has \(count).")
                }
                guard outcome == .kept else { return outcome }
            }
            return .kept
        },
    ]

    /// Lets each impostor answer in turn.
    static func each(
        _ call: Trouble.Call,
        _ impostors: [Trouble.Impostor],
        _ subject: LawSubject,
        _ work: () async throws(LawViolation) -> Void
    ) async throws(LawViolation) -> LawOutcome {
        for impostor in impostors {
            let outcome = try await subject.under(.answers(impostor, to: call), work)
            guard outcome == .kept else { return outcome }
        }
        return .kept
    }

    /// Throws unless the call fails, and not with an answer about the object.
    private static func unknown<Value>(
        _ call: String,
        _ work: () async throws(StorageError) -> Value
    ) async throws(LawViolation) {
        let error = try await failure([], of: call, work)
        try expect(
            ![.notFound, .corrupt, .exists].contains(error.code),
            "\(call) says \(error.code.rawValue) of the object, and nobody had said so: \(error)"
        )
    }
}
