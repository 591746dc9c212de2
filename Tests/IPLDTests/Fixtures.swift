import Foundation
import IPLD
import Multiformats
import Testing

/// Files that the tests read: those of this repository, and public ones that may be absent.
enum Fixtures {
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let kubo = packageRoot.appending(path: "Tests/Fixtures/kubo-vectors")

    static func bytes(_ url: URL) throws -> [UInt8] { Array(try Data(contentsOf: url)) }

    /// The names of the archives in this repository.
    static let archives: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: kubo.appending(path: "cars").path)) ?? []
        return names.sorted()
    }()

    /// A table of the committed vectors.
    static func kuboTable<T: Decodable>(_ type: T.Type, _ name: String) throws -> T {
        try JSONDecoder().decode(type, from: Data(contentsOf: kubo.appending(path: name)))
    }

    static func archive(_ name: String) throws -> [UInt8] {
        try bytes(kubo.appending(path: "cars").appending(path: name))
    }

    /// A public file or folder; cancels the test where it is absent, unless it must run.
    static func shared(_ path: String) throws -> URL {
        let environment = ProcessInfo.processInfo.environment
        let folder = environment["IPFS_KIT_FIXTURES"].map { URL(filePath: $0) }
        let url = (folder ?? packageRoot.appending(path: "../shared/fixtures")).appending(path: path)
        if !FileManager.default.fileExists(atPath: url.path) {
            let mustRun = environment["IPFS_KIT_MUST_RUN"]?.contains("fixtures") ?? false
            if mustRun { Issue.record("The public fixture \(path) is absent.") }
            try Test.cancel("The public fixture \(path) is absent.")
        }
        return url
    }

    /// All files below a public folder, with their paths.
    static func sharedFiles(_ path: String, ending: String) throws -> [URL] {
        let folder = try shared(path)
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return names.filter { $0.hasSuffix(ending) }.sorted().map { folder.appending(path: $0) }
    }

    static func bytes(hex: String) throws -> [UInt8] { try Multibase.base16.decodeWithoutPrefix(hex) }
}

/// An archive read whole.
struct Archive {
    var header = CARHeader(roots: [])
    var blocks: [Block] = []
    var offsets: [Int] = []

    /// Reads `bytes` in pieces of `chunk` bytes.
    init(_ bytes: [UInt8], chunk: Int = .max, verifies: Bool = true) throws(DecodingProblem) {
        var parser = CARParser(verifiesBlocks: verifies)
        var start = 0
        while start < bytes.count {
            let end = start + min(chunk, bytes.count - start)
            parser.feed(bytes[start..<end])
            start = end
            while let event = try parser.next() {
                switch event {
                case .header(let found): header = found
                case .section(let section):
                    blocks.append(section.block)
                    offsets.append(section.dataOffset)
                }
            }
        }
        try parser.finish()
    }

    var byCID: [CID: Block] { Dictionary(blocks.map { ($0.cid, $0) }, uniquingKeysWith: { first, _ in first }) }
}
