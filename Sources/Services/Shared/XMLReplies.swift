internal import HTTPClient
internal import Storage
internal import XML

extension HTTPFailures {
    /// Whether somebody answers with a page for people: a proxy, a portal, or a server that is none of this kind.
    ///
    /// Some services call everything a page, so what is a document of theirs, or nothing at all, is none.
    static func isPage(_ headers: HTTPHeaders, _ body: [UInt8]) -> Bool {
        let start = String(decoding: body.prefix(256), as: UTF8.self).lowercased().drop { $0.isWhitespace }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return true }
        guard !body.isEmpty, isHTML(headers) || start.hasPrefix("<") else { return false }
        let root = try? parseXML(body)
        return root == nil ? isHTML(headers) : root?.name.lowercased() == "html"
    }

    /// The document in a reply; white space may go before it, to keep the connection alive.
    static func document(_ body: [UInt8]) -> [UInt8] { Array(body.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }) }

    /// Whether the body of a reply is what a service says beside its success: nothing, or a document without an error.
    static func isPlainSuccess(_ reply: HTTPReply) -> Bool {
        guard !isPage(reply.headers, reply.body) else { return false }
        let text = document(reply.body)
        guard !text.isEmpty else { return true }
        guard let root = try? parseXML(text) else { return false }
        return XMLFault(root) == nil && root.name.hasSuffix("Result")
    }

    /// Throws where the bytes of an object are not those that are kept: a page, or another encoding of them.
    func checkKept(_ headers: HTTPHeaders, _ what: String) throws(StorageError) {
        // An object may be a page as well as anything else.
        let isOwn = own.contains { headers[$0] != nil }
        guard !Self.isHTML(headers) || isOwn else { throw foreign(what) }
        guard !Self.isEncoded(headers) else {
            throw foreign(
                what,
                "the bytes came in another encoding than they are kept in, so nobody saw them; does a proxy before "
                    + "\(host) compress what it passes on?"
            )
        }
    }
}

extension XMLElement {
    /// The whole number in the first child of that name.
    func number(_ name: String) -> UInt64? { self[name].flatMap { httpNumber($0.text) } }
}

/// Text between the tags of a document.
func xmlText(_ text: String) -> String {
    text.reduce(into: "") { escaped, character in
        switch character {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        default: escaped.append(character)
        }
    }
}
