internal import HTTPClient
internal import Schema
internal import Storage

extension ObjectVersion {
    /// The version that the ETag of a reply stands for; nil for one that may be that of other bytes too.
    ///
    /// That is a weak one (RFC 9110 §8.8.1), and one that is made of the second in which the object was written, as
    /// nginx and others do, until that second is over by the clock of the server (RFC 9110 §8.8.2.2).
    init?(_ headers: HTTPHeaders) {
        guard let etag = headers["ETag"], !etag.hasPrefix("W/"), etag.utf8.count <= 1024 else { return nil }
        let text = etag.filter { $0 != "\"" }
        guard !text.isEmpty, !Self.mayRepeat(text, headers) else { return nil }
        self.init(text)
    }

    private static func mayRepeat(_ etag: String, _ headers: HTTPHeaders) -> Bool {
        guard let written = headers["Last-Modified"].flatMap(HTTPText.date) else { return false }
        let second = written.milliseconds / 1000
        // The parts of such an ETag are numbers to the base of 16, of 36, or of 10.
        let isOfSecond = [16, 36, 10].contains { etag.lowercased().contains(String(second, radix: $0)) }
        guard isOfSecond else { return false }
        return headers["Date"].flatMap(HTTPText.date).map { $0.milliseconds / 1000 - second < 2 } ?? true
    }
}
