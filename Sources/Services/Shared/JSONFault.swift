internal import Schema

/// What a JSON document says that tells of an error.
///
/// `{"error":{"reason":"NOT_FOUND","details":"…"}}` and its relatives.
struct JSONFault: Error, Sendable {
    /// A word for it, as it came.
    let reason: String
    /// The service's sentence, as it came.
    let details: String

    /// Reads an error document; nil for anything else.
    init?(_ body: [UInt8]) {
        guard let json = try? JSON(reading: body), let error = json["error"] else { return nil }
        if let text = error.string {
            (reason, details) = (text, json["details"]?.string ?? json["message"]?.string ?? "")
            return
        }
        guard let word = ["reason", "code", "message"].compactMap({ error[$0]?.string }).first else { return nil }
        (reason, details) = (word, error["details"]?.string ?? error["message"]?.string ?? "")
    }
}
