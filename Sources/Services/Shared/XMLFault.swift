internal import XML

/// What an XML document says that tells of an error.
struct XMLFault: Error, Hashable {
    /// The word for the error, as it came: `NoSuchKey`.
    let code: String
    /// The server's sentence, as it came.
    let message: String
    /// The other texts in it by the names of their elements.
    let details: [String: String]

    /// An error of which only a word is known.
    init(code: String) { (self.code, message, details) = (code, "", [:]) }

    /// Reads an `<Error>` document; nil for anything else.
    init?(_ body: [UInt8]) {
        let limits = XMLLimits(depth: 16, elements: 500, bytes: 1 << 20)
        guard !body.isEmpty, let root = try? parseXML(body, limits: limits) else { return nil }
        self.init(root)
    }

    /// Takes an element that is an error; nil for another.
    init?(_ element: XMLElement) {
        // Around it there is nothing, or a document of the service's own; anybody may quote an error.
        let isOwn = element.name.hasSuffix("Response") || element.name.hasSuffix("Result")
        guard let error = element.name == "Error" ? element : isOwn ? element["Error"] : nil,
            let code = error["Code"]?.text
        else { return nil }
        // Nothing is taken out of it: what hides secrets would not know them again.
        let word = String(code.drop(while: \.isWhitespace))
        guard !word.isEmpty else { return nil }
        self.code = word
        message = error["Message"]?.text ?? ""
        details = Dictionary(error.children.map { ($0.name, $0.text) }) { first, _ in first }
    }
}
