import Foundation
import Multiformats
import Testing

/// Files that the tests read: those of this repository, and public ones that may be absent.
enum Fixtures {
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func kubo<T: Decodable>(_ type: T.Type, _ name: String) throws -> T {
        let url = packageRoot.appending(path: "Tests/Fixtures/kubo-vectors").appending(path: name)
        return try JSONDecoder().decode(type, from: Data(contentsOf: url))
    }

    /// The rows of a public table; cancels the test where it is absent, unless it must run.
    static func table(_ path: String) throws -> [[String]] {
        let environment = ProcessInfo.processInfo.environment
        let folder = environment["IPFS_KIT_FIXTURES"].map { URL(filePath: $0) }
        let url = (folder ?? packageRoot.appending(path: "../shared/fixtures")).appending(path: path)
        guard let data = try? Data(contentsOf: url) else {
            let mustRun = environment["IPFS_KIT_MUST_RUN"]?.contains("fixtures") ?? false
            if mustRun { Issue.record("The public fixture \(path) is absent.") }
            try Test.cancel("The public fixture \(path) is absent.")
        }
        let text = String(decoding: data, as: UTF8.self)
        return text.split(separator: "\n").map { line in
            line.split(separator: ",", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces).trimmingCharacters(in: ["\""])
            }
        }
    }

    static func bytes(hex: String) throws -> [UInt8] {
        try Multibase.base16.decodeWithoutPrefix(hex)
    }
}
