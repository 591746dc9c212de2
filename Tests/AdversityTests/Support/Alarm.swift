import Testing

/// Something that is not as it must be, with what is needed to see it again.
struct Alarm: Sendable {
    /// What was done to the program, as it can be repeated.
    let run: String
    /// What broken rule this is a case of; alarms of one kind are told together.
    let kind: String
    /// What was seen.
    let text: String
}

extension [Alarm] {
    /// Fails the test once for each kind of alarm, with the first cases of it.
    func report(_ repeatWith: String, at location: SourceLocation = #_sourceLocation) {
        for (kind, alarms) in Dictionary(grouping: self, by: \.kind).sorted(by: { $0.key < $1.key }) {
            let shown = alarms.prefix(3).map { "  \(repeatWith)='\($0.run)'\n    \($0.text)" }
            let more = alarms.count > 3 ? ["  and \(alarms.count - 3) more"] : []
            let text = (["\(kind) (\(alarms.count))"] + shown + more).joined(separator: "\n")
            Issue.record("\(text)", sourceLocation: location)
        }
    }
}
