import IPLD
import Multiformats
import Testing

@Suite struct KuboRootTests {
    /// Directories above the threshold of their profile, which need a HAMT.
    static func needsShards(_ vector: KuboVectors.Vector) -> Bool {
        switch vector.input {
        case "d-20000": true
        case "d-5699": true
        case "d-5698": vector.options != "default"
        case "d-h30-4097": true
        case "d-h30-4096", "d-h28-4097": vector.options.hasPrefix("v1") || vector.options == "v0-raw"
        case "d-h28-4096": vector.options == "v1-2025"
        default: false
        }
    }

    static let vectors: [KuboVectors.Vector] = {
        guard let table = try? KuboVectors.loaded.get() else { return [] }
        let inputs = Dictionary(uniqueKeysWithValues: table.inputs.map { ($0.id, $0) })
        return table.vectors.filter { vector in
            guard let options = ImportOptions(vector.options) else { return false }
            // Large inputs take minutes in a debug build and show nothing more with every option set.
            let size = inputs[vector.input]?.size ?? 0
            let isLarge =
                size > 5_000_000 || size / options.profile.chunker.longest > 4000
                || (inputs[vector.input]?.pattern?.count ?? 0) > 1000
            let isKey = ["default", "v1-2025"].contains(vector.options) || vector.input == "174x174x64+1"
            return size <= 50_000_000 && (!isLarge || isKey)
        }
    }()

    @Test(arguments: vectors)
    func rootIsTheOneOfKubo(vector: KuboVectors.Vector) throws {
        let options = try #require(ImportOptions(vector.options))
        var importer = TestImporter(options)
        do {
            let root = try importer.add(try KuboVectors.input(vector.input))
            #expect(root.description == vector.cid)
            #expect(!Self.needsShards(vector), "flat after all")
        } catch let problem as DecodingProblem {
            #expect(problem.code == .unsupported && problem.message.contains("HAMT"))
            #expect(Self.needsShards(vector), "\(problem)")
        }
    }

    @Test func thereAreVectors() {
        #expect(Self.vectors.count > 250)
    }

    static let profileVectors = ((try? KuboVectors.loaded.get())?.ipip499 ?? []).filter { ($0.size ?? 0) < 2_000_000 }

    @Test(arguments: profileVectors)
    func profilesGiveTheRootsOfIPIP499(vector: KuboVectors.IPIP499) throws {
        let profile = try #require(ImportProfile(named: vector.profile))
        var options = try #require(ImportOptions("default"))
        if profile == .unixfsV1_2025 { options = try #require(ImportOptions("v1-2025")) }
        var importer = TestImporter(options)
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
        do {
            for index in 0..<count {
                let length = index == count - 1 ? try #require(vector.lastNameLen) : nameLength
                let start = index * nameLength
                let name = stream[start..<(start + length)].map { alphabet[Int($0) % 39] }
                try directory.add(name: name, cid: child.cid, tsize: child.tsize)
            }
            #expect(try directory.build().block.cid.description == vector.cid)
        } catch let problem as DecodingProblem {
            #expect(problem.code == .unsupported && vector.lastNameLen == 22)
        }
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
