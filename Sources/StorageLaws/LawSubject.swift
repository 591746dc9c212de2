internal import Digests
package import Storage

/// A service on trial, and the corner of it that one trial uses.
package struct LawSubject: Sendable {
    package let service: any StorageService
    /// What the names of all objects of this trial begin with; no other trial has the same.
    package let prefix: String
    /// The length, in bytes, around which sizes are tried: where the service begins to divide uploads.
    package let boundary: Int
    /// Whether about a thousand objects may be stored.
    package let allowsBulk: Bool
    /// Whether objects may be stored that cannot be removed.
    let mayLeave: Bool
    /// How many requests were sent so far.
    let requests: @Sendable () -> UInt64
    /// Who makes things go wrong, where anybody can.
    let troublemaker: (any Troublemaker)?
    private let used = Locked<Set<ObjectName>>([])

    /// A trial of `service` under names that begin with `folder` and a part made by chance, or `part`.
    package init(
        _ service: any StorageService,
        folder: String = "laws",
        boundary: Int = 64 << 10,
        allowsBulk: Bool = false,
        mayLeave: Bool = false,
        part: String? = nil,
        troublemaker: (any Troublemaker)? = nil,
        requests: @escaping @Sendable () -> UInt64 = { 0 }
    ) {
        self.service = service
        prefix = "\(folder)/\(part ?? hex(randomBytes(8)))/"
        self.boundary = max(2, boundary)
        self.allowsBulk = allowsBulk
        self.mayLeave = mayLeave
        self.requests = requests
        self.troublemaker = troublemaker
    }

    /// A name of this trial; what is stored under it is removed afterwards.
    func name(_ text: String) throws(LawViolation) -> ObjectName {
        guard let name = ObjectName(prefix + text) else {
            throw LawViolation("“\(prefix + text)” is no name for an object; the law itself is wrong.")
        }
        used.change { _ = $0.insert(name) }
        return name
    }

    /// Removes every object whose name was given out.
    package func cleanUp() async {
        let names = used.change { names in
            defer { names = [] }
            return Array(names)
        }
        guard service.capabilities.contains(.delete) else { return }
        // A trial may have been cancelled; what it stored goes away all the same.
        await Task { [service] in
            for start in stride(from: 0, to: names.count, by: 16) {
                await withTaskGroup(of: Void.self) { group in
                    for name in names[start..<min(start + 16, names.count)] {
                        group.addTask { try? await service.delete(name) }
                    }
                }
            }
        }.value
    }

    // MARK: Calls that have to work

    @discardableResult
    func store(_ name: ObjectName, _ body: Body) async throws(LawViolation) -> PutReceipt {
        try await attempt("Storing \(name)") { () async throws(StorageError) in try await service.put(name, body) }
    }

    @discardableResult
    func store(_ name: ObjectName, _ bytes: [UInt8]) async throws(LawViolation) -> PutReceipt {
        try await store(name, Body(bytes))
    }

    func read(_ name: ObjectName, _ range: Range<UInt64>? = nil) async throws(LawViolation) -> [UInt8] {
        let place = range.map { "bytes \($0) of \(name)" } ?? name.text
        let (bytes, length) = try await attempt("Reading \(place)") { () async throws(StorageError) in
            let object = try await service.get(name, range, version: nil)
            return (try await collect(object.stream, limit: boundary * 4 + (1 << 20)), object.length)
        }
        if let length {
            let wanted = (range ?? 0..<length).clamped(to: 0..<length).length
            try expect(
                bytes.count == wanted,
                "Reading \(place) gave \(bytes.count) bytes where the service announced \(wanted)."
            )
        }
        return bytes
    }

    func stat(_ name: ObjectName) async throws(LawViolation) -> ObjectInfo {
        try await attempt("Asking about \(name)") { () async throws(StorageError) in try await service.stat(name) }
    }

    func remove(_ name: ObjectName) async throws(LawViolation) {
        try await attempt("Removing \(name)") { () async throws(StorageError) in try await service.delete(name) }
    }

    /// All objects of the trial whose names go on with `text`.
    func list(_ text: String = "") async throws(LawViolation) -> [ObjectInfo] {
        try await attempt("Listing \(prefix + text)") { () async throws(StorageError) in
            var found: [ObjectInfo] = []
            for try await page in service.list(prefix + text) {
                found += page
                guard found.count < 100_000 else {
                    throw StorageError(.tooLarge, "The list of a handful of objects does not end.")
                }
            }
            return found
        }
    }

    /// What has to be said of the length of an object with so many bytes: nothing, where the service tells none.
    func toldLength(_ count: Int) -> UInt64? { service.limits.tellsLengths ? UInt64(count) : nil }

    // MARK: What goes wrong

    /// Does `work` while something goes wrong; the law does not apply where that cannot be brought about.
    func under(
        _ trouble: Trouble,
        _ work: () async throws(LawViolation) -> Void
    ) async throws(LawViolation) -> LawOutcome {
        guard let troublemaker, try await arranged({ try await troublemaker.begin(trouble, prefix) }) else {
            return .doesNotApply("It cannot be brought about here that \(trouble).")
        }
        do throws(LawViolation) {
            try await work()
        } catch {
            await troublemaker.end(prefix)
            throw LawViolation("While \(trouble): \(error.message)", cause: error.cause)
        }
        await troublemaker.end(prefix)
        return .kept
    }

    /// Leaves something beside objects at the place of a name; false where that cannot be brought about.
    func plant(_ stray: Stray, at name: ObjectName) async throws(LawViolation) -> Bool {
        guard let troublemaker else { return false }
        return try await arranged { try await troublemaker.plant(stray, at: name.text) }
    }

    /// Whether what was left beside objects is there still.
    func remains(_ stray: Stray, at name: ObjectName) async throws(LawViolation) -> Bool {
        guard let troublemaker else { return false }
        return try await arranged { try await troublemaker.remains(stray, at: name.text) }
    }

    private func arranged(_ work: () async throws -> Bool) async throws(LawViolation) -> Bool {
        do {
            return try await work()
        } catch {
            throw LawViolation("What the law needs could not be arranged: \(error)")
        }
    }

    // MARK: What has to be so

    /// Checks that the object is there with exactly these bytes, by all ways of asking.
    func expectHolds(_ name: ObjectName, _ bytes: [UInt8], _ moment: String) async throws(LawViolation) {
        let info = try await stat(name)
        try expect(
            info.length == toldLength(bytes.count),
            "\(moment), the service says that \(name) has \(told(info.length)) bytes; it has \(bytes.count)."
        )
        let found = try await read(name)
        try expect(
            isSame(found, bytes),
            "\(moment), \(name) does not give the bytes that were stored: \(difference(found, bytes))."
        )
    }

    /// Checks that the object is not there, by all ways of asking.
    func expectAbsent(_ name: ObjectName, _ moment: String) async throws(LawViolation) {
        try await failure([.notFound], of: "\(moment), asking about \(name)") { () async throws(StorageError) in
            try await service.stat(name)
        }
        try await failure([.notFound], of: "\(moment), reading \(name)") { () async throws(StorageError) in
            try await collect(service.read(name, nil), limit: 1 << 30)
        }
        guard service.capabilities.contains(.listing) else { return }
        let listed = try await list().contains { $0.name == name }
        try expect(!listed, "\(moment), \(name) is in the list.")
    }
}

/// A length as words of a sentence.
func told(_ length: UInt64?) -> String { length.map { "\($0)" } ?? "an unknown number of" }

/// Where two sequences of bytes differ, in words.
func difference(_ found: [UInt8], _ wanted: [UInt8]) -> String {
    let place = zip(found, wanted).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let lengths = "\(found.count) bytes came, \(wanted.count) were stored"
    return place.map { "\(lengths), and they differ from byte \($0) on" } ?? lengths
}
