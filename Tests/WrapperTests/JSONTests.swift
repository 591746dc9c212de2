import JSONReading
import Testing

@Suite struct JSONTests {
    private func events(_ text: String, _ limits: JSONLimits = JSONLimits()) throws -> [JSONEvent] {
        var events: [JSONEvent] = []
        try readJSON(text.utf8, limits: limits) { events.append($0) }
        return events
    }

    private func code(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> JSONError.Code? {
        do throws(JSONError) {
            try readJSON(bytes, limits: limits) { _ in }
            return nil
        } catch {
            return error.code
        }
    }

    private func code(_ text: String, _ limits: JSONLimits = JSONLimits()) -> JSONError.Code? {
        code(Array(text.utf8), limits)
    }

    @Test func eventsComeInTheOrderOfTheText() throws {
        let found = try events(#" {"a": [1, -2.5, null], "b": {"c": true}, "": false} "#)
        #expect(
            found == [
                .object, .name("a"), .array, .integer(1), .real(-2.5), .null, .arrayEnd, .name("b"), .object,
                .name("c"), .bool(true), .objectEnd, .name(""), .bool(false), .objectEnd,
            ]
        )
    }

    /// A size that a service tells may need all 64 bits, and a rounded one would be another.
    @Test func wholeNumbersAreExactOrRefused() throws {
        #expect(
            try events("[9223372036854775807, -9223372036854775808, 18446744073709551615, 9007199254740993, -0]") == [
                .array, .integer(.max), .integer(.min), .natural(.max), .integer(9_007_199_254_740_993), .integer(0),
                .arrayEnd,
            ]
        )
        for text in ["18446744073709551616", "-9223372036854775809", String(repeating: "9", count: 400)] {
            #expect(code(text) == (text.count > 300 ? .malformed : .numberTooLarge), "\(text.prefix(20))")
        }
        #expect(try events("1e2") == [.real(100)])
        #expect(code("1e999") == .malformed)
    }

    @Test func textsAreWhatTheirEscapesSay() throws {
        #expect(try events(#""\u00e9\ud83d\ude00\n\u0000""#) == [.string("é😀\n\u{0}")])
    }

    @Test(arguments: [
        "", " ", "nul", "[1,]", "{\"a\"}", "{a:1}", "[1] [2]", "[1]x", "'a'", "// c\n1", "01", "+1", ".5", "NaN",
        "\"\t\"", "\"\\x\"", #""\ud800""#, "[", "[1", "{\"a\":", "\u{FEFF}1",
    ]) func whatIsNoJSONIsRefused(_ text: String) {
        #expect(code(text) == .malformed)
    }

    /// The parser would take what stands before a zero for all of it.
    @Test func bytesThatAreNoTextAreRefused() {
        #expect(code([0x31, 0x00, 0x78]) == .malformed)
        #expect(code([0x31, 0x00]) == .malformed)
        for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] {
            #expect(code([0x22] + bytes + [0x22]) == .malformed)
        }
    }

    @Test func limitsAreKept() {
        #expect(code(#"{"a": 1, "b": 2, "a": 3}"#) == .repeatedName)
        #expect(code(#"[{"a": 1}, {"a": {"a": 2}}]"#) == nil)
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(code(deep) == nil)
        #expect(code("[\(deep)]") == .tooDeep)
        // Nobody waits for the end of what is too deep.
        #expect(code(String(repeating: #"{"a":"#, count: 1_000_000)) == .tooDeep)
        #expect(code("[1,2,3]", JSONLimits(values: 5)) == nil)
        #expect(code("[1,2,3]", JSONLimits(values: 4)) == .tooLarge)
        #expect(code("[1,2]", JSONLimits(bytes: 5)) == nil)
        #expect(code("[1,2]", JSONLimits(bytes: 4)) == .tooLarge)
    }
}
