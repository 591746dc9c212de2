/// A moment in UTC, in milliseconds since 1970.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Reads RFC 3339 and its cousins: a space for `T`, any number of decimals, no zone meaning UTC.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        func number(_ start: Int, _ count: Int) -> Int? {
            guard bytes.count >= start + count else { return nil }
            var value = 0
            for byte in bytes[start..<start + count] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), year >= 1,
            (1...12).contains(month), (1...31).contains(day), bytes[4] == 0x2D, bytes[7] == 0x2D
        else { return nil }
        var milliseconds = Int64(Self.days(year, month, day)) * 86_400_000
        var position = 10
        if bytes.count > 10 {
            guard let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2), hour < 24,
                minute < 60, second <= 60
            else { return nil }
            milliseconds += Int64((hour * 60 + minute) * 60 + second) * 1000
            position = 19
            if position < bytes.count, bytes[position] == 0x2E {
                var scale: Int64 = 100
                position += 1
                while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
                    milliseconds += Int64(bytes[position] - 0x30) * scale
                    scale /= 10
                    position += 1
                }
            }
        }
        switch bytes[position...].first {
        case nil: break
        case 0x5A, 0x7A: guard position + 1 == bytes.count else { return nil }
        case 0x2B, 0x2D:
            guard let hours = number(position + 1, 2), let minutes = number(position + 4, 2) else { return nil }
            let offset = Int64(hours * 60 + minutes) * 60_000
            milliseconds += bytes[position] == 0x2B ? -offset : offset
        default: return nil
        }
        self.milliseconds = milliseconds
    }

    /// RFC 3339 in UTC with milliseconds: `2026-07-30T19:44:19.863Z`.
    package var description: String { "\(day)T\(clock).\(Self.padded(parts.fraction, 3))Z" }

    /// The day alone: `2026-07-30`.
    package var day: String {
        let (year, month, day) = Self.civil(parts.days)
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
    }

    /// The time of day to the second: `19:44:19`.
    package var clock: String {
        let second = parts.second
        return "\(Self.padded(second / 3600, 2)):\(Self.padded(second / 60 % 60, 2)):\(Self.padded(second % 60, 2))"
    }

    /// The moment in the basic form of ISO 8601 without fraction: `20260730T194419Z`.
    package var compact: String {
        "\(day)T\(clock)Z".filter { $0 != "-" && $0 != ":" }
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    private var parts: (days: Int, second: Int, fraction: Int) {
        var days = milliseconds / 86_400_000
        var rest = milliseconds % 86_400_000
        if rest < 0 {
            rest += 86_400_000
            days -= 1
        }
        return (Int(days), Int(rest / 1000), Int(rest % 1000))
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// Days since 1970 of a date in the Gregorian calendar; eras of 400 years make it exact without tables.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
