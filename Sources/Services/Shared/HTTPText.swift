internal import Digests
internal import HTTPClient
internal import Schema

/// Notations that HTTP services share: escapes of URLs, base64 and dates.
enum HTTPText {
    /// Escapes every byte but letters, digits and `-_.~` with upper-case hexadecimal, and `/` too where it is not kept.
    static func escaped(_ text: String, keepingSlashes: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: output.append(byte)
            case 0x2F where keepingSlashes: output.append(byte)
            default: output += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Undoes the escapes of a URL, with `plusIsSpace` those of a form; nil where they are malformed.
    static func unescaped(_ text: String, plusIsSpace: Bool = false) -> String? {
        var output: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x2B where plusIsSpace: output.append(0x20)
            case 0x25:
                guard let pair = bytes(hex: String(decoding: rest.prefix(2), as: UTF8.self)), pair.count == 1 else {
                    return nil
                }
                output += pair
                rest = rest.dropFirst(2)
            default: output.append(byte)
            }
        }
        return String(validating: output, as: UTF8.self)
    }

    /// The parameters of a query as a URL has them.
    static func query(_ fields: [HTTPField]) -> String {
        fields.map { "\(escaped($0.name))=\(escaped($0.value))" }.joined(separator: "&")
    }

    /// What may be secret in a URL: the long words in its query, of which a signature is one.
    static func secrets(in url: String) -> [String] {
        let fields = url.split(separator: "?", maxSplits: 1).dropFirst().first?.split(separator: "&") ?? []
        let values = fields.map { $0.split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) ?? "" }
        return values.filter { isWord($0, besides: "-_", 24...4096) }
    }

    /// Whether a text has so many bytes, all of them letters and digits of ASCII or among `others`.
    static func isWord(_ text: String, besides others: String, _ lengths: ClosedRange<Int>) -> Bool {
        lengths.contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x61...0x7A, 0x30...0x39, 0x41...0x5A: true
                default: others.utf8.contains(byte)
                }
            }
    }

    /// The names on the way to a folder of a service; nil where there is no such way.
    static func folders(_ text: String, without others: String = "") -> [Substring]? {
        let parts = text.split(separator: "/")
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && !others.utf8.contains($0) }
        return isPlain && text.utf8.count <= 500 && !parts.contains(".") && !parts.contains("..") ? parts : nil
    }

    /// Whether a text may be a multiaddr: what it means is between those who use it.
    static func isMultiaddr(_ text: String) -> Bool {
        text.hasPrefix("/") && (2...512).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// Base64 with padding (RFC 4648 §4).
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var output: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word: UInt32 = 0
            for byte in group { word = word << 8 | UInt32(byte) }
            word <<= UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                output.append(place <= group.count ? alphabet[Int(word >> UInt32(18 - 6 * place) & 63)] : 0x3D)
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// Reads the one form of an HTTP date that is still written: `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110 §5.6.7).
    static func date(_ text: String) -> Timestamp? {
        let words = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 6, let month = months.firstIndex(of: String(words[2])), words[5] == "GMT" else {
            return nil
        }
        let padded = words[1].count == 1 ? "0\(words[1])" : String(words[1])
        return Timestamp("\(words[3])-\(month < 9 ? "0" : "")\(month + 1)-\(padded)T\(words[4])Z")
    }
}
