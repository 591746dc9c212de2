internal import Samples
internal import Storage

extension Law {
    static let listing: [Law] = [
        Law("a list has every object once with its length", needs: .listing) { (subject) async throws(LawViolation) in
            let lengths = ["a": 1, "b/c": 20, "b/d": 0, "b/e/f": 300]
            for (part, count) in lengths { try await subject.store(try subject.name(part), sampleBytes(count)) }
            let found = try await subject.list()
            try expectNames(found, lengths.keys.map { subject.prefix + $0 }, "The list of everything")
            for info in found {
                let wanted = lengths[String(info.name.text.dropFirst(subject.prefix.count))]
                try expect(
                    info.length == UInt64(wanted ?? 0),
                    "The list says that \(info.name) has \(told(info.length)) bytes."
                )
            }
        },
        Law("a list has exactly the names that begin with the prefix", needs: .listing) {
            (subject) async throws(LawViolation) in
            let parts = ["a", "ab", "ab.c", "abc", "abd/c", "abd/c.d", "abd/e/f", "b", "ba", "A", "Ac/d"]
            for part in parts { try await subject.store(try subject.name(part), [1]) }
            for prefix in ["", "a", "ab", "ab/", "abd/", "abd", "abd/c", "abd/e", "ab.", "b", "A", "c", "abd/c/"] {
                let wanted = parts.filter { $0.hasPrefix(prefix) }.map { subject.prefix + $0 }
                try expectNames(try await subject.list(prefix), wanted, "The list of “\(prefix)”")
            }
        },
        Law("a list of nothing is empty", needs: .listing, changes: false) { (subject) async throws(LawViolation) in
            for text in ["", "none", "none/", "none/at/all"] {
                try expectNames(try await subject.list(text), [], "The list of “\(text)”, where nothing is,")
            }
        },
        Law("names come back from a list as they were given", needs: .listing) { (subject) async throws(LawViolation) in
            let parts = ["ABC.def", "a..b", "-dash-", "_under_", "trailing.", "0/1/2", "--help", "x.part", "a-b_c.d/e"]
            for part in parts { try await subject.store(try subject.name(part), [1]) }
            try expectNames(try await subject.list(), parts.map { subject.prefix + $0 }, "The list of odd names")
        },
        Law("a list follows what is removed and replaced", needs: .listing) { (subject) async throws(LawViolation) in
            for part in ["a", "b", "c"] { try await subject.store(try subject.name(part), sampleBytes(10)) }
            try await subject.remove(try subject.name("b"))
            try await subject.store(try subject.name("c"), sampleBytes(11))
            let found = try await subject.list()
            try expectNames(found, ["a", "c"].map { subject.prefix + $0 }, "The list after a removal")
            let length = found.first { $0.name.text.hasSuffix("/c") }?.length
            try expect(length == 11, "The list still has the old length of an object that was replaced.")
        },
        Law("a list and a question about one object agree", needs: .listing) { (subject) async throws(LawViolation) in
            for count in [0, 5, subject.boundary + 1] {
                try await subject.store(try subject.name("o-\(count)"), sampleBytes(count))
            }
            for listed in try await subject.list() {
                let asked = try await subject.stat(listed.name)
                try expect(
                    asked.name == listed.name && asked.length == listed.length,
                    "The list says \(told(listed.length)) bytes of \(listed.name), asked for it the service says \(told(asked.length))."
                )
                guard let one = listed.digest, let other = asked.digest, one.method == other.method else { continue }
                try expect(one == other, "The list and the object \(listed.name) itself have two digests.")
            }
        },
        Law("a list can be read twice", needs: .listing) { (subject) async throws(LawViolation) in
            let names = try (0..<5).map { (index) throws(LawViolation) in try subject.name("o\(index)") }
            for name in names { try await subject.store(name, [1]) }
            let stream = subject.service.list(subject.prefix)
            for time in ["first", "second"] {
                let found = try await attempt("Listing for the \(time) time") { () async throws(StorageError) in
                    var found: [ObjectInfo] = []
                    for try await page in stream { found += page }
                    return found
                }
                try expectNames(found, names.map(\.text), "The list read for the \(time) time")
            }
        },
        Law("a list is whole past one page", needs: .listing, isBulk: true) { (subject) async throws(LawViolation) in
            let names = try await storeMany(1005, subject)
            try expectNames(try await subject.list("many/"), names, "The list of 1005 objects")
            let wanted = names.filter { $0.hasPrefix(subject.prefix + "many/o1") }
            try expectNames(try await subject.list("many/o1"), wanted, "The list of a part of 1005 objects")
        },
        Law("a list stops when it is told to", needs: .listing) { (subject) async throws(LawViolation) in
            for part in ["a", "b", "c"] { try await subject.store(try subject.name(part), [1]) }
            let started = Gate()
            let listing = beside { () async throws(StorageError) in
                await started.wait()
                var count = 0
                for try await page in subject.service.list(subject.prefix) { count += page.count }
                return count
            }
            listing.cancel()
            started.open()
            try await failure([.cancelled], of: "A list that was stopped") { () async throws(StorageError) in
                try await listing.value.get()
            }
        },
    ]

    private static func storeMany(_ count: Int, _ subject: LawSubject) async throws(LawViolation) -> [String] {
        let lanes = 16
        let names = try await concurrently(lanes) { (lane) async throws(LawViolation) in
            var names: [String] = []
            for number in stride(from: lane, to: count, by: lanes) {
                let name = try subject.name("many/o\(number)")
                try await subject.store(name, [UInt8(truncatingIfNeeded: number)])
                names.append(name.text)
            }
            return names
        }
        return Array(names.joined())
    }

    private static func expectNames(
        _ found: [ObjectInfo],
        _ wanted: [String],
        _ what: String
    ) throws(LawViolation) {
        let names = found.map(\.name.text)
        let missing = Set(wanted).subtracting(names).sorted().prefix(3)
        let foreign = Set(names).subtracting(wanted).sorted().prefix(3)
        try expect(missing.isEmpty, "\(what) lacks \(missing.joined(separator: ", ")).")
        try expect(foreign.isEmpty, "\(what) has what does not belong there: \(foreign.joined(separator: ", ")).")
        try expect(names.count == wanted.count, "\(what) has \(names.count) items for \(wanted.count) objects.")
    }
}
