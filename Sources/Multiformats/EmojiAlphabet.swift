/// The digits of base256emoji, one for each byte (the multibase specification, rfcs/Base256Emoji.md).
enum EmojiAlphabet {
    private static let digits: [Unicode.Scalar] = Array(
        """
        🚀🪐☄🛰🌌🌑🌒🌓🌔🌕🌖🌗🌘🌍🌏🌎🐉☀💻🖥💾💿😂❤😍🤣😊🙏💕😭😘👍\
        😅👏😁🔥🥰💔💖💙😢🤔😆🙄💪😉☺👌🤗💜😔😎😇🌹🤦🎉💞✌✨🤷😱😌🌸🙌\
        😋💗💚😏💛🙂💓🤩😄😀🖤😃💯🙈👇🎶😒🤭❣😜💋👀😪😑💥🙋😞😩😡🤪👊🥳\
        😥🤤👉💃😳✋😚😝😴🌟😬🙃🍀🌷😻😓⭐✅🥺🌈😈🤘💦✔😣🏃💐☹🎊💘😠☝\
        😕🌺🎂🌻😐🖕💝🙊😹🗣💫💀👑🎵🤞😛🔴😤🌼😫⚽🤙☕🏆🤫👈😮🙆🍻🍃🐶💁\
        😲🌿🧡🎁⚡🌞🎈❌✊👋😰🤨😶🤝🚶💰🍓💢🤟🙁🚨💨🤬✈🎀🍺🤓😙💟🌱😖👶\
        🥴▶➡❓💎💸⬇😨🌚🦋😷🕺⚠🙅😟😵👎🤲🤠🤧📌🔵💅🧐🐾🍒😗🤑🌊🤯🐷☎\
        💧😯💆👆🎤🙇🍑❄🌴💣🐸💌📍🥀🤢👅💡💩👐📸👻🤐🤮🎼🥵🚩🍎🍊👼💍📣🥂
        """.unicodeScalars
    )
    private static let values = Dictionary(
        digits.enumerated().map { ($0.element, UInt8($0.offset)) },
        uniquingKeysWith: { first, _ in first }
    )

    /// The digits of `bytes`.
    static func text(_ bytes: [UInt8]) -> String {
        var text = String.UnicodeScalarView()
        for byte in bytes { text.append(digits[Int(byte)]) }
        return String(text)
    }

    /// The bytes that digits stand for.
    static func bytes(_ text: some Sequence<Unicode.Scalar>) throws(FormatProblem) -> [UInt8] {
        var bytes: [UInt8] = []
        for digit in text {
            guard let value = values[digit] else {
                throw FormatProblem(.badCharacter, "The text has a character that base256emoji does not know.")
            }
            bytes.append(value)
        }
        return bytes
    }
}
