internal import Multiformats
internal import Storage

extension ReplicaLaw {
    /// All laws of replicas.
    package static let all: [ReplicaLaw] = [
        ReplicaLaw("a root that was not stored is absent") { (replica, archives) async throws(LawViolation) in
            for archive in archives { try await expectAbsent(archive, replica, "When it was never stored") }
        },
        ReplicaLaw("a root that was stored is present and read back") {
            (replica, archives) async throws(LawViolation) in
            for archive in archives { try await storeAndCheck(archive, replica) }
        },
        ReplicaLaw("a root of version 0 is stored and read back", archives: { [.versionZero(seed: $0)] }) {
            (replica, archives) async throws(LawViolation) in
            for archive in archives { try await storeAndCheck(archive, replica) }
        },
        ReplicaLaw("a large archive is stored and read back", archives: { [SampleArchive(seed: $0, leaves: 2000)] }) {
            (replica, archives) async throws(LawViolation) in
            for archive in archives { try await storeAndCheck(archive, replica) }
        },
        ReplicaLaw("storing a root again is harmless") { (replica, archives) async throws(LawViolation) in
            for archive in archives + archives { try await storeAndCheck(archive, replica) }
        },
        ReplicaLaw("a root is read from where the receipt says it is") {
            (replica, archives) async throws(LawViolation) in
            for archive in archives {
                let receipt = try await store(archive, replica)
                try await expectReads(archive, replica, path: receipt.path)
                try await attempt("Removing \(archive.root) by its path") { () async throws(StorageError) in
                    try await replica.remove(archive.root, path: receipt.path)
                }
                try await expectAbsent(archive, replica, "After it was removed by its path")
            }
        },
        ReplicaLaw("a root that was removed is absent, and may be removed again") {
            (replica, archives) async throws(LawViolation) in
            for archive in archives {
                _ = try await store(archive, replica)
                for _ in 0..<2 {
                    try await attempt("Removing \(archive.root)") { () async throws(StorageError) in
                        try await replica.remove(archive.root, path: nil)
                    }
                }
                try await expectAbsent(archive, replica, "After it was removed")
            }
        },
        ReplicaLaw("removing a root that is not there is no error") { (replica, archives) async throws(LawViolation) in
            for archive in archives {
                try await attempt("Removing \(archive.root), which is not there,") { () async throws(StorageError) in
                    try await replica.remove(archive.root, path: nil)
                }
            }
        },
        ReplicaLaw(
            "the list of roots has each stored root once",
            needs: .listing,
            archives: { seed in (0..<5).map { SampleArchive(seed: seed &+ 1000 * $0) } + [.versionZero(seed: seed)] },
            check: listsEachOnce
        ),
    ]

    private static func listsEachOnce(
        _ replica: any Replica,
        _ archives: [SampleArchive]
    ) async throws(LawViolation) {
        for archive in archives { _ = try await store(archive, replica) }
        let held = try await attempt("Listing the roots") { () async throws(StorageError) in
            var held: [HeldRoot] = []
            for try await page in replica.roots() { held += page }
            return held
        }
        for archive in archives {
            let count = held.count { $0.root.v1 == archive.root.v1 }
            try expect(count == 1, "The list of roots has \(archive.root) \(count) times.")
        }
    }

    private static func store(
        _ archive: SampleArchive,
        _ replica: any Replica
    ) async throws(LawViolation) -> StoreReceipt {
        try await attempt("Storing \(archive.root)") { () async throws(StorageError) in
            try await replica.store(archive.root, archive.body)
        }
    }

    private static func storeAndCheck(_ archive: SampleArchive, _ replica: any Replica) async throws(LawViolation) {
        _ = try await store(archive, replica)
        guard case .present = await replica.holds(archive.root, path: nil) else {
            throw LawViolation("The root \(archive.root) was stored, and the backend does not say that it holds it.")
        }
        try await expectReads(archive, replica, path: nil)
    }

    private static func expectReads(
        _ archive: SampleArchive,
        _ replica: any Replica,
        path: String?
    ) async throws(LawViolation) {
        let found = try await attempt("Reading \(archive.root)") { () async throws(StorageError) in
            try await collect(replica.fetch(archive.root, path: path), limit: archive.bytes.count + (1 << 20))
        }
        if let problem = archive.problem(of: found) {
            throw LawViolation("The archive of \(archive.root) that was read back is wrong: \(problem)")
        }
    }

    private static func expectAbsent(
        _ archive: SampleArchive,
        _ replica: any Replica,
        _ moment: String
    ) async throws(LawViolation) {
        switch await replica.holds(archive.root, path: nil) {
        case .absent: break
        case .present: throw LawViolation("\(moment), the backend says that it holds \(archive.root).")
        case .unknown(let error): throw LawViolation("\(moment), asking for \(archive.root)", failedWith: error)
        }
        try await failure([.notFound], of: "\(moment), reading \(archive.root)") { () async throws(StorageError) in
            try await collect(replica.fetch(archive.root, path: nil), limit: 1 << 30)
        }
    }
}
