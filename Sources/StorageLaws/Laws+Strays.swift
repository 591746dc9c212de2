internal import Samples
internal import Storage

extension Law {
    /// What somebody leaves where objects are.
    static let strays: [Law] = [
        .conditional("foreign names are passed over in lists", needs: .listing) {
            (subject) async throws(LawViolation) in
            try await listsOnlyOwn(.foreignNames, subject)
        },
        .conditional("ways that lead back are walked once", needs: .listing) { (subject) async throws(LawViolation) in
            try await listsOnlyOwn(.waysBack, subject)
        },
        .conditional("what is no object under a name is neither absent nor waited for") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("place/object")
            try await subject.store(try subject.name("place/other"), [1])
            guard try await subject.plant(.pipe, at: name) else {
                return .doesNotApply("There can be nothing but objects here.")
            }
            for (call, work) in reads(name, subject.service) {
                let error = try await within(seconds: 10, call) { () async throws(LawViolation) in
                    try await failure([], of: call, work)
                }
                try expect(error.code != .notFound, "\(call), where a pipe lies, says that nothing is there.")
            }
            // What is stored anew takes its place.
            try await subject.store(name, sampleBytes(30))
            try await subject.expectHolds(name, sampleBytes(30), "After storing it where a pipe was")
            return .kept
        },
        .conditional("what an upload left that was stopped is removed, and nothing else") {
            (subject) async throws(LawViolation) in
            let (name, other) = (try subject.name("place/object"), try subject.name("place/object.more"))
            try await subject.store(name, sampleBytes(300))
            for name in [name, other] {
                guard try await subject.plant(.stoppedUpload, at: name) else {
                    return .doesNotApply("Nobody can leave \(Stray.stoppedUpload.rawValue) here.")
                }
            }
            // What is left is no object, and does not hide one.
            if subject.service.capabilities.contains(.listing) {
                let listed = try await subject.list("place/").map(\.name)
                try expect(listed == [name], "Beside what stopped uploads left, the list has \(listed).")
            }
            try await subject.expectHolds(name, sampleBytes(300), "Beside what a stopped upload left")
            // The second time there is nothing left of it.
            for _ in 0..<2 { try await clear(name, subject) }
            let isLeft = try await subject.remains(.stoppedUpload, at: name)
            try expect(!isLeft, "What a stopped upload of \(name) left is there after it was removed.")
            try await subject.expectHolds(name, sampleBytes(300), "After removing what a stopped upload left")
            let isOtherLeft = try await subject.remains(.stoppedUpload, at: other)
            try expect(isOtherLeft, "What belongs to \(other) went with what was left of \(name).")
            try await clear(other, subject)
            // Where there is not even a place for it, nothing was left.
            try await clear(try subject.name("nowhere/object"), subject)
            return .kept
        },
    ]

    private static func clear(_ name: ObjectName, _ subject: LawSubject) async throws(LawViolation) {
        try await attempt("Removing what stopped uploads of \(name) left") { () async throws(StorageError) in
            try await subject.service.clear(name, mayResume: false)
        }
    }

    private typealias Call = @Sendable () async throws(StorageError) -> Void

    private static func reads(_ name: ObjectName, _ service: any StorageService) -> [(String, Call)] {
        [
            ("Asking about \(name)", { () async throws(StorageError) in _ = try await service.stat(name) }),
            (
                "Reading \(name)",
                { () async throws(StorageError) in _ = try await collect(service.read(name), limit: 1000) }
            ),
        ]
    }

    /// Checks that a list has our objects once each, and nothing else, beside what somebody left there.
    private static func listsOnlyOwn(
        _ stray: Stray,
        _ subject: LawSubject
    ) async throws(LawViolation) -> LawOutcome {
        let parts = ["a", "deep/b", "deep/down/c"]
        for part in parts { try await subject.store(try subject.name(part), [1, 2]) }
        guard try await subject.plant(stray, at: try subject.name("deep/stray")) else {
            return .doesNotApply("Nobody can leave \(stray.rawValue) here.")
        }
        let found = try await subject.list().map(\.name.text)
        let wanted = parts.map { subject.prefix + $0 }
        for name in wanted {
            let count = found.count { $0 == name }
            try expect(count == 1, "Beside \(stray.rawValue), the list has \(name) \(count) times.")
        }
        let others = found.filter { !wanted.contains($0) && !$0.hasPrefix(subject.prefix + "deep/stray") }
        try expect(
            others.isEmpty,
            "Beside \(stray.rawValue), the list has \(others.prefix(3).joined(separator: ", "))."
        )
        return .kept
    }

    /// The value of `work`; a violation when it takes longer than so many seconds.
    private static func within<Value: Sendable>(
        seconds: Int,
        _ call: String,
        _ work: @escaping @Sendable () async throws(LawViolation) -> Value
    ) async throws(LawViolation) -> Value {
        // Not a child of this task: whoever waits for ever could not be left otherwise.
        let result = Locked<Result<Value, LawViolation>?>(nil)
        let done = Gate()
        Task {
            do throws(LawViolation) {
                let value = try await work()
                result.change { $0 = .success(value) }
            } catch {
                result.change { $0 = .failure(error) }
            }
            done.open()
        }
        let limit = Task {
            do { try await Task.sleep(for: .seconds(seconds)) } catch { return }
            done.open()
        }
        await done.wait()
        limit.cancel()
        guard let result = result.read({ $0 }) else {
            throw LawViolation("\(call) took longer than \(seconds) seconds, and waits for nothing that will come.")
        }
        return try result.get()
    }
}
