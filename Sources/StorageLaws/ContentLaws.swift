internal import IPLD
internal import Multiformats
internal import Schema
internal import Storage

extension ContentLaw {
    /// All laws of replicas.
    package static let all: [ContentLaw] = [
        ContentLaw("what a service cannot do is refused before anything is sent", changes: false, check: refuses),
        ContentLaw("a root that was not stored is absent, and unknown to who only finds", changes: false) {
            (content, archives) async throws(LawViolation) in
            for archive in archives { try await expectAbsent(archive, content, "When it was never stored") }
        },
        ContentLaw("a root that was stored is present and read back") {
            (content, archives) async throws(LawViolation) in
            for archive in archives { try await storeAndCheck(archive, content) }
        },
        ContentLaw("a root of version 0 is stored and read back", archives: { [.versionZero(seed: $0)] }) {
            (content, archives) async throws(LawViolation) in
            for archive in archives { try await storeAndCheck(archive, content) }
        },
        ContentLaw("a large archive is stored and read back", archives: { [SampleArchive(seed: $0, leaves: 2000)] }) {
            (content, archives) async throws(LawViolation) in
            for archive in archives { try await storeAndCheck(archive, content) }
        },
        ContentLaw(
            "a block is read alone, at the place that the index of the archive names",
            needs: .rangeReads,
            archives: { [SampleArchive(seed: $0, leaves: 2000)] },
            check: readsBlocks
        ),
        ContentLaw("storing a root again is harmless") { (content, archives) async throws(LawViolation) in
            for archive in archives + archives { try await storeAndCheck(archive, content) }
        },
        ContentLaw("a root is read from where the answer says it is") {
            (content, archives) async throws(LawViolation) in
            for archive in archives {
                let location = try await store(archive, content)
                try await expectReads(archive, content, at: location)
                try await attempt("Removing \(archive.root) from there") { () async throws(StorageError) in
                    try await content.remove(archive.root, at: location)
                }
                try await expectAbsent(archive, content, "After it was removed from there")
            }
        },
        ContentLaw("a root that was removed is absent, and may be removed again") {
            (content, archives) async throws(LawViolation) in
            for archive in archives {
                _ = try await store(archive, content)
                for _ in 0..<2 {
                    try await attempt("Removing \(archive.root)") { () async throws(StorageError) in
                        try await content.remove(archive.root, at: nil)
                    }
                }
                try await expectAbsent(archive, content, "After it was removed")
            }
        },
        ContentLaw("removing a root that is not there is no error") { (content, archives) async throws(LawViolation) in
            for archive in archives {
                try await attempt("Removing \(archive.root), which is not there,") { () async throws(StorageError) in
                    try await content.remove(archive.root, at: nil)
                }
            }
        },
        ContentLaw(
            "the list of roots has each stored root once",
            needs: .listing,
            archives: { seed in (0..<5).map { SampleArchive(seed: seed &+ 1000 * $0) } + [.versionZero(seed: seed)] },
            check: listsEachOnce
        ),
    ]

    private static func listsEachOnce(
        _ content: any ContentService,
        _ archives: [SampleArchive]
    ) async throws(LawViolation) {
        for archive in archives { _ = try await store(archive, content) }
        let held = try await attempt("Listing the roots") { () async throws(StorageError) in
            var held: [HeldRoot] = []
            for try await page in content.roots() { held += page }
            return held
        }
        for archive in archives {
            let count = held.count { $0.root.v1 == archive.root.v1 }
            try expect(count == 1, "The list of roots has \(archive.root) \(count) times.")
        }
    }

    private static func refuses(
        _ content: any ContentService,
        _ archives: [SampleArchive]
    ) async throws(LawViolation) {
        func refuse(
            _ power: Capabilities,
            _ call: String,
            _ work: () async throws(StorageError) -> Void
        ) async throws(LawViolation) {
            guard !content.capabilities.contains(power) else { return }
            try await failure([.unsupported], of: "\(call), which the service says it cannot do,", work)
        }
        let isMade = Gate()
        for archive in archives {
            let root = archive.root
            try await refuse(.write, "Storing \(root)") { () async throws(StorageError) in
                let upload = Upload(root) { () async throws(StorageError) in
                    isMade.open()
                    return archive.body
                }
                _ = try await content.store(upload)
            }
            try await refuse(.delete, "Removing \(root)") { () async throws(StorageError) in
                try await content.remove(root, at: nil)
            }
            try await refuse(.reads, "Reading \(root)") { () async throws(StorageError) in
                _ = try await content.read(root)
            }
            try await refuse(.blocks, "Reading the block \(root)") { () async throws(StorageError) in
                _ = try await content.block(root)
            }
        }
        try await refuse(.listing, "Listing the roots") { () async throws(StorageError) in
            for try await _ in content.roots() {}
        }
        try await refuse(.usage, "Asking for the usage") { () async throws(StorageError) in
            _ = try await content.usage(mayWalk: true)
        }
        try expect(!isMade.isOpen, "The archive of what cannot be stored was made all the same.")
    }

    private static func readsBlocks(
        _ content: any ContentService,
        _ archives: [SampleArchive]
    ) async throws(LawViolation) {
        for archive in archives {
            let location = try await store(archive, content)
            let index = try await attempt("Reading the index of \(archive.root)") { () async throws(StorageError) in
                guard let stream = try await content.index(of: archive.root, at: location) else { return [UInt8]() }
                return try await collect(stream, limit: 1 << 30)
            }
            let sections = archive.sections
            for section in [sections.first, sections[sections.count / 2], sections.last].compactMap({ $0 }) {
                let places = (try? CARIndexReader(index).offsets(of: section.cid.hash)) ?? []
                try expect(places == [UInt64(section.offset)], "The index has \(section.cid) at \(places).")
                let end = section.dataOffset + section.bytes.count
                let bytes = try await attempt("Reading one block") { () async throws(StorageError) in
                    let range = UInt64(section.offset)..<UInt64(end)
                    return try await collect(
                        content.read(archive.root, at: location, range).stream,
                        limit: archive.bytes.count
                    )
                }
                try expect(
                    bytes == Array(archive.bytes[section.offset..<end]),
                    "Other bytes than those of \(section.cid) are where the index says that it is."
                )
            }
            try await attempt("Removing \(archive.root)") { () async throws(StorageError) in
                try await content.remove(archive.root, at: location)
            }
            let isLeft = try await attempt("Looking for the index") { () async throws(StorageError) in
                try await content.index(of: archive.root, at: location) != nil
            }
            try expect(!isLeft, "The archive is gone, and its index stays.")
        }
    }

    private static func store(
        _ archive: SampleArchive,
        _ content: any ContentService
    ) async throws(LawViolation) -> Location {
        let answer = try await attempt("Storing \(archive.root)") { () async throws(StorageError) in
            try await content.store(archive.upload)
        }
        guard case .stored(let location, _) = answer else {
            throw LawViolation("The service accepted \(archive.root) and did not store it: these laws wait for nobody.")
        }
        return location
    }

    private static func storeAndCheck(
        _ archive: SampleArchive,
        _ content: any ContentService
    ) async throws(LawViolation) {
        let location = try await store(archive, content)
        switch await content.presence(of: archive.root, at: location) {
        case .present: break
        case .absent, .pending:
            throw LawViolation("The root \(archive.root) was stored, and the backend does not say that it holds it.")
        case .unknown(let error):
            throw LawViolation("Asking for \(archive.root), which was stored,", failedWith: error)
        }
        try await expectReads(archive, content, at: nil)
    }

    private static func expectReads(
        _ archive: SampleArchive,
        _ content: any ContentService,
        at location: Location?
    ) async throws(LawViolation) {
        let found = try await attempt("Reading \(archive.root)") { () async throws(StorageError) in
            try await collect(content.read(archive.root, at: location), limit: archive.bytes.count + (1 << 20))
        }
        if let problem = archive.problem(of: found) {
            throw LawViolation("The archive of \(archive.root) that was read back is wrong: \(problem)")
        }
    }

    private static func expectAbsent(
        _ archive: SampleArchive,
        _ content: any ContentService,
        _ moment: String
    ) async throws(LawViolation) {
        let isSure = !content.capabilities.contains(.finds)
        switch await content.presence(of: archive.root, at: nil) {
        case .absent where isSure: break
        case .unknown(let error) where !isSure && error.code == .unavailable: break
        case .absent: throw LawViolation("\(moment), the backend says that \(archive.root) is absent, and only finds.")
        case .present: throw LawViolation("\(moment), the backend says that it holds \(archive.root).")
        case .pending: throw LawViolation("\(moment), the backend says that it works on \(archive.root).")
        case .unknown(let error): throw LawViolation("\(moment), asking for \(archive.root)", failedWith: error)
        }
        guard content.capabilities.contains(.reads) else { return }
        let codes: Set<StorageError.Code> = isSure ? [.notFound] : [.unavailable]
        try await failure(codes, of: "\(moment), reading \(archive.root)") { () async throws(StorageError) in
            try await collect(content.read(archive.root), limit: 1 << 30)
        }
    }
}
