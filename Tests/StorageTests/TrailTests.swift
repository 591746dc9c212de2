import Storage
import StorageLaws
import TestKit
import Testing

/// What trials leave is known, and removed by whoever made it or comes after.
@Suite struct TrailTests {
    @Test func `what trials leave is removed, and nothing else`() async throws {
        let memory = MemoryService()
        _ = try await memory.put(try name("other/a"), Body([1]))
        let trail = Trail(memory)
        for text in ["mine/a", "mine/b", "mine/c"] { _ = try await trail.put(try name(text), Body([2])) }
        try await trail.delete(try name("mine/b"))
        #expect(await trail.sweep().isEmpty)
        #expect(memory.contents.keys.map(\.text) == ["other/a"])
    }

    /// A call that fails may have stored something, or pieces of it.
    @Test func `what failed is looked after too`() async throws {
        let cleared = Locked<[String]>([])
        let memory = MemoryService()
        let service = AlteredService(memory) {
            $0.onPut = { (name, body) async throws(StorageError) in
                _ = try await memory.put(name, body)
                throw StorageError(.unavailable, "The answer was lost.")
            }
            $0.onClear = { (name, _) async throws(StorageError) in cleared.change { $0.append(name.text) } }
        }
        let trail = Trail(service)
        let names = [try name("f/a"), try name("f/b")]
        for name in names { await #expect(throws: StorageError.self) { try await trail.put(name, Body([1])) } }
        #expect(await trail.sweep().isEmpty)
        #expect(memory.contents.isEmpty)
        #expect(cleared.read { $0.sorted() } == ["f/a", "f/b"])
    }

    @Test func `what cannot be removed is told`() async throws {
        let trail = Trail(FaultyService(MemoryService(), [Fault(.delete, .fail(.lasting))]))
        _ = try await trail.put(try name("mine/a"), Body([2]))
        let task = Task { await trail.sweep() }
        // Whoever was stopped cleans up all the same.
        task.cancel()
        #expect(await task.value.map(\.name) == ["mine/a"])
    }

    @Test func `a root is noted before it is stored, until it is removed`() async throws {
        let (memory, beside) = (MemoryService(), MemoryService())
        let asked = Locked(0)
        let content = ContentTrail(CARArchive(memory), notes: beside) { _ in asked.change { $0 += 1 } }
        let archives = [SampleArchive(seed: 1), SampleArchive.versionZero(seed: 2)]
        for archive in archives { _ = try await content.store(archive.upload) }
        let noted = beside.contents.keys.compactMap { ContentTrail.root(notedAs: $0.text[...]) }
        #expect(Set(noted) == Set(archives.map(\.root)))
        try await content.remove(archives[0].root, at: nil)
        #expect(beside.contents.count == 1 && memory.contents.count == 1)
        #expect(await content.sweep().isEmpty)
        #expect(beside.contents.isEmpty && memory.contents.isEmpty)
        #expect(asked.read { $0 } >= 4)
        #expect(ContentTrail.root(notedAs: "certify/x/object") == nil)
    }
}
