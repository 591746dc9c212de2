extension Multibase {
    /// The digits of this base; nil where they are no ASCII.
    var alphabet: Alphabet? {
        switch self {
        case .base2: .two
        case .base8: .eight
        case .base10: .ten
        case .base16: .sixteen
        case .base16Upper: .sixteenUpper
        case .base32: .thirtyTwo
        case .base32Upper: .thirtyTwoUpper
        case .base32Pad: .thirtyTwoPad
        case .base32PadUpper: .thirtyTwoPadUpper
        case .base32Hex: .thirtyTwoHex
        case .base32HexUpper: .thirtyTwoHexUpper
        case .base32HexPad: .thirtyTwoHexPad
        case .base32HexPadUpper: .thirtyTwoHexPadUpper
        case .base32Z: .thirtyTwoZ
        case .base36: .thirtySix
        case .base36Upper: .thirtySixUpper
        case .base58btc: .bitcoin
        case .base58flickr: .flickr
        case .base64: .sixtyFour
        case .base64Pad: .sixtyFourPad
        case .base64URL: .sixtyFourURL
        case .base64URLPad: .sixtyFourURLPad
        case .base256emoji: nil
        }
    }
}

extension Alphabet {
    private static let small = "abcdefghijklmnopqrstuvwxyz"
    private static let large = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    private static let decimals = "0123456789"

    static let two = Alphabet("01", bits: 1)
    static let eight = Alphabet("01234567", bits: 3)
    static let ten = Alphabet(decimals)
    static let sixteen = Alphabet("0123456789abcdef", bits: 4, anyCase: true)
    static let sixteenUpper = Alphabet("0123456789ABCDEF", bits: 4, anyCase: true)
    static let thirtyTwo = Alphabet(small + "234567", bits: 5, anyCase: true)
    static let thirtyTwoUpper = Alphabet(large + "234567", bits: 5, anyCase: true)
    static let thirtyTwoPad = Alphabet(small + "234567", bits: 5, padding: 8, anyCase: true)
    static let thirtyTwoPadUpper = Alphabet(large + "234567", bits: 5, padding: 8, anyCase: true)
    static let thirtyTwoHex = Alphabet(decimals + "abcdefghijklmnopqrstuv", bits: 5, anyCase: true)
    static let thirtyTwoHexUpper = Alphabet(decimals + "ABCDEFGHIJKLMNOPQRSTUV", bits: 5, anyCase: true)
    static let thirtyTwoHexPad = Alphabet(decimals + "abcdefghijklmnopqrstuv", bits: 5, padding: 8, anyCase: true)
    static let thirtyTwoHexPadUpper = Alphabet(
        decimals + "ABCDEFGHIJKLMNOPQRSTUV",
        bits: 5,
        padding: 8,
        anyCase: true
    )
    static let thirtyTwoZ = Alphabet("ybndrfg8ejkmcpqxot1uwisza345h769", bits: 5)
    static let thirtySix = Alphabet(decimals + small, anyCase: true)
    static let thirtySixUpper = Alphabet(decimals + large, anyCase: true)
    static let bitcoin = Alphabet("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    static let flickr = Alphabet("123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ")
    static let sixtyFour = Alphabet(large + small + decimals + "+/", bits: 6)
    static let sixtyFourPad = Alphabet(large + small + decimals + "+/", bits: 6, padding: 4)
    static let sixtyFourURL = Alphabet(large + small + decimals + "-_", bits: 6)
    static let sixtyFourURLPad = Alphabet(large + small + decimals + "-_", bits: 6, padding: 4)
}
