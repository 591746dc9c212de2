import Multiformats
import Testing

/// Digests by others: Python's hashlib, and the PyPI packages blake3, pycryptodome and mmh3.
@Suite struct HashFunctionTests {
    /// The first 16 and the last 8 hexadecimal digits of the digests of nothing, of "abc", and of 5,000 bytes that
    /// count modulo 251.
    static let table = """
        sha1 da39a3ee5e6b4b0dafd80709 a9993e364706816a9cd0d89d e6937aa016bc06ed5d881ce5
        sha2-512 cf83e1357eefb8bdf927da3e ddaf35a193617abaa54ca49f f7b8464be8c23f634a085c86
        sha3-224 6b4e03423667dbb75b5a6bc7 e642824c3f8cf24a73b46fdf 4bf885b65e6797e67b45b34f
        sha3-256 a7ffc6f8bf1ed76680f8434a 3a985da74fe225b211431532 71b18b53730a528a1dbff48b
        sha3-384 0c63a75b845e4f7d58d5f004 ec01498288516fc928376d25 8df4f19b6cc23d3eef048dab
        sha3-512 a69f73cca23a9ac5281dcd26 b751850b1a57168a4eec53f0 43fd1127b2d55122c5ef793d
        shake-256 46b9dd2b0ba88d13b3b7c4be 483366601360a87701e751e4 1f6c2b98546b677216f5011f
        blake2b-256 0e5751c026e543b2f12fe3a8 bddd813c6342397268d52319 380a35589ac0b879c2277b8b
        blake2b-512 786a02f742015903fe9be2ce ba80a53f981c4d0dd4009923 e0544a2083f83329812681ca
        blake2b-160 3345524abf6bbe18790b6cf2 384264f676f3953668b6846b ac679e79e6ce671a6eaf3a6a
        blake2s-256 69217a30799080941ed0eef9 508c5e8c327c14e286675982 5b73fde71a575695810d8da5
        blake2s-160 354c9c33f73596249c34916f 5ae3b99be29b018338f8de17 7726d6afa516eb03f9197694
        blake3 af1349b9f5f9a1a6e41f3262 6437b3ac38465133d5bd9d85 ee78d92070de3df19e8f2836
        dbl-sha2-256 5df6e0e2761359d35d4c9456 4f8b42c22dd3729b3e6c6358 a01433be4b762a5bfce64225
        keccak-224 f71837502ba8e108b7390abd c30411768506ebe1a95ec6a8 ce5dad574a6bfe2ff660a1dc
        keccak-256 c5d2460186f7233c5d85a470 4e03657aea45a94fa12d6c45 96c1a7350451151428335fde
        keccak-384 2c23146a63a29acf911957ff f7df1165f033337b63e3c28e 0ccf19b0eb79c7edb09c5deb
        keccak-512 0eab42de4c3ceb923670680e 18587dc2ea106b9a9d00bb96 f4f54c317016fb03effc3ff1
        murmur3-x64-64 000000000000000000000000 b4963f3f3fad78673fad7867 b11ea61d49d274fd49d274fd
        """.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }

    static let inputs: [[UInt8]] = [[], Array("abc".utf8), (0..<5000).map { UInt8($0 % 251) }]

    @Test(arguments: table.map { $0[0] })
    func everyFunctionGivesTheDigestsOfOthers(name: String) throws {
        let row = try #require(Self.table.first { $0[0] == name })
        let code = try #require(HashCode(name: name))
        #expect(code.name == name)
        for (input, wanted) in zip(Self.inputs, row.dropFirst()) {
            let hash = try Multihash(code, of: input.span)
            let digest = Multibase.base16.encodeWithoutPrefix(Array(hash.digest))
            #expect(digest.prefix(16) + digest.suffix(8) == wanted, "\(input.count) bytes")
            #expect(hash.digest.count == code.digestLength)
            #expect(try hash.verify(input.span))
            #expect(try !hash.verify((input + [0]).span))
        }
    }

    @Test func digestsMayBeCutAndSomeMayBeLonger() throws {
        let input = Self.inputs[1]
        let whole = try Multihash(.sha512, of: input.span)
        let cut = try Multihash(.sha512, of: input.span, length: 20)
        #expect(cut.digest.elementsEqual(whole.digest.prefix(20)))
        #expect(try cut.verify(input.span))
        let long = try Multihash(.blake3, of: input.span, length: 128)
        #expect(long.digest.starts(with: try Multihash(.blake3, of: input.span).digest))
        #expect(try long.verify(input.span))
        for (code, length) in [(HashCode.sha256, 33), (.sha256, -1), (.blake3, 129), (.identity, 2)] {
            #expect(throws: FormatProblem.self) { try Multihash(code, of: input.span, length: length) }
        }
    }

    @Test func placesOfNamesInShards() {
        #expect(murmur3x64(Array("470.txt".utf8).span) == 0x006E_88DF_5847_E67C)
    }

    @Test func formatsRefuseWhatCannotBe() throws {
        let cases: [(CID.Version, HashCode, Int?, FormatProblem.Code)] = [
            (.v0, .blake3, nil, .badVersion), (.v1, .murmur3x64, nil, .notAllowed), (.v1, .sha256, 129, .tooLong),
            (.v1, HashCode(rawValue: 0xD5), nil, .unsupported), (.v1, .blake2b(length: 19), nil, .notAllowed),
        ]
        for (version, hash, limit, code) in cases {
            let problem = #expect(throws: FormatProblem.self) {
                try CIDFormat(version: version, hash: hash, inlineLimit: limit)
            }
            #expect(problem?.code == code)
        }
        let inlined = try CIDFormat(version: .v0, inlineLimit: 4).cid(of: [1, 2, 3].span, codec: .dagPB)
        #expect(inlined.version == .v1 && inlined.inlineContent == [1, 2, 3])
    }
}
