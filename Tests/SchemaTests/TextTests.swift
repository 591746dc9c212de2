import Arguments
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        ("plain", "plain", 5), ("", "", 0), ("a\u{1B}[31mb", "a\\u{1b}[31mb", 12),
        ("two\nlines\t", "two\\nlines\\t", 12),
        ("\u{9B}2J", "\\u{9b}2J", 8), ("\u{7F}", "\\u{7f}", 6), ("x\u{202E}gpj", "x\\u{202e}gpj", 12),
        ("日本", "日本", 4), ("e\u{301}", "e\u{301}", 1), ("👩‍👩‍👧", "👩‍👩‍👧", 2), ("ü", "ü", 1), ("“…”", "“…”", 3),
    ])
    func `text cannot drive a terminal and knows its room`(text: String, shown: String, width: Int) {
        #expect(DisplayText(text).text == shown)
        #expect(DisplayText(text).width == width)
    }

    @Test(arguments: [
        ("abcdefghij", 10, "abcdefghij"), ("abcdefghij", 7, "abc…hij"), ("abcdefghij", 6, "abc…ij"),
        ("abcdefghij", 1, "…"), ("abcdefghij", 0, ""), ("日本語文字", 7, "日本…字"), ("ab\u{1B}cdef", 7, "ab\\…def"),
    ])
    func `text is shortened in its middle`(text: String, limit: Int, shown: String) {
        #expect(DisplayText(text).shortened(to: limit).text == shown)
        #expect(DisplayText(text).shortened(to: limit).width <= limit)
    }

    @Test func `a table fits where its columns may shrink`() {
        let table = TextTable(
            [.init("CID", mayShrink: true), .init("SIZE", isNumber: true), .init("NAME", mayShrink: true)],
            rows: [["bafyabcdefghijklmnopqrstuvwxyz", "123456789", "a name"], ["bafy2", "5"]]
        )
        #expect(
            table.lines(width: nil) == [
                "CID                                  SIZE  NAME", "bafyabcdefghijklmnopqrstuvwxyz  123456789  a name",
                "bafy2                                   5",
            ]
        )
        let narrow = table.lines(width: 30)
        #expect(narrow.allSatisfy { DisplayText($0).width <= 30 })
        #expect(narrow[1].hasPrefix("bafy") && narrow[1].contains("…") && narrow[1].hasSuffix("  a name"))
        // Numbers are never cut, even where the terminal is far too narrow.
        #expect(table.lines(width: 3)[1].contains("123456789"))
    }

    @Test func `a line break in a cell does not make a row`() {
        let table = TextTable([.init("NAME"), .init("N", isNumber: true)], rows: [["a\nb", "1"], ["日本", "22"]])
        #expect(table.lines(width: nil) == ["NAME   N", "a\\nb   1", "日本  22"])
    }

    @Test func `facts stand under one another`() {
        #expect(factLines([("Name", "x"), ("Blocks", "12"), ("None", "")]) == ["Name:   x", "Blocks: 12", "None:"])
    }

    @Test func `long text is wrapped at words`() {
        #expect(wrapped("aa bb cc dddddddd e", to: 5) == ["aa bb", "cc", "dddddddd", "e"])
        #expect(wrapped("", to: 5).isEmpty)
    }
}
