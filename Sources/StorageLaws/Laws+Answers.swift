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
        .conditional("a list without an end is told apart from a long one", needs: .listing) {
            (subject) async throws(LawViolation) in
            for part in ["a", "b", "c"] { try await subject.store(try subject.name(part), sampleBytes(3)) }
            for areEmpty in [false, true] {
                let outcome = try await subject.under(.listsWithoutEnd(areEmpty: areEmpty)) {
                    () async throws(LawViolation) in
                    try await unknown("Listing \(subject.prefix)") { () async throws(StorageError) in
                        var pages = 0
                        for try await _ in subject.service.list(subject.prefix) {
                            pages += 1
                            // Whoever believes that there is more would be here for ever.
                            if pages > 5000 { return }
                        }
                    }
                }
                guard outcome == .kept else { return outcome }
            }
            return .kept
        },
        .conditional("bytes in another encoding are not those of an object") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            return try await subject.under(.encodesReads) { () async throws(LawViolation) in
                try await unknown("Reading \(name)") { () async throws(StorageError) in
                    try await collect(subject.service.read(name), limit: 100_000)
                }
            }
        },
        .conditional("a place that is gone says nothing of what is in it") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            let service = subject.service
            let outcome = try await subject.under(.losesPlace) { () async throws(LawViolation) in
                try await failure([.unavailable], of: "Asking about \(name)") { () async throws(StorageError) in
                    try await service.stat(name)
                }
                try await failure([.unavailable], of: "Reading \(name)") { () async throws(StorageError) in
                    try await collect(service.read(name), limit: 1000)
                }
                try await failure([.unavailable], of: "Storing \(name)") { () async throws(StorageError) in
                    try await service.put(name, Body(sampleBytes(400, seed: 7)))
                }
                try await failure([.unavailable], of: "Removing \(name)") { () async throws(StorageError) in
                    try await service.delete(name)
                }
                guard service.capabilities.contains(.listing) else { return }
                try await failure([.unavailable], of: "Listing \(subject.prefix)") { () async throws(StorageError) in
                    for try await _ in service.list(subject.prefix) {}
                }
            }
            try await subject.expectHolds(name, sampleBytes(300), "When the place is there again")
            return outcome
        },
        .conditional("an object whose length is not told is there all the same") {
            (subject) async throws(LawViolation) in
            for count in [300, 0] {
                let name = try subject.name("object-\(count)")
                try await subject.store(name, sampleBytes(count))
                let outcome = try await subject.under(.tellsNoLength) { () async throws(LawViolation) in
                    let length = try await subject.stat(name).length
                    try expect(
                        length == UInt64(count),
                        "\(name) is said to have \(told(length)) bytes; it has \(count)."
                    )
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
