import Foundation
import HTTPClient
import Schema
import Storage
import StorageLaws
import TestKit
import Testing

@testable import Services

/// What is kept of objects beside what was stored last, on real servers and on those that say odd things of it.
@Suite(.scratch, .argumentsInTurn) struct S3VersionTests {
    /// The laws of metadata and of versions, in buckets that keep all of it.
    @Test(arguments: [S3Server.Kind.moto, .radosgw, .seaweedfs], [S3Server.BucketForm.versioned])
    func bucketsKeepVersions(_ kind: S3Server.Kind, _ form: S3Server.BucketForm) async throws {
        let service = try await Self.open(kind, form)
        let laws = Law.all.filter { !$0.needs.isDisjoint(with: [.metadata, .versions]) }
        #expect(laws.count >= 6)
        for law in laws {
            let subject = LawSubject(service, boundary: 5 << 20)
            #expect(try await law.verify(on: subject) == .kept, "\(law)")
        }
    }

    /// What is stored is locked for the days that were said, by one request and in parts; what a test leaves is not.
    @Test(arguments: [S3Server.Kind.moto, .seaweedfs]) func whatIsStoredIsLocked(_ kind: S3Server.Kind) async throws {
        let lock: [String: FieldValue] = ["object_lock": .text("governance"), "lock_days": .integer(3)]
        let service = try await Self.open(kind, .locked, lock)
        let before = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        for (text, count) in [("cars/x", 10), ("cars/long", (5 << 20) + 1)] {
            let name = try name(text)
            // moto takes no notice of a lock where an upload in parts begins, and that is seen.
            guard kind != .moto || count == 10 else {
                let body = Body([UInt8](repeating: 7, count: count))
                #expect(await failure { try await service.put(name, body) }?.code == .unsupported)
                continue
            }
            _ = try await service.put(name, Body([UInt8](repeating: 7, count: count)))
            let lock = try #require(try await service.stat(name).lock)
            let days = Double((lock.until ?? before).milliseconds - before.milliseconds) / 86_400_000
            #expect(lock.mode == "governance" && !lock.isHeld && (2.99...3.01).contains(days), "\(lock)")
            // Its name goes, and what had it stays.
            try await service.delete(name)
            var kept: [KeptVersion] = []
            for try await page in service.versions(of: name) { kept += page }
            #expect(kept.map(\.isRemoval) == [true, false])
            #expect(try await service.stat(name, kept: kept[1].id).lock?.until == lock.until)
        }
        let canary = try name(ObjectName.canaries + "x")
        _ = try await service.put(canary, Body([1]))
        let mode = try await service.stat(canary).lock?.mode
        #expect(mode == nil)
    }

    @Test(arguments: [S3Server.Kind.moto, .seaweedfs])
    func aBucketWithoutLocksLocksNothing(_ kind: S3Server.Kind) async throws {
        let lock: [String: FieldValue] = ["object_lock": .text("compliance"), "lock_days": .integer(1)]
        let service = try await Self.open(kind, .plain, lock)
        let error = await failure { try await service.put(name("x"), Body([1])) }
        #expect(error?.code == .badSettings && error?.message.contains("object_lock") == true, "\(error as Any)")
        #expect(await failure { try await service.stat(name("x")) }?.code == .notFound)
    }

    @Test(arguments: [
        ("governance", 0, false), ("off", 3, false), ("compliance", 40_000, false), ("governance", 3, true),
    ])
    func locksHaveTheirDays(_ mode: String, _ days: Int64, isRight: Bool) {
        var settings = S3Settings()
        settings.bucket = "bkt"
        settings.objectLock = S3Settings.ObjectLock(rawValue: mode) ?? .off
        settings.lockDays = Int(days)
        var code: StorageError.Code?
        do throws(StorageError) { try S3.check(settings) } catch { code = error.code }
        #expect(code == (isRight ? nil : .badSettings))
    }

    /// Where a lock keeps something there that was to go by its name, it is said until when.
    @Test func aRefusalSaysUntilWhenItIsLocked() async throws {
        let server = ScriptedServer { (request, _) in
            guard request.method == "HEAD" else { return reply(403, [:], fault("AccessDenied")) }
            let lock = [
                "x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2026-02-01T00:00:00Z",
            ]
            return reply(200, lock.merging(["ETag": "\"x\"", "Content-Length": "1"]) { one, _ in one })
        }
        let service = try server.service(retries: 3)
        let error = await failure { try await service.delete(name("x")) }
        #expect(error?.code == .permissionDenied && error?.retry == .never && error?.mayHaveHappened == false)
        #expect(error?.message.contains("locked until 2026-02-01T00:00:00.000Z (compliance)") == true)
        #expect(server.requests.count { $0.method == "DELETE" } == 1)
    }

    /// What is to be locked was stored well only where the service says that it is, for as long, and in that mode.
    @Test(arguments: [
        ("GOVERNANCE", "2026-01-04T12:00:01Z", true), ("GOVERNANCE", "2026-01-09T12:00:00Z", true),
        ("GOVERNANCE", "2026-01-04T12:00:00Z", false), ("COMPLIANCE", "2026-01-04T12:00:01Z", false),
        ("GOVERNANCE", "soon", false), ("", "", false),
    ])
    func aLockIsBelievedWhereItIsSeen(_ mode: String, _ until: String, isSeen: Bool) async throws {
        let server = ScriptedServer { (request, _) in
            guard request.method == "HEAD" else { return reply(200, ["ETag": "\"900150983cd24fb0d6963f7d28e17f72\""]) }
            var fields = ["ETag": "\"900150983cd24fb0d6963f7d28e17f72\"", "Content-Length": "3"]
            if !mode.isEmpty {
                fields["x-amz-object-lock-mode"] = mode
                fields["x-amz-object-lock-retain-until-date"] = until
            }
            return reply(200, fields)
        }
        var settings = S3Settings()
        (settings.objectLock, settings.lockDays) = (.governance, 3)
        let service = try server.service(settings)
        let error = await failure { try await service.put(name("x"), Body(Array("abc".utf8))) }
        #expect(error?.code == (isSeen ? nil : .unsupported) && error?.mayHaveHappened == (isSeen ? nil : true))
    }

    // MARK: Odd answers

    private static func list(_ inner: String, truncated: Bool = false) -> String {
        "<ListVersionsResult><Prefix>x</Prefix><IsTruncated>\(truncated)</IsTruncated>\(inner)</ListVersionsResult>"
    }

    private static func version(_ id: String, of key: String = "x", at second: Int = 0, latest: Bool = false) -> String
    {
        """
        <Version><Key>\(key)</Key><VersionId>\(id)</VersionId><IsLatest>\(latest)</IsLatest><Size>3</Size>\
        <LastModified>2026-01-01T00:00:0\(second)Z</LastModified></Version>
        """
    }

    private static func next(_ key: String, _ version: String) -> String {
        "<NextKeyMarker>\(key)</NextKeyMarker><NextVersionIdMarker>\(version)</NextVersionIdMarker>"
    }

    private func versions(_ pages: [String]) async throws -> [KeptVersion] {
        let server = ScriptedServer { (_, number) in reply(200, [:], pages[min(number, pages.count) - 1]) }
        var found: [KeptVersion] = []
        for try await page in try server.service().versions(of: name("x")) { found += page }
        return found
    }

    @Test func versionsComePageByPageAndWithoutThoseOfLongerNames() async throws {
        let removal = "<DeleteMarker><Key>x</Key><VersionId>d</VersionId><IsLatest>true</IsLatest></DeleteMarker>"
        let first = Self.list(Self.version("b", at: 2) + removal + Self.next("x", "b"), truncated: true)
        let second = Self.list(
            Self.version("a", at: 1) + Self.version("z", of: "x.y") + Self.next("x.y", "z"),
            truncated: true
        )
        let found = try await versions([first, second, "<Never/>"])
        #expect(found.map(\.id) == ["d", "b", "a"] && found.map(\.isRemoval) == [true, false, false])
        #expect(found[2].length == 3)
    }

    @Test(arguments: [
        "", "<html>Log in</html>", "<ListVersionsResult></ListVersionsResult>",
        list(version("a", of: "other")), list(version("a") + version("a")),
        list(version("a", latest: true) + version("b", latest: true)), list(version("a b")),
        list(version("a"), truncated: true), list(version("a") + next("x", "a"), truncated: true),
        list(version("a") + "<NextKeyMarker>x</NextKeyMarker>", truncated: true),
        list(next("x", "a"), truncated: true), list(version("a") + next("other", "a"), truncated: true),
        "<ListVersionsResult><Prefix>y</Prefix><IsTruncated>false</IsTruncated></ListVersionsResult>",
    ])
    func oddListsAreErrors(_ page: String) async {
        await #expect(throws: StorageError.self) { try await versions([page]) }
    }

    private static func open(
        _ kind: S3Server.Kind,
        _ form: S3Server.BucketForm,
        _ more: [String: FieldValue] = [:]
    ) async throws -> any StorageService {
        let server = try await S3Server.running(kind)
        var values: [String: FieldValue] = [
            "endpoint": .text(server.endpoint), "region": .text(server.region),
            "bucket": .text(try await server.sharedBucket(form)), "prefix": .text("kept/\(UUID().uuidString)"),
            "access_key_id": .text(server.accessKeyID), "secret_access_key": .text(server.secretAccessKey),
            "part_size": .integer(5 << 20), "multipart_threshold": .integer(5 << 20),
        ]
        values.merge(more) { _, new in new }
        return try #require(try await Subject.open("s3", values).objects)
    }
}
