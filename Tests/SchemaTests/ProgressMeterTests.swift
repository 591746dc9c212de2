import Arguments
import Testing

@Suite struct ProgressMeterTests {
    @Test func `known totals give a bar, a share, a rate and the time left`() {
        var meter = ProgressMeter()
        meter.began("upload", items: nil, bytes: 100 << 20, at: 0)
        for second in 1...10 { meter.add(bytes: 5 << 20, at: Int64(second) * 1000) }
        let line = meter.line(width: 100, at: 10_000)
        #expect(line == "upload  [===============               ]  50%  50 MiB of 100 MiB  5 MiB/s  0:10 left")
    }

    @Test func `the rate is that of the last seconds`() {
        var meter = ProgressMeter()
        meter.began("x", items: nil, bytes: nil, at: 0)
        meter.add(bytes: 1 << 30, at: 1000)
        for second in 2...20 { meter.add(bytes: 1 << 20, at: Int64(second) * 1000) }
        #expect(meter.line(width: 80, at: 20_000).hasSuffix("  1 MiB/s"))
    }

    @Test func `without totals there are counts`() {
        var meter = ProgressMeter()
        meter.began("add", items: nil, bytes: nil, at: 0)
        meter.add(items: 3, at: 100)
        #expect(meter.line(width: 80, at: 100) == "add  3")
    }

    @Test func `items give the share where bytes are not known`() {
        var meter = ProgressMeter()
        meter.began("verify", items: 4, bytes: nil, at: 0)
        meter.add(items: 1, at: 1000)
        #expect(meter.line(width: 30, at: 1000) == "verify  25%  1/4  0:03 left")
    }

    @Test func `parts at once are one line, and the next part starts anew`() {
        var meter = ProgressMeter()
        meter.began("a", items: 2, bytes: nil, at: 0)
        meter.began("b", items: 2, bytes: nil, at: 0)
        meter.add(items: 1, at: 1)
        meter.ended()
        #expect(meter.isActive)
        #expect(meter.line(width: 20, at: 1) == "b  25%  1/4")
        meter.ended()
        meter.ended()
        #expect(!meter.isActive)
        meter.began("c", items: 1, bytes: nil, at: 5)
        #expect(meter.line(width: 40, at: 5).hasSuffix("0%  0/1"))
    }

    @Test(arguments: [1, 5, 8, 20, 33, 60, 200])
    func `the line fits the terminal`(width: Int) {
        var meter = ProgressMeter()
        meter.began("日本 a very long title\u{1B}[2J of something", items: 10, bytes: 1 << 40, at: 0)
        meter.add(items: 20, bytes: 1 << 50, at: 900)
        let line = meter.line(width: width, at: 900)
        #expect(DisplayText(line).width <= width)
        #expect(!line.contains("\u{1B}"))
    }
}
