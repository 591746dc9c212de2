internal import Schema

/// How far the running work is, and the line that says so.
///
/// Times are in milliseconds of any one clock.
package struct ProgressMeter: Sendable {
    private struct Sample: Sendable {
        let time: Int64
        let items: Int
        let bytes: UInt64
    }

    /// The rate is that of the last seconds.
    private static let window: Int64 = 5000
    /// Samples closer to one another than this are one.
    private static let step: Int64 = 200
    private static let longestBar = 30

    private var title = ""
    private var items = 0
    private var bytes: UInt64 = 0
    private var allItems: Int?
    private var allBytes: UInt64?
    private var samples: [Sample] = []

    package init() {}

    /// What there is to do, as far as that is known.
    package mutating func expect(_ title: String, items: Int?, bytes: UInt64?) {
        (self.title, allItems, allBytes) = (title, items, bytes)
    }

    /// So many items and bytes are done by now; fewer than before are those of other work.
    package mutating func reached(items: Int, bytes: UInt64 = 0, at time: Int64) {
        if items < self.items || bytes < self.bytes || samples.isEmpty {
            samples = [Sample(time: time, items: 0, bytes: 0)]
        }
        (self.items, self.bytes) = (items, bytes)
        if let last = samples.last, samples.count > 1, time - last.time < Self.step { samples.removeLast() }
        samples.append(Sample(time: time, items: self.items, bytes: self.bytes))
        // The oldest sample stays when it is the only one before the window.
        while samples.count > 2, samples[1].time <= time - Self.window { samples.removeFirst() }
    }

    /// The line to show at `time`, at most `width` cells long.
    package func line(width: Int, at time: Int64) -> String {
        let share = share
        let after = ([share.map { "\(Int($0 * 100))%" }] + counts + [rate(at: time), timeLeft(at: time)])
            .compactMap(\.self).joined(separator: "  ")
        let name = DisplayText(title).shortened(to: max(8, width / 3))
        var line = name.text
        let room = width - name.width - DisplayText(after).width - 6
        if let share, room >= 8 {
            let length = min(room, Self.longestBar)
            let full = Int(Double(length) * share)
            line += "  [" + String(repeating: "=", count: full) + String(repeating: " ", count: length - full) + "]"
        }
        if !after.isEmpty { line += "  " + after }
        return DisplayText(line).shortened(to: width).text
    }

    /// The part that is done, from 0 to 1, by bytes where their total is known; nil where nothing can be said.
    private var share: Double? {
        if let allBytes, allBytes > 0 { return min(1, Double(bytes) / Double(allBytes)) }
        if let allItems, allItems > 0 { return min(1, Double(items) / Double(allItems)) }
        return nil
    }

    private var counts: [String?] {
        let itemCount = allItems.map { "\(items)/\($0)" } ?? (items > 0 ? "\(items)" : nil)
        let byteCount = allBytes.map { "\(ByteCount(bytes)) of \(ByteCount($0))" }
        return [itemCount, byteCount ?? (bytes > 0 ? "\(ByteCount(bytes))" : nil)]
    }

    private func rate(at time: Int64) -> String? {
        guard let (perSecond, _) = speeds(at: time), perSecond >= 1 else { return nil }
        return "\(ByteCount(UInt64(perSecond)))/s"
    }

    private func timeLeft(at time: Int64) -> String? {
        guard let (bytesPerSecond, itemsPerSecond) = speeds(at: time) else { return nil }
        let seconds: Double
        if let allBytes, allBytes > bytes {
            seconds = Double(allBytes - bytes) / bytesPerSecond
        } else if allBytes == nil, let allItems, allItems > items {
            seconds = Double(allItems - items) / itemsPerSecond
        } else {
            return nil
        }
        guard seconds.isFinite, seconds < 360_000 else { return nil }
        let whole = Int(seconds.rounded(.up))
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        let clock = hours > 0 ? "\(hours):\(Self.two(minutes)):\(Self.two(rest))" : "\(minutes):\(Self.two(rest))"
        return clock + " left"
    }

    /// Bytes and items a second since the oldest sample; nil before there is enough to tell.
    private func speeds(at time: Int64) -> (bytes: Double, items: Double)? {
        guard let oldest = samples.first, time - oldest.time >= 500 else { return nil }
        let seconds = Double(time - oldest.time) / 1000
        return (Double(bytes &- oldest.bytes) / seconds, Double(items - oldest.items) / seconds)
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
