extension YAMLNode {
    /// The text of a scalar of any style: `5` is "5" here, for a setting that is text however it is written.
    package var string: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// Whether this is a plain `null`, `~` or nothing at all.
    package var isNull: Bool {
        plainText.map { PlainScalar.isNull($0) } ?? false
    }

    /// The truth value of a plain scalar by YAML 1.1: true/false, yes/no, on/off.
    package var bool: Bool? {
        plainText.flatMap { PlainScalar.bool($0) }
    }

    /// The whole number of a plain scalar by YAML 1.1 (decimal, `0x`, `0b`, `0o` or leading-zero octal, `_` between).
    package var integer: Int64? {
        plainText.flatMap { PlainScalar.integer($0) }
    }

    /// The number of a plain scalar, whole or not.
    package var double: Double? {
        plainText.flatMap { PlainScalar.double($0) }
    }

    private var plainText: String? {
        if case .scalar(let text, .plain) = content { text } else { nil }
    }

    static func plainText(of value: Double) -> String {
        if value.isNaN { return ".nan" }
        if value.isInfinite { return value < 0 ? "-.inf" : ".inf" }
        // YAML 1.1 wants a point in the mantissa and a sign in the exponent: 1e+20 alone would be text.
        let text = value.description
        guard let exponent = text.firstIndex(of: "e"), !text[..<exponent].contains(".") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }
}
