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
    let optionSets: [String: ImportOptions]
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
        let isCut = size > 100_000 && size <= longStream.count && seed == "ipfs-kit"
        return isCut ? Array(longStream.prefix(size)) : stream(seed: seed, size: size)
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

/// An option set of the table: the parameters of Kubo's `add` that change a root.
struct ImportOptions: Decodable, Sendable {
    private enum CodingKeys: String, CodingKey {
        case profile, chunker, hash, trickle, inline, mode, mtime, hidden
        case cidVersion = "cid-version"
        case rawLeaves = "raw-leaves"
        case inlineLimit = "inline-limit"
        case nanoseconds = "mtime-nsecs"
        case wraps = "wrap-with-directory"
        case maxFileLinks = "max-file-links"
        case maxDirectoryLinks = "max-directory-links"
        case maxHAMTFanout = "max-hamt-fanout"
        case emptyDirectories = "empty-dirs"
    }

    var profile: String?
    var chunker: String?
    var hash: String?
    var trickle: Bool?
    var inline: Bool?
    var mode: UInt32?
    var mtime: Int64?
    var hidden: Bool?
    var cidVersion: Int?
    var rawLeaves: Bool?
    var inlineLimit: Int?
    var nanoseconds: UInt32?
    var wraps: Bool?
    var maxFileLinks: Int?
    var maxDirectoryLinks: Int?
    var maxHAMTFanout: Int?
    var emptyDirectories: Bool?

    var metadata: FileMetadata {
        FileMetadata(mode: mode, modified: mtime.map { UnixFSNode.Time(seconds: $0, nanoseconds: nanoseconds ?? 0) })
    }

    /// The profile that these options come to.
    func importProfile() throws -> ImportProfile {
        var choices = ImportChoices()
        choices.cidVersion = cidVersion
        choices.hash = try hash.map { try #require(HashCode(name: $0)) }
        choices.rawLeaves = rawLeaves
        choices.chunker = try chunker.map { try Chunker($0) }
        choices.maxFileLinks = maxFileLinks
        choices.maxDirectoryLinks = maxDirectoryLinks
        choices.maxHAMTFanout = maxHAMTFanout
        choices.trickle = trickle ?? false
        choices.inlineLimit = inline == true ? inlineLimit ?? 32 : nil
        choices.keepsMetadata = !metadata.isEmpty
        let base = try profile.map { try #require(ImportProfile(named: $0)) } ?? .unixfsV0_2015
        return try choices.applied(to: base)
    }

    /// The options of that name.
    init(_ name: String) throws {
        self = try #require(try KuboVectors.loaded.get().optionSets[name])
    }
}
