/// What a scalar without quotes means, by the rules of YAML 1.1 that PyYAML's safe loader follows.
enum PlainScalar {
    static func isNull(_ text: String) -> Bool {
        ["", "~", "null", "Null", "NULL"].contains(text)
    }

    static func bool(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": true
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": false
        default: nil
        }
    }

    static func integer(_ text: String) -> Int64? {
        let (sign, digits) = splitSign(text)
        let (radix, start) =
            if digits.hasPrefix("0x") {
                (16, 2)
            } else if digits.hasPrefix("0b") {
                (2, 2)
            } else if digits.hasPrefix("0o") {
                (8, 2)
            } else if digits.hasPrefix("0") && digits.count > 1 {
                (8, 1)
            } else {
                (10, 0)
            }
        let number = digits.dropFirst(start)
        guard
            number.utf8.first.map({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") })
                == true
        else { return nil }
        return Int64(sign + number.filter { $0 != "_" }, radix: radix)
    }

    static func double(_ text: String) -> Double? {
        if let integer = integer(text) { return Double(integer) }
        let (sign, number) = splitSign(text)
        switch number {
        case ".inf", ".Inf", ".INF": return sign == "-" ? -.infinity : .infinity
        case ".nan", ".NaN", ".NAN": return sign.isEmpty ? .nan : nil
        default: break
        }
        // `Double` itself would also take hexadecimal floats, "infinity" and "nan".
        guard let first = number.utf8.first, isDigit(first) || first == UInt8(ascii: "."),
            number.utf8.contains(where: isDigit)
        else { return nil }
        let allowed = number.utf8.allSatisfy { isDigit($0) || ".eE+-_".utf8.contains($0) }
        return allowed ? Double(sign + number.filter { $0 != "_" }) : nil
    }

    /// Whether some YAML reader, of version 1.1 or 1.2, would take the plain `text` for anything but text.
    static func isAmbiguous(_ text: String) -> Bool {
        if isNull(text) || bool(text) != nil || double(text) != nil { return true }
        if ["y", "Y", "n", "N", "=", "<<"].contains(text) { return true }
        // Dates and sexagesimal numbers (1:30) are made of digits and little else, and so are numbers too large for
        // the types above.
        guard let first = splitSign(text).1.utf8.first, isDigit(first) || first == UInt8(ascii: ".") else {
            return false
        }
        return text.utf8.allSatisfy { isDigit($0) || "+-.:_ TtZzeExXoObBaAcCdDfF".utf8.contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func splitSign(_ text: String) -> (String, Substring) {
        if text.hasPrefix("-") { return ("-", text.dropFirst()) }
        if text.hasPrefix("+") { return ("", text.dropFirst()) }
        return ("", text[...])
    }
}
