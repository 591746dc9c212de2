internal import Samples
internal import Storage

extension Law {
    /// Versions of objects that are kept where later ones have the name.
    static let keptVersions: [Law] = [
        ofVersions("what has a name is its latest version, and is read by that") {
            (subject) async throws(LawViolation) in
            let (name, other) = (try subject.name("once"), try subject.name("once.more"))
            let bytes = sampleBytes(300)
            try await subject.store(name, bytes)
            try await subject.store(other, sampleBytes(200))
            let found = try await subject.versions(of: name)
            guard found.count == 1, let only = found.first, only.isLatest, !only.isRemoval else {
                throw LawViolation("\(name) was stored once, and the versions of it are \(listed(found)).")
            }
            try expect(
                only.length == subject.toldLength(bytes.count),
                "The version of \(name) has \(told(only.length)) bytes in the list; it has \(bytes.count)."
            )
            try await subject.expectVersion(only, of: name, bytes)
            let longer = try await subject.versions(of: other)
            try expect(longer.count == 1, "\(other) was stored once, and the versions of it are \(listed(longer)).")
            return .kept
        },
        ofVersions("a version that nobody keeps is not found") { (subject) async throws(LawViolation) in
            let missing = try subject.name("missing")
            let none = try await subject.versions(of: missing)
            try expect(none.isEmpty, "\(missing) was never stored, and the versions of it are \(listed(none)).")
            let name = try subject.name("object")
            try await subject.store(name, sampleBytes(300))
            // The form is that of no version that anybody makes.
            let id = "no-such-version-0000000000"
            for name in [name, missing] {
                try await subject.expectNoVersion(id, of: name, "which nobody made")
            }
            return .kept
        },
        ofVersions("what was stored before is kept as an older version") { (subject) async throws(LawViolation) in
            let name = try subject.name("thrice")
            let rounds = [sampleBytes(300), sampleBytes(subject.boundary + 1, seed: 2), sampleBytes(40, seed: 3)]
            for bytes in rounds { try await subject.store(name, bytes) }
            let found = try await subject.versions(of: name)
            if found.count == 1 {
                try await subject.expectVersion(found[0], of: name, rounds[2])
                return .doesNotApply(Self.keepsLast)
            }
            try expect(
                found.count == 3 && found.map(\.isLatest) == [true, false, false] && !found.contains { $0.isRemoval },
                "\(name) was stored three times, and the versions of it, the newest first, are \(listed(found))."
            )
            for (version, bytes) in zip(found, rounds.reversed()) {
                try await subject.expectVersion(version, of: name, bytes)
            }
            try await subject.expectHolds(name, rounds[2], "After older versions were read")
            return .kept
        },
        ofVersions("what was removed is kept behind its removal") {
            (subject) async throws(LawViolation) in
            let name = try subject.name("gone")
            let bytes = sampleBytes(300)
            try await subject.store(name, bytes)
            try await subject.remove(name)
            try await subject.expectAbsent(name, "After it was removed")
            let found = try await subject.versions(of: name)
            guard !found.isEmpty else { return .doesNotApply(Self.keepsLast) }
            try expect(
                found.count == 2 && found[0].isLatest && found[0].isRemoval && !found[1].isLatest
                    && !found[1].isRemoval,
                "\(name) was stored and removed, and the versions of it, the newest first, are \(listed(found))."
            )
            try await subject.expectVersion(found[1], of: name, bytes)
            try await subject.expectNoVersion(found[0].id, of: name, "which is a removal")
            try await subject.store(name, [1])
            try await subject.expectHolds(name, [1], "After it was removed and stored again")
            let again = try await subject.versions(of: name)
            try expect(again.count == 3, "After \(name) was stored again, the versions of it are \(listed(again)).")
            return .kept
        },
    ]

    /// A law that applies where the service does not say that it knows no versions: of a type it is known that some do.
    private static func ofVersions(
        _ title: String,
        check: @escaping @Sendable (LawSubject) async throws(LawViolation) -> LawOutcome
    ) -> Law {
        .conditional(title, needs: .versions, needsTrouble: false) { (subject) async throws(LawViolation) in
            let nothing = try subject.name("nothing")
            do throws(StorageError) {
                for try await _ in subject.service.versions(of: nothing) {}
            } catch {
                guard error.code != .unsupported else {
                    return .doesNotApply("The service says that it lists no versions.")
                }
                throw LawViolation("Listing the versions of what was never stored", failedWith: error)
            }
            return try await check(subject)
        }
    }

    private static let keepsLast = "Nothing is kept here but what was stored last."

    private static func listed(_ versions: [KeptVersion]) -> String {
        let words = versions.map { version in
            "\(version.id)\(version.isLatest ? " (the latest)" : "")\(version.isRemoval ? " (a removal)" : "")"
        }
        return words.isEmpty ? "none" : words.joined(separator: ", ")
    }
}

extension LawSubject {
    fileprivate func versions(of name: ObjectName) async throws(LawViolation) -> [KeptVersion] {
        try await attempt("Listing the versions of \(name)") { () async throws(StorageError) in
            var found: [KeptVersion] = []
            for try await page in service.versions(of: name) {
                found += page
                guard found.count < 1000 else {
                    throw StorageError(.tooLarge, "The list of a handful of versions does not end.")
                }
            }
            return found
        }
    }

    /// Checks that a version has these bytes, as a whole and in parts, and that it is said how many.
    fileprivate func expectVersion(
        _ version: KeptVersion,
        of name: ObjectName,
        _ bytes: [UInt8]
    ) async throws(LawViolation) {
        let what = "The version \(version.id) of \(name)"
        func read(_ range: Range<UInt64>?) async throws(LawViolation) -> [UInt8] {
            try await attempt("Reading the version \(version.id) of \(name)") { () async throws(StorageError) in
                try await collect(service.get(name, range, kept: version.id).stream, limit: bytes.count + (1 << 20))
            }
        }
        let whole = try await read(nil)
        try expect(isSame(whole, bytes), "\(what) gives other bytes than were stored: \(difference(whole, bytes)).")
        let info = try await attempt("Asking about the version \(version.id) of \(name)") {
            () async throws(StorageError) in
            try await service.stat(name, kept: version.id)
        }
        try expect(
            info.length == toldLength(bytes.count),
            "\(what) is said to have \(told(info.length)) bytes; it has \(bytes.count)."
        )
        guard service.capabilities.contains(.rangeReads) else { return }
        for range in [0..<1, bytes.count / 2..<bytes.count - 1, bytes.count - 1..<bytes.count + 10] {
            let part = try await read(UInt64(range.lowerBound)..<UInt64(range.upperBound))
            let wanted = Array(bytes[range.clamped(to: 0..<bytes.count)])
            try expect(isSame(part, wanted), "\(what) gives others as its bytes \(range): \(difference(part, wanted)).")
        }
    }

    fileprivate func expectNoVersion(_ id: String, of name: ObjectName, _ why: String) async throws(LawViolation) {
        try await failure([.notFound], of: "Reading the version \(id) of \(name), \(why),") {
            () async throws(StorageError) in
            try await collect(service.get(name, nil, kept: id).stream, limit: 1 << 30)
        }
        try await failure([.notFound], of: "Asking about the version \(id) of \(name), \(why),") {
            () async throws(StorageError) in
            try await service.stat(name, kept: id)
        }
    }
}
