internal import HTTPClient
internal import Schema
internal import Storage
internal import XML

/// What a server says of a name.
struct WebDAVEntry: Sendable {
    /// The name below the root; empty for the root itself.
    let name: String
    let isFolder: Bool
    let length: UInt64?
    let modified: Timestamp?
    /// How many bytes are left, where it says so.
    let free: UInt64?

    /// What is said of an object.
    func info(_ name: ObjectName, place: String? = nil) -> ObjectInfo {
        ObjectInfo(name: name, length: length, modified: modified, place: place)
    }

    /// The namespace of what is asked for and answered, whatever prefix stands for it (RFC 4918 §21.1).
    static let space = "DAV:"

    /// The question of which this is the answer: nothing is asked for that needs other names than DAV's own.
    static let question = """
        <?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/>\
        <getlastmodified/><quota-available-bytes/></prop></propfind>
        """

    private static let limits = XMLLimits(elements: 2_000_000)

    /// Reads a 207 (RFC 4918 §13); nil for anything else, and where something in it was left out.
    ///
    /// What has no name below the root stands under nil.
    static func read(_ body: [UInt8], _ target: WebDAVTarget) -> [WebDAVEntry?]? {
        var entries: [WebDAVEntry?] = []
        var isWhole = true
        let root = try? parseXML(
            HTTPFailures.document(body),
            limits: limits,
            passing: "response",
            to: { response in
                guard response.space == space else { return }
                // Of what went away while the list was made, it says so.
                if let status = response.dav("status"), !isSuccess(status) {
                    isWhole = isWhole && [404, 410].contains(code(status))
                    return
                }
                guard let reference = response.dav("href")?.text.filter({ !$0.isWhitespace }),
                    let properties = Self.properties(of: response)
                else {
                    isWhole = false
                    return
                }
                entries.append(target.name(reference).map { WebDAVEntry($0, properties) })
            }
        )
        guard let root, root.name == "multistatus", root.space == space, isWhole else { return nil }
        return entries
    }

    /// The properties that the server has; nil where it tells of none.
    private static func properties(of response: XMLElement) -> [XMLElement]? {
        let all = response.children(named: "propstat", in: space)
        let found = all.filter { $0.dav("status").map(isSuccess) ?? false }
        return found.isEmpty ? nil : found.flatMap { $0.dav("prop")?.children ?? [] }.filter { $0.space == space }
    }

    private init(_ name: String, _ properties: [XMLElement]) {
        self.name = name
        func text(_ name: String) -> String? {
            properties.first { $0.name == name }?.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        func number(_ name: String) -> UInt64? { text(name).flatMap { $0.isEmpty ? nil : httpNumber($0) } }
        isFolder = properties.contains { $0.name == "resourcetype" && $0.dav("collection") != nil }
        length = isFolder ? nil : number("getcontentlength")
        modified = text("getlastmodified").flatMap(HTTPText.date)
        free = number("quota-available-bytes")
    }

    /// The code in `HTTP/1.1 200 OK`.
    private static func code(_ status: XMLElement) -> Int? {
        let words = status.text.split(whereSeparator: \.isWhitespace)
        return words.count > 1 ? Int(words[1]) : nil
    }

    private static func isSuccess(_ status: XMLElement) -> Bool { code(status).map { (200..<300) ~= $0 } ?? false }
}

extension XMLElement {
    /// The first child with this local name that is of WebDAV.
    fileprivate func dav(_ name: String) -> XMLElement? { children(named: name, in: WebDAVEntry.space).first }
}
