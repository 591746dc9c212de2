internal import Samples
internal import Storage

extension Law {
    static let faults: [Law] =
        FaultyBody.allCases.flatMap { fault in
            [
                nothingVisible(after: fault, "a small object") { _ in 100 },
                nothingVisible(after: fault, "an object in parts") { 2 * $0 + 1 },
                oldStays(after: fault, "a small object") { _ in 100 },
                oldStays(after: fault, "an object in parts") { 2 * $0 + 1 },
            ]
        } + cancellation

    private static let cancellation: [Law] = [
        Law("a stopped upload says so and leaves nothing") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await stopUpload(of: name, length: 2 * subject.boundary + 1, subject)
            try await subject.expectAbsent(name, "After an upload that was stopped")
        },
        Law("a stopped upload leaves what was there before") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(77))
            try await stopUpload(of: name, length: 100, subject)
            try await stopUpload(of: name, length: 2 * subject.boundary + 1, subject)
            try await subject.expectHolds(name, sampleBytes(77), "After an upload that was stopped")
        },
        Law("calls of a stopped task say so") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(77))
            let service = subject.service
            try await expectStops("Storing") { () async throws(StorageError) in
                _ = try await service.put(name, Body(sampleBytes(100)))
            }
            try await expectStops("Reading") { () async throws(StorageError) in
                _ = try await collect(service.read(name, nil), limit: 100)
            }
            try await expectStops("Asking") { () async throws(StorageError) in _ = try await service.stat(name) }
            try await expectStops("Removing") { () async throws(StorageError) in try await service.delete(name) }
            try await subject.expectHolds(name, sampleBytes(77), "After calls of a stopped task")
        },
    ]

    private static func nothingVisible(
        after fault: FaultyBody,
        _ what: String,
        _ length: @escaping @Sendable (Int) -> Int
    ) -> Law {
        Law("a source that \(fault.rawValue) stores nothing of \(what)") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await failToStore(fault, length(subject.boundary), as: name, subject)
            try await subject.expectAbsent(name, "After a source that \(fault.rawValue)")
        }
    }

    private static func oldStays(
        after fault: FaultyBody,
        _ what: String,
        _ length: @escaping @Sendable (Int) -> Int
    ) -> Law {
        Law("a source that \(fault.rawValue) leaves what \(what) was to replace") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(55))
            try await failToStore(fault, length(subject.boundary), as: name, subject)
            try await subject.expectHolds(name, sampleBytes(55), "After a source that \(fault.rawValue)")
        }
    }

    private static func failToStore(
        _ fault: FaultyBody,
        _ length: Int,
        as name: ObjectName,
        _ subject: LawSubject
    ) async throws(LawViolation) {
        try await failure([], of: "Storing \(name) from a source that \(fault.rawValue)") {
            () async throws(StorageError) in
            try await subject.service.put(name, fault.body(length))
        }
    }

    /// Begins an upload, stops it in the middle, and checks that it says so.
    private static func stopUpload(
        of name: ObjectName,
        length: Int,
        _ subject: LawSubject
    ) async throws(LawViolation) {
        let (reached, stopped) = (Gate(), Gate())
        let upload = beside(reached) { () async throws(StorageError) in
            try await subject.service.put(name, stalledBody(length, reached: reached, stopped: stopped))
        }
        await reached.wait()
        upload.cancel()
        stopped.open()
        try await failure([.cancelled], of: "An upload that was stopped") { () async throws(StorageError) in
            try await upload.value.get()
        }
    }

    private static func expectStops(
        _ call: String,
        _ work: @escaping @Sendable () async throws(StorageError) -> Void
    ) async throws(LawViolation) {
        let cancelled = Gate()
        let task = beside { () async throws(StorageError) in
            await cancelled.wait()
            try await work()
        }
        task.cancel()
        cancelled.open()
        try await failure([.cancelled], of: "\(call) in a task that was stopped") { () async throws(StorageError) in
            try await task.value.get()
        }
    }
}
