import Arguments
import Testing

@Suite struct ProgressMeterTests {
    @Test func `known totals give a bar, a share, a rate and the time left`() {
        var meter = ProgressMeter()
        meter.expect("upload", items: nil, bytes: 100 << 20)
        for second in 0...10 { meter.reached(items: 0, bytes: UInt64(second) * 5 << 20, at: Int64(second) * 1000) }
        let line = meter.line(width: 100, at: 10_000)
        #expect(line == "upload  [===============               ]  50%  50 MiB of 100 MiB  5 MiB/s  0:10 left")
    }

    @Test func `the rate is that of the last seconds`() {
        var meter = ProgressMeter()
        meter.reached(items: 0, at: 0)
        for second in 1...20 {
            meter.reached(items: 0, bytes: 1 << 30 + UInt64(second) * 1 << 20, at: Int64(second) * 1000)
        }
        #expect(meter.line(width: 80, at: 20_000).hasSuffix("  1 MiB/s"))
    }

    @Test func `without totals there are counts`() {
        var meter = ProgressMeter()
        meter.expect("add", items: nil, bytes: nil)
        meter.reached(items: 3, at: 100)
        #expect(meter.line(width: 80, at: 100) == "add  3")
    }

    @Test func `items give the share where bytes are not known`() {
        var meter = ProgressMeter()
        meter.expect("verify", items: 4, bytes: nil)
        meter.reached(items: 0, at: 0)
        meter.reached(items: 1, at: 1000)
        #expect(meter.line(width: 30, at: 1000) == "verify  25%  1/4  0:03 left")
    }

    @Test func `the next part starts anew`() {
        var meter = ProgressMeter()
        meter.expect("b", items: 4, bytes: nil)
        meter.reached(items: 0, at: 0)
        meter.reached(items: 3, at: 600_000)
        meter.expect("c", items: 2, bytes: nil)
        meter.reached(items: 0, at: 600_001)
        meter.reached(items: 1, at: 601_001)
        #expect(meter.line(width: 40, at: 601_001).hasSuffix("50%  1/2  0:01 left"))
    }

    @Test(arguments: [1, 5, 8, 20, 33, 60, 200])
    func `the line fits the terminal`(width: Int) {
        var meter = ProgressMeter()
        meter.expect("日本 a very long title\u{1B}[2J of something", items: 10, bytes: 1 << 40)
        meter.reached(items: 0, at: 0)
        meter.reached(items: 20, bytes: 1 << 50, at: 900)
        let line = meter.line(width: width, at: 900)
        #expect(DisplayText(line).width <= width)
        #expect(!line.contains("\u{1B}"))
    }
}
