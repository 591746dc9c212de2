import Schema
import Testing

@Suite struct ValueTests {
    @Test(
        arguments: [
            ("4096", 4096), ("16MiB", 16 << 20), ("1.5 GB", 1_500_000_000), ("2g", 2 << 30), ("1_000", 1000), ("0", 0),
            ("0.5k", 512), ("1TB", 1_000_000_000_000), ("5 PiB", 5 << 50), ("10b", 10),
            ("", nil), ("MiB", nil), ("-1", nil), ("1.2.3", nil), ("1e3", nil), ("5XB", nil), ("99999999PB", nil),
            ("nan", nil), ("inf", nil), ("5 KiBs", nil), ("٣", nil),
        ] as [(String, UInt64?)]
    )
    func `sizes are read`(text: String, bytes: UInt64?) {
        #expect(ByteCount(text)?.bytes == bytes)
    }

    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (1 << 20, "1 MiB"),
            (UInt64.max, "16384 PiB"),
        ] as [(UInt64, String)]
    )
    func `sizes are written with one decimal`(bytes: UInt64, text: String) {
        #expect("\(ByteCount(bytes))" == text)
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1969-12-31T23:59:59.999Z", -1), ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2024-02-29", 1_709_164_800_000), ("2026-07-30 19:44:19.863359", 1_785_440_659_863),
            ("2026-07-30T21:44:19.863+02:00", 1_785_440_659_863), ("1970-01-01T00:00:00-00:30", 1_800_000),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("1970-01-01t00:00:00z", 0), ("1970-01-01T00:00:00.5Z", 500),
            ("2023-13-01", nil), ("2023-00-01", nil),
            ("2023-01-00", nil), ("2023-01-01T24:00:00Z", nil), ("2023-01-01T00:60:00Z", nil),
            ("2023-01-01T00:00", nil),
            ("2023-01-01T00:00:00ZZ", nil), ("2023-01-01T00:00:00+2", nil),

            ("2023/01/01", nil), ("", nil),
        ] as [(String, Int64?)]
    )
    func `times are read`(text: String, milliseconds: Int64?) {
        #expect(Timestamp(text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "2023-02-29", "1900-02-29", "2023-04-31", "2023-01-01T00:00:00+02:00x", "2023-01-01X00:00:00Z",
        "2023-01-01T00-00-00Z", "2023-01-01T00:00:00+99:99", "2023-01-01T00:00:00.Z",
    ])
    func `times that do not exist are refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `a size that rounds up to the next unit is written in it`() {
        #expect("\(ByteCount((1 << 20) - 1))" == "1 MiB")
    }

    @Test(arguments: [0, -1, 951_782_400_000, -62_135_596_800_000, 253_402_300_799_999, 1_785_440_659_863] as [Int64])
    func `a time comes back from its text`(milliseconds: Int64) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(Timestamp(time.description) == time)
        #expect(time.description.utf8.count == 24)
    }

    @Test(arguments: [253_402_300_800_000, 254_096_000_000_000, .max, -62_135_596_800_001, .min] as [Int64])
    func `a time beyond all calendars is written as the nearest one`(milliseconds: Int64) {
        let text = Timestamp(milliseconds: milliseconds).description
        #expect(text.utf8.count == 24)
        let end: Int64 = milliseconds > 0 ? 253_402_300_799_999 : -62_135_596_800_000
        #expect(Timestamp(text)?.milliseconds == end)
    }

    @Test func `every day of four centuries comes back`() {
        for day in Int64(-110_000)...40_000 {
            let time = Timestamp(milliseconds: day * 86_400_000)
            guard Timestamp(time.day) == time else {
                Issue.record("\(time)")
                return
            }
        }
    }

    @Test func `a time has a compact form`() {
        #expect(Timestamp("2026-07-30T19:44:19.863Z")?.compact == "20260730T194419Z")
    }

    @Test(
        arguments: [
            (.string("a\"b\\c"), #""a\"b\\c""#), (.string("\n\r\t\u{0}\u{1F}"), #""\n\r\t\u0000\u001f""#),
            (.string("\u{7F}\u{9B}"), #""\u007f\u009b""#), (.string("ü日👩‍👧"), "\"ü日👩‍👧\""),
            (.integer(.min), "-9223372036854775808"),
            (.number(.nan), "null"), (.number(0.5), "0.5"), (.array([]), "[]"), (.object([]), "{}"),
            (["b": 1, "a": [true, .null]], #"{"b":1,"a":[true,null]}"#),
        ] as [(JSON, String)]
    )
    func `JSON is written on one line`(value: JSON, text: String) {
        #expect(value.compact == text)
    }

    @Test func `JSON is indented by two`() {
        let value: JSON = ["a": [1, .object([])], "b": "x"]
        #expect(value.indented == "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x\"\n}")
    }

    @Test(
        arguments: [
            (.integer, "-5", .integer(-5)), (.integer, "5.0", nil), (.integer, "99999999999999999999", nil),
            (.flag, "Yes", .flag(true)), (.flag, "off", .flag(false)), (.flag, "", nil),
            (.list, "a,,b", .list(["a", "b"])),
            (.list, "", .list([])), (.choice(["a", "b"]), "b", .text("b")), (.choice(["a"]), "A", nil),
            (.size, "1k", .integer(1024)), (.size, "big", nil), (.text, "", .text("")),
        ] as [(FieldKind, String, FieldValue?)]
    )
    func `kinds read their values`(kind: FieldKind, text: String, value: FieldValue?) {
        #expect((try? kind.parse(text)) == value)
    }

    @Test(arguments: [
        ("lsit", "list"), ("LIST", "list"), ("bac", "backend"), ("bakcend", "backend"), ("xyz", nil), ("", nil),
        ("b", nil),
    ])
    func `the nearest name is found when it is near`(typed: String, meant: String?) {
        #expect(nearest(to: typed, among: ["list", "backend", "version"]) == meant)
    }

    @Test func `a described type refuses what it does not know`() throws {
        #expect(throws: SchemaError.self) {
            try Sample(values: ["cids": .list(["a"]), "target": .text("b"), "x": .flag(true)])
        }
        #expect(throws: SchemaError.self) { try Sample(values: ["cids": .list(["a"])]) }
        let sample = try Sample(values: ["cids": .list(["a"]), "target": .text("b"), "access-key": .text("k")])
        #expect(sample.accessKeyID == "k")
    }

    @Test(arguments: [
        ("90", 90), ("90s", 90), ("15m", 900), ("2h30m", 9000), ("1d", 86_400), ("2w1s", 1_209_601), ("0", 0),
        ("0s", 0), ("1H", 3600),
    ])
    func `a length of time is read`(text: String, seconds: Int64) { #expect(TimeSpan(text)?.seconds == seconds) }

    @Test(arguments: ["", "-1", "-5s", "h", "5x", "5m5h", "5m5m", "1.5h", "9999999999999999w", "5 m", "1h-"])
    func `what is no length of time is refused`(text: String) { #expect(TimeSpan(text) == nil) }
}
