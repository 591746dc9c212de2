import Foundation
import TestKit
import Testing

/// A backend beside a directory, for processes that are killed.
enum Place: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case directory, rclone, radosgw

    var testDescription: String { rawValue }

    /// Makes the backend `other` of a user, and returns what looks at it from outside.
    func create(for user: inout User) async throws -> Outside {
        switch self {
        case .directory: return .directory(try await user.createDisk("other"))
        case .rclone, .radosgw:
            let bucket = try await Bucket.make(self == .rclone ? .rclone : .radosgw)
            try await user.createS3("other", bucket)
            return .bucket(bucket)
        }
    }
}

/// A backend as others see it.
enum Outside: Sendable {
    case directory(String)
    case bucket(Bucket)

    /// The names of all objects.
    func names() async throws -> Set<String> {
        switch self {
        case .directory(let path): Set(try Trees.files(in: path))
        case .bucket(let bucket): Set(try await bucket.names())
        }
    }

    /// How many uploads in parts are not finished; only the strictest server tells.
    func unfinished() async throws -> Int {
        guard case .bucket(let bucket) = self, bucket.server.kind == .radosgw else { return 0 }
        return try await bucket.unfinished()
    }

    /// Makes everything there look as if nobody had touched it for two days.
    func age() throws {
        guard case .directory(let path) = self else { return }
        let old = Date(timeIntervalSinceNow: -200_000)
        for name in try Trees.files(in: path) {
            try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: "\(path)/\(name)")
        }
    }
}
