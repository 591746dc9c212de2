extension Multibase {
    /// The name in the multibase table.
    public var name: String {
        switch self {
        case .base2: "base2"
        case .base8: "base8"
        case .base10: "base10"
        case .base16: "base16"
        case .base16Upper: "base16upper"
        case .base32: "base32"
        case .base32Upper: "base32upper"
        case .base32Pad: "base32pad"
        case .base32PadUpper: "base32padupper"
        case .base32Hex: "base32hex"
        case .base32HexUpper: "base32hexupper"
        case .base32HexPad: "base32hexpad"
        case .base32HexPadUpper: "base32hexpadupper"
        case .base32Z: "base32z"
        case .base36: "base36"
        case .base36Upper: "base36upper"
        case .base58btc: "base58btc"
        case .base58flickr: "base58flickr"
        case .base64: "base64"
        case .base64Pad: "base64pad"
        case .base64URL: "base64url"
        case .base64URLPad: "base64urlpad"
        case .base256emoji: "base256emoji"
        }
    }

    /// The base of that name, or with that character as its prefix; nil for any other text.
    public init?(name: String) {
        guard let base = Self.allCases.first(where: { $0.name == name || $0.prefix == name }) else { return nil }
        self = base
    }
}
