import Foundation
import Schema
import StorageLaws
import TestKit

extension Subject {
    /// Nothing stands between us and a disk that could go wrong, and it computes no digests.
    static let localDirectory = [
        Subject(
            name: "filesystem",
            type: "filesystem",
            boundary: 256 << 10,
            exceptions: impossible(wireTroubles).union(["The service lacks what it takes: digest."]),
            open: { try await open("filesystem", ["path": .text(Scratch.current)]) },
            openTroubled: {
                // It goes away, and the folder of the test stays.
                let folder = Scratch.current + "/\(UUID().uuidString)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                let content = try await open("filesystem", ["path": .text(folder)], retries: 1)
                return (content, DirectoryTroubles(root: folder))
            }
        )
    ]
}
