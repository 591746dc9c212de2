import Digests
import Foundation
import Multiformats
import Schema
import Storage
import StorageLaws
import TestKit

extension Subject {
    /// It keeps nothing: what laws store is put where it is fetched from.
    static let aria2 = [
        Subject(
            name: "aria2",
            type: "aria2",
            boundary: 1 << 20,
            keepsObjects: false,
            stocked: { try await openStocked() },
            open: { try await openFetching() },
            openTroubled: { throw StorageError(.unsupported, "There are no objects that troubles could be about.") }
        )
    ]

    /// Opens a backend that fetches what something else keeps, which stores for it.
    static func openStocked() async throws -> any ContentService {
        let giver = try await URLGiver()
        return AlteredContent(try await openFetching([:], offering: URLGiver.offers(of: [giver]))) {
            $0.capabilities.formUnion([.write, .delete, .takesBytes])
            // There is no index beside what is fetched.
            $0.capabilities.subtract(.rangeReads)
            $0.onStore = { (upload) async throws(StorageError) in
                let bytes = try await collect(try await upload.car().open(), limit: 1 << 30)
                try await giver.store(upload, digest(.sha256, of: bytes))
                return .stored(Location("\(upload.root)"), proof: nil)
            }
            $0.onRemove = { (root) async throws(StorageError) in try await giver.remove(root) }
        }
    }

    /// Opens a backend that fetches what is offered, with a daemon of its own; it has to be closed.
    static func openFetching(
        _ values: [String: FieldValue] = [:],
        retries: Int = 3,
        timeout: Int = 30,
        timing: Timing = Timing(now: { Int64(Date().timeIntervalSince1970 * 1000) }),
        meter: Meter = Meter(),
        at state: String? = nil,
        offering offers: @escaping Offers.Source = { (_, _) in Offers() }
    ) async throws -> any ContentService {
        try Requirement.check("aria2", program: "aria2c")
        return try await open(
            "aria2",
            values,
            retries: retries,
            timeout: timeout,
            timing: timing,
            meter: meter,
            state: state ?? Scratch.current + "/state-\(UUID().uuidString)",
            offers: offers
        )
    }
}

/// A backend over S3 that gives URLs of what was put there, through a proxy where one is named.
///
/// It is not over moto, which cannot check who asks where that stands in the URL.
struct URLGiver: Sendable {
    let content: any ContentService
    let name: String
    private let known = Locked<[CID: (location: Location, sha256: [UInt8]?)]>([:])

    init(_ name: String = "giver", _ kind: S3Server.Kind = .rclone, at endpoint: String? = nil) async throws {
        let server = try await S3Server.running(kind)
        let values: [String: FieldValue] = [
            "endpoint": .text(endpoint ?? server.endpoint), "bucket": .text(try await server.sharedBucket()),
            "prefix": .text("aria2-\(UUID().uuidString)/"), "region": .text(server.region),
            "access_key_id": .text(server.accessKeyID), "secret_access_key": .text(server.secretAccessKey),
        ]
        self.name = name
        content = try await Subject.open("s3", values)
    }

    /// Stores an archive whose digest is known, or said to be another one, or not known.
    func store(_ upload: Upload, _ sha256: [UInt8]?) async throws(StorageError) {
        guard case .stored(let location, _) = try await content.store(upload) else { return }
        known.change { $0[upload.root] = (location, sha256) }
    }

    /// Stores an archive whose digest is known.
    func store(_ archive: SampleArchive) async throws(StorageError) {
        try await store(archive.upload, digest(.sha256, of: archive.bytes))
    }

    /// Puts other bytes in the place of an archive that is there.
    func replace(_ archive: SampleArchive, by bytes: [UInt8]) async throws {
        let location = try content.location(for: archive.root)
        guard let name = ObjectName(location?.path ?? ""), let objects = content.objects else { return }
        _ = try await objects.put(name, Body(bytes))
    }

    func remove(_ root: CID) async throws(StorageError) {
        known.change { $0[root] = nil }
        try await content.remove(root, at: nil)
    }

    /// What it gives of a root: nothing of what is not there.
    func copy(of root: CID) async throws(StorageError) -> Offers.Copy? {
        guard let (location, sha256) = known.read({ $0[root] }) else { return nil }
        let end = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000) + 3_600_000)
        let urls = try await content.urls(of: root, at: location, until: end)
        return Offers.Copy(backend: name, at: location, urls: urls, sha256: sha256)
    }

    /// What several of them give.
    static func offers(of givers: [URLGiver]) -> Offers.Source {
        { (root, _) async throws(StorageError) in
            var copies: [Offers.Copy] = []
            for giver in givers { if let copy = try await giver.copy(of: root) { copies.append(copy) } }
            return Offers(copies)
        }
    }
}
