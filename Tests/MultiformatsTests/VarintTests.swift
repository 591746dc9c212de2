import Multiformats
import Testing

@Suite struct VarintTests {
    @Test(
        arguments: [
            (1, [0x01]), (127, [0x7F]), (128, [0x80, 0x01]), (255, [0xFF, 0x01]), (300, [0xAC, 0x02]),
            (16384, [0x80, 0x80, 0x01]), (0, [0x00]),
            (UInt64(Int64.max), [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]),
        ] as [(UInt64, [UInt8])]
    )
    func goesBothWays(value: UInt64, bytes: [UInt8]) throws {
        #expect(Varint.encode(value) == bytes)
        #expect(Varint.length(value) == bytes.count)
        #expect(try Varint.decode(bytes) == value)
    }

    @Test(
        arguments: [
            ([], .truncated), ([0x80], .truncated), ([0x80, 0x00], .notMinimal), ([0x01, 0x01], .trailingBytes),
            ([UInt8](repeating: 0xFF, count: 9) + [0x01], .overflow), ([UInt8](repeating: 0x80, count: 9), .overflow),
        ] as [([UInt8], FormatProblem.Code)]
    )
    func refusesWhatIsNoVarint(bytes: [UInt8], code: FormatProblem.Code) {
        let problem = #expect(throws: FormatProblem.self) { try Varint.decode(bytes) }
        #expect(problem?.code == code)
    }
}
