/// The name of a host in which a word stands for a place, such as a region: `s3.REGION.example.com`.
struct HostPattern: Sendable {
    private let before: String
    private let after: String

    /// Nil for a text in which `REGION` does not stand.
    init?(_ text: String) {
        let mark = "REGION"
        guard let start = text.indices.first(where: { text[$0...].hasPrefix(mark) }) else { return nil }
        (before, after) = (String(text[..<start]), String(text[start...].dropFirst(mark.count)))
    }

    /// The host of a place.
    func host(in place: String) -> String { before + place + after }

    /// The word for the place in the name of a host; nil for another host.
    func place(in name: String) -> String? {
        guard name.hasPrefix(before), name.hasSuffix(after), name.utf8.count > before.utf8.count + after.utf8.count
        else { return nil }
        return String(name.dropFirst(before.count).dropLast(after.count))
    }
}
