/// Text as it may be shown on a terminal, with the room that it takes there.
package struct DisplayText: Sendable, Hashable {
    /// The text without anything that could drive a terminal.
    package let text: String
    /// The number of cells that the text takes.
    package let width: Int

    /// Makes control characters, and those that turn the direction of writing, visible as escapes.
    package init(_ text: String) {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            self.text = text
            width = text.utf8.count
        } else {
            let escaped = Self.escaped(text)
            self.text = escaped
            width = escaped.reduce(0) { $0 + Self.width(of: $1) }
        }
    }

    /// The text with “…” for its middle, so that it takes at most `limit` cells.
    package func shortened(to limit: Int) -> DisplayText {
        guard width > limit else { return self }
        guard limit > 1 else { return DisplayText(limit == 1 ? "…" : "") }
        let room = limit - 1
        let tail = Self.fitting(text.reversed(), room / 2)
        let head = Self.fitting(text, room - tail.width)
        return DisplayText(String(head.characters) + "…" + String(tail.characters.reversed()))
    }

    /// The text with spaces around it, `cells` wide in all.
    package func padded(to cells: Int, right: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(0, cells - width))
        return right ? spaces + text : text + spaces
    }

    /// As many characters from the front as fit into `room` cells.
    private static func fitting(
        _ characters: some Sequence<Character>,
        _ room: Int
    ) -> (characters: [Character], width: Int) {
        var taken: [Character] = []
        var width = 0
        for character in characters {
            let next = width + Self.width(of: character)
            guard next <= room else { break }
            taken.append(character)
            width = next
        }
        return (taken, width)
    }

    private static func escaped(_ text: String) -> String {
        var output = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case _ where scalar.properties.generalCategory == .control || isHidden(scalar.value):
                output += "\\u{\(String(scalar.value, radix: 16))}"
            default: output.unicodeScalars.append(scalar)
            }
        }
        return output
    }

    /// Marks that turn the direction of writing, separators of lines, and marks without width at the start of a file.
    private static func isHidden(_ value: UInt32) -> Bool {
        switch value {
        case 0x061C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// The cells that a character takes: two for wide letters of East Asia and for pictures.
    private static func width(of character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if first.isASCII { return 1 }
        let isPicture = character.unicodeScalars.contains { $0.properties.isEmojiPresentation || $0.value == 0xFE0F }
        return isPicture || isWide(first.value) ? 2 : 1
    }

    /// The blocks that Unicode's East Asian Width (UAX 11) calls wide or full-width.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            true
        default: false
        }
    }
}

/// The words of `text` in lines of at most `width` cells; a word that is longer has a line of its own.
package func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    var used = 0
    for word in text.split(separator: " ") {
        let cells = DisplayText(String(word)).width
        if !line.isEmpty, used + 1 + cells > width {
            lines.append(line)
            line = ""
            used = 0
        }
        used += line.isEmpty ? cells : cells + 1
        line += line.isEmpty ? String(word) : " " + word
    }
    return line.isEmpty ? lines : lines + [line]
}
