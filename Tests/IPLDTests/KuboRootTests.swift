import Foundation
import IPLD
import Multiformats
import Testing

@Suite struct KuboRootTests {
    /// The vectors of a usual run; all of them where `IPFS_KIT_ALL_VECTORS` is set.
    static let vectors: [KuboVectors.Vector] = {
        guard let table = try? KuboVectors.loaded.get() else { return [] }
        if ProcessInfo.processInfo.environment["IPFS_KIT_ALL_VECTORS"] != nil { return table.vectors }
        let inputs = Dictionary(uniqueKeysWithValues: table.inputs.map { ($0.id, $0) })
        return table.vectors.filter { vector in
            // Large inputs take minutes in a debug build and show nothing more with every option set.
            let size = inputs[vector.input]?.size ?? 0
            let count = inputs[vector.input]?.pattern?.count ?? 0
            let isKey = ["default", "v1-2025"].contains(vector.options) || vector.input == "174x174x64+1"
            let options = table.optionSets[vector.options]
            let isSlow = options?.chunker.map { $0.hasPrefix("rabin") || $0.contains("64") } ?? false
            return size <= (isSlow ? 600_000 : isKey ? 50_000_000 : 5_000_000) && (count <= 1000 || isKey)
        }
    }()

    @Test(arguments: vectors.indices)
    func rootIsTheOneOfKubo(index: Int) throws {
        let vector = Self.vectors[index]
        var importer = try TestImporter(ImportOptions(vector.options))
        let root = try importer.add(try KuboVectors.input(vector.input))
        #expect(root.description == vector.cid, "\(vector)")
    }

    @Test func thereAreVectors() {
        #expect(Self.vectors.count > 700)
    }

    static let profileVectors = ((try? KuboVectors.loaded.get())?.ipip499 ?? []).filter { vector in
        (vector.size ?? 0) < 2_000_000 || ProcessInfo.processInfo.environment["IPFS_KIT_ALL_VECTORS"] != nil
    }

    @Test(arguments: profileVectors)
    func profilesGiveTheRootsOfIPIP499(vector: KuboVectors.IPIP499) throws {
        let profile = try #require(ImportProfile(named: vector.profile))
        var importer = TestImporter(profile)
        if let size = vector.size {
            #expect(try importer.file(ChaCha20.stream(seed: vector.seed, count: size)).cid.description == vector.cid)
            return
        }
        let child = try importer.file([0x78])
        let nameLength = try #require(vector.nameLen)
        let count = try #require(vector.files)
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz01234567890-_".utf8)
        let stream = ChaCha20.stream(seed: vector.seed, count: count * nameLength + 64)
        var directory = DirectoryBuilder(profile: profile)
        for index in 0..<count {
            let length = index == count - 1 ? try #require(vector.lastNameLen) : nameLength
            let start = index * nameLength
            let name = stream[start..<(start + length)].map { alphabet[Int($0) % 39] }
            try directory.add(name: name, cid: child.cid, tsize: child.tsize)
        }
        #expect(try importer.build(directory).cid.description == vector.cid)
    }
}

/// The key stream of ChaCha20 (RFC 8439 §2.3) under SHA-256 of a seed, nonce zero, counter from zero.
private enum ChaCha20 {
    static func stream(seed: String, count: Int) -> [UInt8] {
        let key = Array(Multihash.sha256(of: Array(seed.utf8)).digest)
        var start: [UInt32] = [0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574]
        for word in 0..<8 {
            start.append((0..<4).reduce(UInt32(0)) { $0 | UInt32(key[4 * word + $1]) << UInt32(8 * $1) })
        }
        start += [0, 0, 0, 0]
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 64)
        while bytes.count < count {
            var state = start
            for _ in 0..<10 { doubleRound(&state) }
            for index in 0..<16 {
                let word = state[index] &+ start[index]
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: word >> shift))
                }
            }
            start[12] &+= 1
        }
        return Array(bytes.prefix(count))
    }

    private static func doubleRound(_ state: inout [UInt32]) {
        for column in 0..<4 { quarter(&state, column, column + 4, column + 8, column + 12) }
        for diagonal in 0..<4 {
            quarter(&state, diagonal, 4 + (diagonal + 1) % 4, 8 + (diagonal + 2) % 4, 12 + (diagonal + 3) % 4)
        }
    }

    private static func quarter(_ state: inout [UInt32], _ a: Int, _ b: Int, _ c: Int, _ d: Int) {
        for (left, right) in [(16, 12), (8, 7)] as [(UInt32, UInt32)] {
            state[a] &+= state[b]
            state[d] = rotate(state[d] ^ state[a], left)
            state[c] &+= state[d]
            state[b] = rotate(state[b] ^ state[c], right)
        }
    }

    private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value << count | value >> (32 - count) }
}
