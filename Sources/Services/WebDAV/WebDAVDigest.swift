internal import Digests

/// What a server asks for that wants a password proven by a digest (RFC 7616).
struct WebDAVDigest: Sendable, Equatable {
    private let realm: String
    private let nonce: String
    private let opaque: String?
    private let algorithm: String
    private let hasQuality: Bool

    private static let functions: [String: HashFunction] = ["MD5": .md5, "SHA-256": .sha256]

    /// The best of the challenges in the fields of a reply that is understood here; nil for none.
    static func best(_ fields: [String]) -> WebDAVDigest? {
        let understood = fields.compactMap { WebDAVDigest($0) }
        return understood.first { $0.algorithm == "SHA-256" } ?? understood.first
    }

    /// Reads one field, which has one challenge, or in which it is the last.
    private init?(_ field: String) {
        let bytes = Array(field.utf8)
        guard bytes.count <= 4096, bytes.allSatisfy({ $0 < 0x80 }),
            let start = Array(field.lowercased().utf8).firstRange(of: Array("digest ".utf8))?.upperBound
        else { return nil }
        let values = Self.parameters(bytes[start...])
        let algorithm = values["algorithm"]?.uppercased() ?? "MD5"
        guard let realm = values["realm"], let nonce = values["nonce"], !nonce.isEmpty,
            Self.functions[algorithm] != nil
        else { return nil }
        let qualities = values["qop"]?.split { $0 == "," || $0 == " " }
        guard qualities?.contains("auth") ?? true else { return nil }
        (self.realm, self.nonce, self.algorithm, opaque) = (realm, nonce, algorithm, values["opaque"])
        hasQuality = qualities != nil
    }

    /// The value of `Authorization` for one request, the `count`th with this nonce.
    func authorization(
        _ method: String,
        _ route: String,
        user: String,
        password: String,
        count: Int,
        own: String = hex(randomBytes(16))
    ) -> String {
        let function = Self.functions[algorithm] ?? .md5
        func digest(_ text: String) -> String {
            var hash = RunningHash(function)
            hash.update(Array(text.utf8))
            return hex(hash.digest())
        }
        let (who, request) = (digest("\(user):\(realm):\(password)"), digest("\(method):\(route)"))
        let number = String(count, radix: 16)
        let order = String(repeating: "0", count: max(0, 8 - number.count)) + number
        let middle = hasQuality ? "\(nonce):\(order):\(own):auth" : nonce
        var parts = [
            "username=\(Self.quoted(user))", "realm=\(Self.quoted(realm))", "nonce=\(Self.quoted(nonce))",
            "uri=\(Self.quoted(route))", "response=\"\(digest("\(who):\(middle):\(request)"))\"",
            "algorithm=\(algorithm)",
        ]
        if hasQuality { parts += ["qop=auth", "nc=\(order)", "cnonce=\"\(own)\""] }
        if let opaque { parts.append("opaque=\(Self.quoted(opaque))") }
        return "Digest " + parts.joined(separator: ", ")
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : "\($1)" } + "\""
    }

    /// Names and values, as they stand between commas, with quotes or without.
    private static func parameters(_ text: ArraySlice<UInt8>) -> [String: String] {
        var values: [String: String] = [:]
        var rest = text
        while !rest.isEmpty {
            let name = String(decoding: rest.prefix { $0 != 0x3D && $0 != 0x2C }, as: UTF8.self)
            rest = rest.dropFirst(name.utf8.count)
            guard rest.popFirst() == 0x3D else { continue }
            var value: [UInt8] = []
            if rest.first == 0x22 {
                rest.removeFirst()
                while let byte = rest.popFirst(), byte != 0x22 {
                    if byte == 0x5C, let next = rest.popFirst() { value.append(next) } else { value.append(byte) }
                }
                rest = rest.drop { $0 != 0x2C }.dropFirst()
            } else {
                value = Array(rest.prefix { $0 != 0x2C })
                rest = rest.dropFirst(value.count + 1)
            }
            let key = name.lowercased().filter { !$0.isWhitespace }
            values[key] = String(decoding: value, as: UTF8.self)
        }
        return values
    }
}
