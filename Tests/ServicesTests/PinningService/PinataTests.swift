import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// CARs that are uploaded to Pinata, and imported through a bucket.
@Suite(.scratch, .inTurn, .timeLimit(.minutes(3))) struct PinataTests {
    private typealias Trial = PinningTrial
    /// A CAR of some 12 MiB: three parts of the least length.
    private static let large = SampleArchive(seed: 77, leaves: 4500)

    private func files(_ trial: Trial) async throws -> [JSON] {
        let reply = try await trial.server.send("GET", "/v3/files/public?limit=100")
        return try JSON(reading: reply)["data"]?["files"]?.items ?? []
    }

    @Test func aSmallCARIsOneUpload() async throws {
        let trial = try await Trial()
        let content = try await trial.open("pinata", ["group": .text("group-7")])
        var upload = SampleArchive(seed: 1).upload
        upload.name = "a name"
        let answer = try await content.store(upload)
        let requests = try await trial.server.requests().map { String($0.prefix { $0 != "?" }) }
        #expect(requests == ["GET /v3/files/public", "POST /v3/files", "GET /v3/files/public"])
        let file = try #require(try await files(trial).first)
        #expect(answer == .stored(Location("files/\(file["id"]?.string ?? "")"), proof: nil))
        #expect(file["cid"]?.string == "\(upload.root)" && file["name"]?.string == "a name")
        #expect(file["group_id"]?.string == "group-7" && file["keyvalues"]?["ipfs-kit"]?.string == "our-kit")
        // It is there: its bytes are not asked for.
        let again = Upload(upload.root) { () async throws(StorageError) in
            throw StorageError(.unexpected, "The CAR was made.")
        }
        #expect(try await content.store(again) == answer)
        let usage = try await content.usage(mayWalk: false)
        #expect(usage.objects == 1 && usage.used.map { $0 > 0 } == true)
        #expect(content.capabilities == PinningService.capabilities.subtracting(.pins))
    }

    @Test func aLargeCARGoesInPartsThatGoOn() async throws {
        let trial = try await Trial()
        let settings: [String: FieldValue] = ["multipart_threshold": .integer(1 << 20), "part_size": .integer(5 << 20)]
        let content = try await trial.open("pinata", settings, retries: 2)
        let length = Self.large.bytes.count
        try #require(length > 10 << 20 && length < 15 << 20)
        // Of the second part a half comes, and the answer to the third is lost.
        try await trial.server.begin("half-part", #"{"skip": 1, "times": 1}"#)
        try await trial.server.begin("lost-answer", #"{"on": "PATCH", "skip": 3, "times": 1}"#)
        guard case .stored = try await content.store(Self.large.upload) else { return }
        #expect(try await files(trial).compactMap { $0["size"]?.natural } == [UInt64(length)])
        let bytes = try await collect(content.read(Self.large.root), limit: 1 << 30)
        #expect(Self.large.problem(of: bytes) == nil)
        // What came is not sent again but for the part that was under way.
        #expect(trial.meter.counts.bytesStored < UInt64(length + (11 << 20)))
        #expect(try await trial.count("HEAD /v3/files/upload-1") >= 1)
    }

    /// A process that was killed leaves an upload, with which the next one goes on.
    @Test func aLaterProcessGoesOn() async throws {
        let state = Scratch.current + "/state"
        let trial = try await Trial(state: state)
        let settings: [String: FieldValue] = ["multipart_threshold": .integer(1 << 20), "part_size": .integer(5 << 20)]
        try await trial.server.begin("status", #"{"on": "PATCH", "skip": 1, "status": 500}"#)
        let first = try await trial.open("pinata", settings)
        #expect(await Trial.failure { _ = try await first.store(Self.large.upload) }?.retry == .later)
        let kept = try FileManager.default.contentsOfDirectory(atPath: state)
        #expect(kept == ["upload-\(Self.large.root).json"])
        try await trial.server.end("status")
        let sent = trial.meter.counts.bytesStored
        _ = try await trial.open("pinata", settings).store(Self.large.upload)
        #expect(trial.meter.counts.bytesStored - sent < UInt64(Self.large.bytes.count) - (5 << 20) + 4096)
        #expect(try await trial.count("POST /v3/files") == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: state).isEmpty)
    }

    /// An upload that the server does not know any more begins anew.
    @Test func anUploadThatIsGoneBeginsAnew() async throws {
        let trial = try await Trial(state: Scratch.current + "/state")
        let settings: [String: FieldValue] = ["multipart_threshold": .integer(1 << 20), "part_size": .integer(5 << 20)]
        try await trial.server.begin("status", #"{"on": "PATCH", "skip": 1, "status": 500}"#)
        _ = await Trial.failure { _ = try await trial.open("pinata", settings).store(Self.large.upload) }
        try await trial.server.end("status")
        try await trial.server.send("DELETE", "/-/uploads")
        _ = try await trial.open("pinata", settings, retries: 1).store(Self.large.upload)
        #expect(try await files(trial).count == 1)
    }

    /// Bytes that were changed on their way are another root, or none.
    @Test func aCARThatWasChangedIsNotTaken() async throws {
        let trial = try await Trial()
        let (mine, other) = (SampleArchive(seed: 3), SampleArchive(seed: 4))
        let content = try await trial.open("pinata")
        let error = await Trial.failure { _ = try await content.store(Upload(mine.root, other.body)) }
        #expect(error?.code == .corrupt && error?.mayHaveHappened == true)
        var bytes = mine.bytes
        bytes[bytes.count - 1] ^= 1
        let refused = await Trial.failure { _ = try await content.store(Upload(mine.root, Body(bytes))) }
        #expect(refused != nil && refused?.code != .corrupt)
    }

    @Test func whatIsNotListedYetIsLookedForAgain() async throws {
        let trial = try await Trial()
        let archive = SampleArchive(seed: 5)
        try await trial.server.begin("unlisted", #"{"looks": 2}"#)
        guard case .stored = try await trial.open("pinata", retries: 3).store(archive.upload) else { return }
        try await trial.server.begin("unlisted", #"{"looks": 2}"#)
        let other = SampleArchive(seed: 6)
        let error = await Trial.failure { _ = try await trial.open("pinata").store(other.upload) }
        #expect(error?.code == .unavailable && error?.mayHaveHappened == true)
    }

    @Test func othersFilesStay() async throws {
        let trial = try await Trial()
        let archive = SampleArchive(seed: 7)
        let (ours, theirs) = (try await trial.open("pinata"), try await trial.open("pinata", kit: "their-kit"))
        let answer = try await theirs.store(archive.upload)
        #expect(try await ours.store(archive.upload) == answer)
        #expect(await Trial.failure { try await ours.remove(archive.root, at: nil) }?.code == .permissionDenied)
        try await theirs.remove(archive.root, at: nil)
        #expect(try await files(trial).isEmpty)
        try await theirs.remove(archive.root, at: nil)
    }

    /// The service keeps what it has of a CID, so what is damaged has to go first.
    @Test func aDamagedFileIsUploadedAnew() async throws {
        let trial = try await Trial()
        let archive = SampleArchive(seed: 8)
        let content = try await trial.open("pinata")
        _ = try await content.store(archive.upload)
        try await trial.server.spoil("\(archive.root)")
        #expect(archive.problem(of: try await collect(content.read(archive.root), limit: 1 << 20)) != nil)
        var upload = archive.upload
        upload.isDamaged = true
        _ = try await content.store(upload)
        #expect(try await collect(content.read(archive.root), limit: 1 << 20) == archive.bytes)
    }

    @Test func aListHasEachFileOnce() async throws {
        let trial = try await Trial()
        let content = try await trial.open("pinata")
        let all = (0..<9).map { SampleArchive(seed: 100 + $0) }
        for archive in all { _ = try await content.store(archive.upload) }
        try await trial.server.begin("page", #"{"size": 2}"#)
        var found: [CID] = []
        for try await page in content.roots() { found += page.map(\.root) }
        #expect(found.count == 9 && Set(found) == Set(all.map(\.root)))
        // One that leads in a circle is none.
        try await trial.server.begin("same-page")
        let error = await Trial.failure { for try await _ in content.roots() {} }
        #expect(error?.code == .unexpected)
        guard case .unknown = await content.presence(of: SampleArchive(seed: 1).root, at: nil) else {
            return
        }
    }

    // MARK: A bucket that imports

    @Test func aCARIsImportedThroughABucketAndThenAskedFor() async throws {
        let trial = try await Trial()
        let archive = SampleArchive(seed: 9)
        let settings: [String: FieldValue] = [
            "bucket": .text("imports"), "upload_url": .text(trial.server.endpoint + "/bucket"),
            "access_key_id": .text("import-key"), "secret_access_key": .text("import-secret-4711"),
        ]
        let content = try await trial.open("filebase", settings)
        guard case .stored(let place, _) = try await content.store(archive.upload) else { return }
        #expect(place.path.hasPrefix("pins/"))
        #expect(try await collect(content.read(archive.root), limit: 1 << 20) == archive.bytes)
        #expect(try await objects(trial) == ["imports/ipfs-kit/\(archive.root).car"])
        // What is pinned is not sent again.
        _ = try await content.store(archive.upload)
        #expect(try await trial.count("PUT /bucket/") == 1)
        try await content.remove(archive.root, at: place)
        #expect(try await objects(trial).isEmpty)
        guard case .absent = await content.presence(of: archive.root, at: nil) else {
            Issue.record("It is there still.")
            return
        }
        let wrong = settings.merging(["secret_access_key": .text("import-secret-0000")]) { $1 }
        let error = await Trial.failure { _ = try await trial.open("filebase", wrong).store(archive.upload) }
        #expect(error?.code == .badCredentials && error?.message.contains("0000") == false)
        #expect(try await trial.pins().isEmpty)
    }

    private func objects(_ trial: Trial) async throws -> [String] {
        try JSON(reading: try await trial.server.send("GET", "/-/objects/all")).items?.compactMap(\.string) ?? []
    }
}
