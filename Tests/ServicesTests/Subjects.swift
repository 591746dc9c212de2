import Foundation
import Schema
import Services
import Storage
import StorageLaws
import TestKit
import Testing

/// A backend of one type on a real place, for the laws.
enum Subject: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case filesystem
    case s3OverMoto
    case s3OverRclone
    case s3OverRadosgw

    var testDescription: String { rawValue }

    /// The word for the type in a backend file.
    var type: String { self == .filesystem ? "filesystem" : "s3" }

    /// The length, in bytes, around which the service begins to divide uploads.
    var boundary: Int { self == .filesystem ? 256 << 10 : 5 << 20 }

    /// Laws that the server itself breaks, by their titles, and a part of the sentence that says how.
    ///
    /// rclone replaces objects in place: Amazon's own client, too, reads bytes there that nobody stored. While an object
    /// is replaced it sends more bytes than it announced, and it answers 501 to one of two uploads that end together.
    var weaknesses: [String: [String]] {
        guard self == .s3OverRclone else { return [:] }
        return [
            "two writers of one name leave one of the two whole": [
                "that none of them stored", "cannot do that", "cannot do it now", "was replaced while",
            ],
            "a reader during a replacement sees the old or the new": [
                "that were never stored", "not valid HTTP", "was replaced while",
            ],
        ]
    }

    /// Opens a backend on an empty place of its own.
    func open() async throws -> any Replica {
        switch self {
        case .filesystem: try await Self.open("filesystem", ["path": .text(Scratch.current)])
        case .s3OverMoto: try await Self.open(.moto)
        case .s3OverRclone: try await Self.open(.rclone)
        case .s3OverRadosgw: try await Self.open(.radosgw)
        }
    }

    /// Opens a backend of a type by its settings.
    static func open(_ type: String, _ values: [String: FieldValue], retries: Int = 3) async throws -> any Replica {
        let row = try #require(ServiceRow.named(type))
        var operational = OperationalSettings()
        operational.retryCount = retries
        let context = ServiceContext(
            backend: "subject",
            type: type,
            operational: operational,
            timing: Timing(now: systemTime),
            environment: { _ in nil },
            gate: OpenGate()
        )
        return try await row.open(values, in: context, meter: Meter())
    }

    private static func open(_ kind: S3Server.Kind) async throws -> any Replica {
        let server = try await S3Server.running(kind)
        return try await open("s3", settings(of: server, bucket: try await server.sharedBucket()))
    }

    /// The settings of an S3 backend in a bucket of the server; small parts, so that the laws see uploads in parts.
    static func settings(of server: S3Server, bucket: String, endpoint: String? = nil) -> [String: FieldValue] {
        [
            "endpoint": .text(endpoint ?? server.endpoint), "region": .text(server.region), "bucket": .text(bucket),
            "prefix": .text("kept/\(UUID().uuidString)"), "access_key_id": .text(server.accessKeyID),
            "secret_access_key": .text(server.secretAccessKey), "part_size": .integer(5 << 20),
            "multipart_threshold": .integer(5 << 20),
        ]
    }

    private static let systemTime: @Sendable () -> Int64 = {
        Int64(Date().timeIntervalSince1970 * 1000)
    }
}
