import Foundation
import Schema
import Services
import Storage
import TestKit
import Testing

/// What is special to directories; everything else is in the laws.
@Suite(.scratch) struct LocalDirectoryTests {
    private func open(_ path: String) async throws -> any StorageService {
        try #require(try await Subject.open("filesystem", ["path": .text(path)], retries: 0).notes)
    }

    @Test func `a directory that is not there says nothing about what it holds, and is not made`() async throws {
        let path = Scratch.current + "/not-mounted"
        let service = try await open(path)
        let name = try #require(ObjectName("cars/a.car"))
        var codes: [StorageError.Code] = []
        do throws(StorageError) { _ = try await service.stat(name) } catch { codes.append(error.code) }
        do throws(StorageError) { _ = try await service.get(name, nil) } catch { codes.append(error.code) }
        do throws(StorageError) { _ = try await service.put(name, Body([1])) } catch { codes.append(error.code) }
        do throws(StorageError) { try await service.delete(name) } catch { codes.append(error.code) }
        do throws(StorageError) { for try await _ in service.list("") {} } catch { codes.append(error.code) }
        #expect(codes == Array(repeating: .unavailable, count: 5))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `what a killed writer left is removed after a day, and not before`() async throws {
        let folder = Scratch.current + "/cars"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (old, young) = (folder + "/.a.car.1.2.part", folder + "/.b.car.1.2.part")
        for path in [old, young] { try Data([1]).write(to: URL(filePath: path)) }
        let yesterday = Date(timeIntervalSinceNow: -90_000)
        try FileManager.default.setAttributes([.modificationDate: yesterday], ofItemAtPath: old)
        let service = try await open(Scratch.current)
        _ = try await service.put(try #require(ObjectName("cars/c.car")), Body([1, 2, 3]))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [".b.car.1.2.part", "c.car"])
    }

    @Test func `links are followed to files, and names with a dot in front are not shown`() async throws {
        let folder = Scratch.current + "/kept"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data([1, 2]).write(to: URL(filePath: Scratch.current + "/elsewhere"))
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/link.car",
            withDestinationPath: Scratch.current + "/elsewhere"
        )
        try Data([1]).write(to: URL(filePath: folder + "/.hidden"))
        let service = try await open(folder)
        var names: [String] = []
        for try await page in service.list("") { names += page.map(\.name.text) }
        #expect(names == ["link.car"])
    }
}
