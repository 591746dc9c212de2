/// A moment in UTC, in milliseconds since 1970.
package struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Reads RFC 3339 and its cousins: a space for `T`, any number of decimals, no zone meaning UTC, a day alone.
    package init?(_ text: String) {
        var scanner = Scanner(bytes: Array(text.utf8))
        guard let year = scanner.number(4), scanner.take("-"), let month = scanner.number(2), scanner.take("-"),
            let day = scanner.number(2), year >= 1, (1...12).contains(month),
            (1...Self.length(of: month, year)).contains(day)
        else { return nil }
        var milliseconds = Int64(Self.days(year, month, day)) * 86_400_000
        if !scanner.isAtEnd {
            guard scanner.take("T") || scanner.take("t") || scanner.take(" "), let time = scanner.timeOfDay(),
                let offset = scanner.zone(), scanner.isAtEnd
            else { return nil }
            milliseconds += time - offset
        }
        self.milliseconds = milliseconds
    }

    private static func length(of month: Int, _ year: Int) -> Int {
        let isLeap = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        return month == 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    /// RFC 3339 in UTC with milliseconds: `2026-07-30T19:44:19.863Z`.
    package var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(24)
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the same, in ASCII.
    package func append(to text: inout [UInt8]) {
        writeDay(to: &text)
        text.append(UInt8(ascii: "T"))
        writeClock(to: &text)
        text.append(UInt8(ascii: "."))
        Self.write(parts.fraction, 3, to: &text)
        text.append(UInt8(ascii: "Z"))
    }

    /// The day alone: `2026-07-30`.
    package var day: String {
        var text: [UInt8] = []
        writeDay(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The time of day to the second: `19:44:19`.
    package var clock: String {
        var text: [UInt8] = []
        writeClock(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private func writeDay(to text: inout [UInt8]) {
        let (year, month, day) = Self.civil(parts.days)
        Self.write(year, 4, to: &text)
        text.append(UInt8(ascii: "-"))
        Self.write(month, 2, to: &text)
        text.append(UInt8(ascii: "-"))
        Self.write(day, 2, to: &text)
    }

    private func writeClock(to text: inout [UInt8]) {
        let second = parts.second
        Self.write(second / 3600, 2, to: &text)
        text.append(UInt8(ascii: ":"))
        Self.write(second / 60 % 60, 2, to: &text)
        text.append(UInt8(ascii: ":"))
        Self.write(second % 60, 2, to: &text)
    }

    /// The moment in the basic form of ISO 8601 without fraction: `20260730T194419Z`.
    package var compact: String {
        "\(day)T\(clock)Z".filter { $0 != "-" && $0 != ":" }
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// What RFC 3339 has words for, the years 1 to 9999: a clock beyond them is written as the nearest one.
    package static let range: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

    /// The nearest moment for which there are words.
    package var inCalendar: Timestamp {
        Timestamp(milliseconds: min(max(milliseconds, Self.range.lowerBound), Self.range.upperBound))
    }

    private var parts: (days: Int, second: Int, fraction: Int) {
        let milliseconds = inCalendar.milliseconds
        var days = milliseconds / 86_400_000
        var rest = milliseconds % 86_400_000
        if rest < 0 {
            rest += 86_400_000
            days -= 1
        }
        return (Int(days), Int(rest / 1000), Int(rest % 1000))
    }

    /// Writes a number with so many digits, and no more has any part of a time.
    private static func write(_ number: Int, _ digits: Int, to text: inout [UInt8]) {
        let (zero, number) = (UInt8(ascii: "0"), UInt32(truncatingIfNeeded: number))
        if digits > 3 { text.append(zero + UInt8(number / 1000 % 10)) }
        if digits > 2 { text.append(zero + UInt8(number / 100 % 10)) }
        text.append(zero + UInt8(number / 10 % 10))
        text.append(zero + UInt8(number % 10))
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

/// Reads the parts of a date from left to right.
private struct Scanner {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func digit() -> Int? {
        guard position < bytes.count, (0x30...0x39).contains(bytes[position]) else { return nil }
        position += 1
        return Int(bytes[position - 1] - 0x30)
    }

    mutating func number(_ count: Int) -> Int? {
        var value = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// The time of day in milliseconds; a leap second counts as the first of the next minute.
    mutating func timeOfDay() -> Int64? {
        guard let hour = number(2), take(":"), let minute = number(2), take(":"), let second = number(2),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var milliseconds = Int64((hour * 60 + minute) * 60 + second) * 1000
        guard take(".") else { return milliseconds }
        guard var digit = digit() else { return nil }
        var scale: Int64 = 100
        while true {
            milliseconds += Int64(digit) * scale
            scale /= 10
            guard let next = self.digit() else { return milliseconds }
            digit = next
        }
    }

    /// The offset from UTC in milliseconds.
    mutating func zone() -> Int64? {
        if isAtEnd || take("Z") || take("z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(2), hours < 24 else { return nil }
        _ = take(":")
        guard let minutes = number(2), minutes < 60 else { return nil }
        return Int64(hours * 60 + minutes) * (isEast ? 60_000 : -60_000)
    }
}
