internal import Schema

extension Timestamp {
    /// How long ago it was, in words, such as “3 days ago”.
    func ago(at now: Timestamp) -> String {
        let seconds = (now.milliseconds - milliseconds) / 1000
        func words(_ number: Int64, _ unit: String) -> String { "\(number) \(unit)\(number == 1 ? "" : "s") ago" }
        switch seconds {
        case ..<0: return "at a time that has not come"
        case 0..<60: return "just now"
        case 60..<3600: return words(seconds / 60, "minute")
        case 3600..<86_400: return words(seconds / 3600, "hour")
        default: return words(seconds / 86_400, "day")
        }
    }

    /// The day and the time of day to the second.
    var toTheSecond: String { "\(day) \(clock)" }
}
