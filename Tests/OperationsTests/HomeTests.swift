import BlockStore
import Catalog
import Foundation
import Multiformats
@testable import Operations
import POSIX
import Schema
import Storage
import TestKit
import Testing

/// The home: what belongs together in it, and what of it is never content.
@Suite(.scratch) struct HomeTests {
    // MARK: Catalog and store

    @Test func `a catalog of another home is not that of the store`() async throws {
        let (one, other) = (try await KitSample("one"), try await KitSample("other"))
        try await one.add("a")
        try await other.add("b")
        try replace(one.again.home.catalog, by: other.again.home.catalog)
        try #expect(
            refusal { _ = try (one.again.catalog(), one.again.store()) }?.hint?.command()
                == "ipfs-kit init --new-catalog"
        )
    }

    @Test func `a catalog that is older than the store knows is refused until it is accepted`() async throws {
        let sample = try await KitSample()
        try await sample.add("a")
        let copy = sample.folder + "/copy.sqlite"
        try FileManager.default.copyItem(atPath: sample.again.home.catalog, toPath: copy)
        let root = try await sample.add("b")
        try replace(sample.again.home.catalog, by: copy)
        let error = try refusal { _ = try sample.again.catalog() }
        #expect(error?.hint?.command() == "ipfs-kit catalog accept")
        try await sample.run(CatalogAccept.self)
        #expect(try await sample.run(PinList.self).pins.map(\.cid.description).contains(root) == false)
    }

    @Test func `a store with other content is not that of the catalog, and an empty one is`() async throws {
        let (one, other) = (try await KitSample("one"), try await KitSample("other"))
        try await one.add("a")
        try await other.add("b")
        let (store, foreign) = (one.again.home.store, other.again.home.store)
        try FileManager.default.removeItem(atPath: foreign + "/owner")
        try FileManager.default.moveItem(atPath: store, toPath: one.folder + "/aside")
        try FileManager.default.copyItem(atPath: foreign, toPath: store)
        let kit = one.again
        _ = try kit.catalog()
        #expect(try refusal { _ = try kit.store() } != nil)
        try FileManager.default.removeItem(atPath: store)
        let fresh = one.again
        _ = try fresh.catalog()
        #expect(try fresh.store().identity != nil)
    }

    @Test func `the catalog of a copy is not that of the home, until its owner says so`() async throws {
        let sample = try await KitSample()
        try await sample.add("a")
        let copy = Scratch.current + "/copy"
        try FileManager.default.copyItem(atPath: sample.folder, toPath: copy)
        // A kit that is not used any more leaves all of its catalog in one file.
        #expect(try await KitSample.open(copy).identity().isNewInstance)
        try replace(sample.again.home.catalog, by: KitSample.open(copy).home.catalog)
        let kit = sample.again
        let refused = try refusal { _ = try (kit.catalog(), kit.store()) }
        #expect(refused?.hint?.command() == "ipfs-kit catalog accept")
        try await sample.run(CatalogAccept.self)
        try await sample.run(Collect.self)
    }

    @Test(arguments: [0, 40, 200]) func `a note of the owner that is lost keeps everything`(length: Int) async throws {
        let sample = try await KitSample()
        try await sample.add("a")
        let note = sample.again.home.store + "/owner"
        try write(Array(repeating: 0x20, count: length), to: note)
        // Pinning more does not make it believed again.
        try await sample.add("b")
        let error = await #expect(throws: KitError.self) { try await sample.run(Collect.self) }
        #expect(error?.code == .refused && error?.hint?.command() == "ipfs-kit catalog accept")
        try await sample.run(CatalogAccept.self)
        try await sample.run(Collect.self)
    }

    /// Whether nothing of this process has a file open: what ran may let go of it a moment after its answer.
    private func isClosed(_ path: String) throws -> Bool {
        try !FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").contains {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
        }
    }

    /// A flipped bit of the version, a page of something else, and a file that is no database.
    @Test(arguments: [60, 4096, 0]) func `a catalog that has rotted gives way to a new one, and stays beside it`(
        offset: Int
    ) async throws {
        let sample = try await KitSample()
        let root = try await sample.add("a")
        let disk = try await sample.disk("disk")
        try await sample.run(Sync.self)
        let path = sample.again.home.catalog
        #expect(try await holds { try isClosed(path) })
        var content = try bytes(at: path)
        let end = offset == 60 ? 61 : offset + 4096
        for index in offset..<end { content[index] ^= 0xA5 }
        try write(content, to: path)
        for ending in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + ending) }
        let error = await #expect(throws: KitError.self) { try await sample.run(Collect.self) }
        #expect(
            error?.code == .verification && error?.hint?.command() == "ipfs-kit init --new-catalog",
            "\(error?.message ?? "")"
        )
        let made = try await sample.run(Initialise.self, ["new_catalog": .flag(true)])
        #expect(try bytes(at: try #require(made.replaced)) == content)
        #expect(FileManager.default.fileExists(atPath: disk))
        try await sample.run(Recover.self, ["from": .text("disk")])
        #expect(try await sample.run(PinList.self).pins.map(\.cid.description) == [root])
        // One that is sound stays.
        await #expect(throws: KitError.self) { try await sample.run(Initialise.self, ["new_catalog": .flag(true)]) }
    }

    @Test(arguments: ["2", "99", "x", ""]) func `a home of another version is left alone`(version: String) async throws
    {
        let sample = try await KitSample()
        try write(Array("version: '\(version)'\n".utf8), to: sample.again.home.mainConfiguration)
        let error = await #expect(throws: KitError.self) { try await sample.run(PinList.self) }
        #expect(error?.code == (Int(version) == nil ? .usage : .other))
    }

    private func replace(_ path: String, by other: String) throws {
        for ending in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: path + ending) {
            try FileManager.default.removeItem(atPath: path + ending)
        }
        try FileManager.default.copyItem(atPath: other, toPath: path)
    }

    /// The refusal that `work` meets; nil where it meets none.
    private func refusal(_ work: () throws -> Void) throws -> KitError? {
        do { try work() } catch let error as KitError where error.code == .refused { return error }
        return nil
    }

    // MARK: What is no content

    @Test func `files of the home are no content under any name`() async throws {
        let sample = try await KitSample()
        try await sample.add("a")
        let home = sample.again.home
        let outside = sample.folder + "/outside"
        try FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: true)
        let pack = home.store + "/packs/" + (try #require(try Trees.files(in: home.store + "/packs").first))
        for (name, target) in [("catalog", home.catalog), ("pack", pack)] {
            try FileManager.default.linkItem(atPath: target, toPath: outside + "/" + name)
        }
        try makeLink(outside + "/way", to: home.store)
        try write([1], to: outside + "/file")
        let boundary = sample.again.boundary
        for path in [outside + "/catalog", outside + "/pack", outside + "/way/packs", home.path, pack] {
            #expect(throws: KitError.self, "\(path)") { try boundary.admit(path, for: .content) }
        }
        #expect(throws: KitError.self) { try boundary.admit(outside + "/catalog", for: .archive) }
        _ = try boundary.admit(pack, for: .archive)
        _ = try boundary.admit(outside + "/file", for: .content)
        for (name, isFollowed, isHeld) in [
            ("catalog", false, true), ("pack", false, true), ("way/packs", true, true), ("file", false, false),
        ] {
            let path = outside + "/" + name
            let info = try fileInfo(path, follow: true)
            #expect(boundary.holds(info, at: Array(path.utf8), isFollowed: isFollowed) == isHeld, "\(name)")
        }
    }

    // MARK: What is written

    @Test func `what got the name meanwhile is not overwritten`() async throws {
        let path = Scratch.current + "/new"
        let place = try NewPlace(path, try await KitSample().kit)
        try write([1], to: place.temporary)
        try write([2], to: path)
        let error = #expect(throws: KitError.self) { try place.appear() }
        #expect(error?.code == .refused)
        #expect(try bytes(at: path) == [2])
        place.discard()
        #expect(try Trees.files(in: Scratch.current).filter { !$0.hasPrefix("home/") } == ["new"])
    }
}
