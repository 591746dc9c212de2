import Storage
import StorageLaws
import TestKit
import Testing

/// What laws say of a service that stops answering: nothing was observed, so none is broken.
@Suite(.timeLimit(.minutes(2))) struct SilenceTests {
    enum Silence: CaseIterable, Sendable {
        /// No call is answered any more.
        case ofAll
        /// As on a full disk: what is stored is refused before its source is read.
        case ofUploads

        var code: StorageError.Code { self == .ofAll ? .unavailable : .quotaExceeded }
    }

    /// A service of which so many calls are answered, and how many are left.
    private func service(_ silence: Silence, after calls: Int) -> (any StorageService, Locked<Int>) {
        let (memory, left) = (MemoryService(), Locked(calls))
        @Sendable func ask() throws(StorageError) {
            let isSilent = left.change { left in
                left -= 1
                return left < 0
            }
            if isSilent { throw StorageError(silence.code, "The service does not answer.") }
        }
        let service = AlteredService(memory) { service in
            service.onPut = { (name, body) async throws(StorageError) in
                try ask()
                return try await memory.put(name, body)
            }
            guard silence == .ofAll else { return }
            service.onGet = { (name, range, version) async throws(StorageError) in
                try ask()
                return try await memory.get(name, range, version: version)
            }
            service.onStat = { (name) async throws(StorageError) in
                try ask()
                return try await memory.stat(name)
            }
            service.onList = { prefix in
                Pulled {
                    let cursor = StreamCursor(memory.list(prefix))
                    return { () async throws(StorageError) in
                        try ask()
                        return try await cursor.next()
                    }
                }
            }
            service.onDelete = { (name) async throws(StorageError) in
                try ask()
                try await memory.delete(name)
            }
        }
        return (service, left)
    }

    /// Tries a law with one call more answered each time, until it is kept with calls to spare.
    private func expectNoneBroken(
        _ silence: Silence,
        _ verify: (any StorageService) async throws(LawViolation) -> LawOutcome
    ) async {
        for calls in 0..<48 {
            let (service, left) = service(silence, after: calls)
            do throws(LawViolation) {
                _ = try await verify(service)
                if left.read({ $0 }) > 0 { return }
            } catch {
                #expect(error.isSilence, "After \(calls) calls: \(error)")
            }
        }
    }

    @Test(arguments: Silence.allCases, Law.all)
    func silenceBreaksNoLaw(_ silence: Silence, _ law: Law) async {
        await expectNoneBroken(silence) { (service) async throws(LawViolation) in
            try await law.verify(on: LawSubject(service, boundary: 2000))
        }
    }

    @Test(arguments: Silence.allCases, ContentLaw.all)
    func silenceBreaksNoLawOfContent(_ silence: Silence, _ law: ContentLaw) async {
        await expectNoneBroken(silence) { (service) async throws(LawViolation) in
            try await law.verify(on: CARArchive(service))
        }
    }

    /// A read that never began, or during which nothing was changed, shows nothing of what a change does to it.
    @Test(arguments: [1, 2], Law.all.filter { $0.title.contains("between two chunks") })
    func whatWasNotTriedIsNotKept(_ calls: Int, _ law: Law) async {
        let (service, _) = service(.ofAll, after: calls)
        let violation = await #expect(throws: LawViolation.self) {
            try await law.verify(on: LawSubject(service, boundary: 2000))
        }
        #expect(violation?.isSilence == true)
    }

    /// One of several calls at once is not answered, and what another one gave is wrong.
    @Test func whatWasObservedIsToldBeforeSilence() async throws {
        let law = try #require(Law.all.first { $0.title == "one object is read by many at once" })
        let (memory, reads) = (MemoryService(), Locked(0))
        let service = AlteredService(memory) {
            $0.onGet = { (name, range, version) async throws(StorageError) in
                let number = reads.change { reads in
                    reads += 1
                    return reads
                }
                guard number == 24 else { throw StorageError(.unavailable, "The service does not answer.") }
                let length = try await memory.stat(name).length
                return OpenObject(Body([1, 2]).open(), length: length, version: nil)
            }
        }
        let violation = await #expect(throws: LawViolation.self) {
            try await law.verify(on: LawSubject(service, boundary: 2000))
        }
        #expect(violation?.isSilence == false)
    }
}
