internal import Samples
internal import Storage

extension Law {
    /// Names of which one is the folder of another, where there are folders.
    static let names: [Law] = [
        Law("an object below the name of another is kept beside it, or refused") {
            (subject) async throws(LawViolation) in
            try await keepsOrRefuses(try subject.name("place"), then: try subject.name("place/object"), subject)
        },
        Law("an object with the name of a folder of others is kept beside them, or refused") {
            (subject) async throws(LawViolation) in
            try await keepsOrRefuses(try subject.name("place/object"), then: try subject.name("place"), subject)
        },
        Law("removing the name of a folder of others takes nothing out of it") {
            (subject) async throws(LawViolation) in
            let (folder, inner) = (try subject.name("place"), try subject.name("place/object"))
            let bytes = sampleBytes(300)
            try await subject.store(inner, bytes)
            // That nothing has the name may be said, and that something else has it: what counts is what is there then.
            try? await subject.service.delete(folder)
            try await subject.expectHolds(inner, bytes, "After removing \(folder)")
        },
    ]

    /// Stores one object and then the other, which may be refused because something else has the name; the first stays.
    private static func keepsOrRefuses(
        _ first: ObjectName,
        then second: ObjectName,
        _ subject: LawSubject
    ) async throws(LawViolation) {
        let (old, new) = (sampleBytes(300), sampleBytes(400, seed: 7))
        try await subject.store(first, old)
        do throws(StorageError) {
            _ = try await subject.service.put(second, Body(new))
        } catch {
            guard [.exists, .unsupported].contains(error.code) else {
                throw LawViolation("Storing \(second) where \(first) is", failedWith: error)
            }
            try await subject.expectHolds(first, old, "After \(second) was refused")
            return
        }
        try await subject.expectHolds(second, new, "After storing it where \(first) is")
        try await subject.expectHolds(first, old, "After \(second) was stored")
    }
}
