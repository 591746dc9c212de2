import JSONReading
import Schema
import Testing

@Suite struct JSONReadingTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let value: JSON = [
            "text": "a\u{0}\"\u{7F}é", "empty": [], "none": .null, "nested": [["x": [1, 2, ["y": false]]], [:]],
            "small": .integer(.min), "large": .natural(.max), "half": .number(0.5),
        ]
        #expect(try JSON(reading: value.compact.utf8) == value)
        #expect(try JSON(reading: value.indented.utf8) == value)
    }

    @Test func membersAreAskedForByName() throws {
        let value = try JSON(reading: #"{"a": 18446744073709551615, "b": -1, "c": "x", "d": [1]}"#.utf8)
        #expect(value["a"]?.natural == .max && value["b"]?.natural == nil)
        #expect(value["c"]?.string == "x" && value["d"]?.string == nil)
        #expect(value["d"]?.items == [1] && value["e"] == nil)
    }

    @Test func aLongListTakesTimeThatGrowsWithItsLength() throws {
        let text = "[" + (0..<200_000).map { #"{"name":"\#($0)"}"# }.joined(separator: ",") + "]"
        #expect(try JSON(reading: text.utf8).items?.count == 200_000)
    }
}
