import Operations
import Testing

struct TerminalTextTests {
    @Test(arguments: [
        Array("plain\ttext\r\nand more\u{0B}\u{0C}".utf8), Array("grüße, 日本, 👋, \u{A0}".utf8), [0x67, 0xFC, 0x6E], [],
    ])
    func textPasses(bytes: [UInt8]) {
        for cut in 0...bytes.count {
            var text = TerminalText()
            #expect(text.isPlain(bytes[..<cut]) && text.isPlain(bytes[cut...]))
        }
    }

    @Test(arguments: [
        [0x1B], [0x08], [0x00], [0x07], [0x0E], [0x7F], Array("\u{9B}31m".utf8), Array("\u{85}".utf8), [0x9B, 0x33],
        [0xC0, 0x9B], [0xE0, 0x82, 0x9B], [0xF0, 0x80, 0x82, 0x9B], [0xC3, 0x41, 0x9B], [0xC3, 0x9C, 0x9B],
    ])
    func whatDrivesATerminalDoesNot(bytes: [UInt8]) {
        let bytes = [0x61] + bytes + [0x62]
        for cut in 0...bytes.count {
            var text = TerminalText()
            #expect(!(text.isPlain(bytes[..<cut]) && text.isPlain(bytes[cut...])))
        }
    }
}
