internal import Samples
internal import Storage

extension Law {
    static let objects: [Law] = [
        Law("what was stored is read back") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let bytes = sampleBytes(1000)
            try await subject.store(name, bytes)
            try await subject.expectHolds(name, bytes, "After storing it")
        },
        Law("storing again replaces, also by something shorter") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            for (round, count) in [500, 2000, 3, 0, 40].enumerated() {
                let bytes = sampleBytes(count, seed: UInt64(round))
                try await subject.store(name, bytes)
                try await subject.expectHolds(name, bytes, "After storing it for time \(round + 1)")
            }
        },
        Law("storing the same bytes again is harmless") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let body = Body(sampleBytes(1000))
            for _ in 0..<3 { try await subject.store(name, body) }
            try await subject.expectHolds(name, sampleBytes(1000), "After storing it three times")
        },
        Law("one body is read as often as it is stored") { (subject) async throws(LawViolation) in
            let body = Body(sampleBytes(subject.boundary + 7))
            for part in ["one", "two"] { try await subject.store(try subject.name(part), body) }
            try await subject.expectHolds(
                try subject.name("two"),
                sampleBytes(subject.boundary + 7),
                "After the second storing"
            )
        },
        Law("what is missing is not found", changes: false) { (subject) async throws(LawViolation) in
            try await subject.expectAbsent(try subject.name("missing"), "When nothing was stored")
            try await subject.expectAbsent(try subject.name("missing/below.it"), "When nothing was stored")
        },
        Law("a name that another begins with is another object") { (subject) async throws(LawViolation) in
            try await subject.store(try subject.name("one.a"), [1])
            try await subject.expectAbsent(try subject.name("one"), "When only a longer name was stored")
            try await subject.expectAbsent(try subject.name("one.a.b"), "When only a shorter name was stored")
            try await subject.store(try subject.name("one.a.b"), [2, 2])
            try await subject.expectHolds(try subject.name("one.a"), [1], "After storing a longer name")
        },
        Law("what is removed is gone") { (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(100))
            try await subject.remove(name)
            try await subject.expectAbsent(name, "After it was removed")
            try await subject.store(name, [9])
            try await subject.expectHolds(name, [9], "After it was removed and stored again")
        },
        Law("removing what is missing is no error", needs: .delete, changes: false) {
            (subject) async throws(LawViolation) in
            let name = try subject.name("deep/down/missing")
            for _ in 0..<2 { try await subject.remove(name) }
        },
        Law("removing one object leaves its neighbours") { (subject) async throws(LawViolation) in
            for part in ["d/a", "d/b", "d/a.b"] { try await subject.store(try subject.name(part), Array(part.utf8)) }
            try await subject.remove(try subject.name("d/a"))
            try await subject.expectHolds(try subject.name("d/b"), Array("d/b".utf8), "After removing d/a")
            try await subject.expectHolds(try subject.name("d/a.b"), Array("d/a.b".utf8), "After removing d/a")
        },
        Law("every legal character may be in a name") { (subject) async throws(LawViolation) in
            for (index, text) in legalNames.enumerated() {
                try await subject.store(try subject.name(text), sampleBytes(10, seed: UInt64(index)))
            }
            for (index, text) in legalNames.enumerated() {
                let name = try subject.name(text)
                try await subject.expectHolds(
                    name,
                    sampleBytes(10, seed: UInt64(index)),
                    "Under a name of odd characters"
                )
            }
        },
        Law("names may be 512 bytes long") { (subject) async throws(LawViolation) in
            let room = 512 - subject.prefix.utf8.count
            let part = String(repeating: "n", count: 99) + "/"
            let text = String(repeating: part, count: room / 100) + String(repeating: "z", count: room % 100)
            let name = try subject.name(text.hasSuffix("/") ? String(text.dropLast()) : text)
            try await subject.store(name, [1, 2, 3])
            try await subject.expectHolds(name, [1, 2, 3], "Under a long name")
        },
        Law("the service says how much it holds", needs: .usage, changes: false) {
            (subject) async throws(LawViolation) in
            let usage = try await attempt("Asking how much is stored") { () async throws(StorageError) in
                try await subject.service.usage(mayWalk: true)
            }
            try expect(usage != Usage(), "The service can say how much it holds, and said nothing.")
        },
        Law("what a service cannot do is refused before anything is sent", changes: false) {
            (subject) async throws(LawViolation) in
            let name = try subject.name("object")
            let service = subject.service
            let before = subject.requests()
            let isOpened = Gate()
            let body = Body(length: 1) { range in
                isOpened.open()
                return Body([1]).open(range)
            }
            try await refuses(.write, service, "Storing") { () async throws(StorageError) in
                _ = try await service.put(name, body)
            }
            try await refuses(.write, service, "Removing what stopped uploads left") { () async throws(StorageError) in
                try await service.clear(name, mayResume: false)
            }
            try await refuses(.delete, service, "Removing") { () async throws(StorageError) in
                try await service.delete(name)
            }
            try await refuses(.rangeReads, service, "Reading a part") { () async throws(StorageError) in
                _ = try await collect(service.read(name, 1..<2), limit: 10)
            }
            try await refuses(.listing, service, "Listing") { () async throws(StorageError) in
                for try await _ in service.list(subject.prefix) {}
            }
            try await refuses(.usage, service, "Asking for the usage") { () async throws(StorageError) in
                _ = try await service.usage(mayWalk: true)
            }
            try await refuses(.metadata, service, "Storing metadata") { () async throws(StorageError) in
                var labelled = body
                labelled.metadata = (try? ObjectMetadata(["key": "value"])) ?? .empty
                _ = try await service.put(name, labelled)
            }
            try await refuses(.versions, service, "Listing versions") { () async throws(StorageError) in
                for try await _ in service.versions(of: name) {}
            }
            try await refuses(.versions, service, "Reading a version") { () async throws(StorageError) in
                _ = try await service.get(name, nil, kept: "null")
            }
            try expect(!isOpened.isOpen, "What cannot be stored was read all the same.")
            let count = subject.requests() - before
            try expect(count == 0, "For what the service cannot do, \(count) requests were sent.")
        },
        .conditional(
            "where nothing can be removed, what was stored is kept",
            needs: .write,
            changes: false,
            needsTrouble: false
        ) { (subject) async throws(LawViolation) in
            guard !subject.service.capabilities.contains(.delete) else {
                return .doesNotApply("What is stored here can be removed.")
            }
            guard subject.mayLeave else { return .doesNotApply("What would be stored could not be removed.") }
            let (one, other) = (try subject.name("object"), try subject.name("object.more"))
            for name in [one, other] { try await subject.store(name, Array(name.text.utf8)) }
            for name in [one, other] { try await subject.expectHolds(name, Array(name.text.utf8), "After storing it") }
            return .kept
        },
    ]

    private static let legalNames = [
        "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYX.up", "0123456789", "a..b", "trailing.", "-dash-",
        "_under_",
        "x.tar.gz", "con", "nul.txt", "a-_.b/c-_.d/e", "9/8/7", "sub/index.html", "e-", "--help", "x.part", "x.tmp",
        "list",
    ]

    private static func refuses(
        _ power: Capabilities,
        _ service: any StorageService,
        _ call: String,
        _ work: () async throws(StorageError) -> Void
    ) async throws(LawViolation) {
        guard !service.capabilities.contains(power) else { return }
        try await failure([.unsupported], of: "\(call), which the service says it cannot do,", work)
    }
}
