import Foundation
import IPLD
import Multiformats
import Testing

/// The table of inputs and the root CIDs that Kubo gives them.
struct KuboVectors: Decodable {
    struct Content: Decodable {
        var seed: String?
        var utf8: String?
        var hex: String?
        var `repeat`: String?
        var size: Int?
    }

    struct Entry: Decodable {
        let path: String
        let type: String
        var content: Content?
        var target: String?
    }

    struct Pattern: Decodable {
        let count: Int
        let name: String
    }

    struct Input: Decodable {
        let id: String
        let kind: String
        var content: Content?
        var size: Int?
        var sha256: String?
        var entries: [Entry]?
        var pattern: Pattern?
    }

    struct Vector: Decodable, Sendable, CustomTestStringConvertible {
        let input: String
        let options: String
        let cid: String
        var testDescription: String { "\(input) \(options)" }
    }

    struct IPIP499: Decodable, Sendable, CustomTestStringConvertible {
        let profile: String
        let kind: String
        let seed: String
        var size: Int?
        var files: Int?
        var nameLen: Int?
        var lastNameLen: Int?
        let cid: String
        var testDescription: String { "\(profile) \(kind) \(size ?? lastNameLen ?? 0)" }
    }

    let inputs: [Input]
    let vectors: [Vector]
    let ipip499: [IPIP499]

    static let loaded: Result<KuboVectors, any Error> = Result {
        let data = try Data(contentsOf: Fixtures.kubo.appending(path: "vectors.json"))
        return try JSONDecoder().decode(KuboVectors.self, from: data)
    }

    static func input(_ id: String) throws -> Input {
        try #require(try loaded.get().inputs.first { $0.id == id })
    }

    /// The stream that most inputs are cut from: 45.6 MB, made once.
    private static let longStream = stream(seed: "ipfs-kit", size: 45_613_057)

    static func bytes(_ content: Content) throws -> [UInt8] {
        let size = content.size ?? 0
        if let text = content.utf8 { return Array(text.utf8) }
        if let hex = content.hex { return try Fixtures.bytes(hex: hex) }
        if let pattern = content.repeat {
            let unit = try Fixtures.bytes(hex: pattern)
            // Doubling copies whole arrays; a lazy sequence would be passed byte by byte in a debug build.
            var bytes = unit
            while bytes.count < size { bytes += bytes }
            return Array(bytes[..<size])
        }
        let seed = try #require(content.seed)
        return size > 100_000 && seed == "ipfs-kit" ? Array(longStream.prefix(size)) : stream(seed: seed, size: size)
    }

    /// SHA-256(seed ‖ 0) ‖ SHA-256(seed ‖ 1) ‖ …, the counters as 8 bytes.
    private static func stream(seed: String, size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + 32)
        var message = Array(seed.utf8) + [UInt8](repeating: 0, count: 8)
        while bytes.count < size {
            bytes.append(contentsOf: Multihash.sha256(of: message).digest)
            var place = message.count - 1
            message[place] &+= 1
            while message[place] == 0, place > 0 {
                place -= 1
                message[place] &+= 1
            }
        }
        return Array(bytes.prefix(size))
    }
}

/// How an option set of the table maps to this module: a profile, and what the walk over a folder does.
struct ImportOptions {
    let profile: ImportProfile
    var wraps = false
    var takesHidden = false
    var takesEmptyDirectories = true

    /// The options of that name, or nil where they are beyond what is implemented.
    init?(_ name: String) {
        switch name {
        case "default", "wrap", "hidden", "no-empty-dirs": profile = .unixfsV0_2015
        case "v0-raw": profile = .test(.v0, raw: true)
        case "v1", "v1-wrap": profile = .test(.v1, raw: true)
        case "v1-noraw": profile = .test(.v1, raw: false)
        case "v1-1m": profile = .test(.v1, raw: true, chunk: 1 << 20)
        case "v1-2025": profile = .unixfsV1_2025
        case "c64": profile = .test(.v0, raw: false, chunk: 64)
        case "v1-c64": profile = .test(.v1, raw: true, chunk: 64)
        case "c1000-l2": profile = .test(.v0, raw: false, chunk: 1000, links: 2)
        case "v1-c1000-l3": profile = .test(.v1, raw: true, chunk: 1000, links: 3)
        default: return nil
        }
        wraps = name.hasSuffix("wrap")
        takesHidden = name == "hidden"
        takesEmptyDirectories = name != "no-empty-dirs"
    }
}

extension ImportProfile {
    static func test(
        _ version: CID.Version,
        raw: Bool,
        chunk: Int = 1 << 18,
        links: Int = 174
    ) -> ImportProfile {
        ImportProfile(
            name: "test",
            cids: version == .v0 ? .v0 : .v1,
            chunker: .size(chunk),
            rawLeaves: raw,
            maxFileLinks: links,
            sharding: Sharding(estimate: .links)
        )
    }
}
