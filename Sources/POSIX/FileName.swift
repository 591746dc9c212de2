/// Something that names a file: text, or the bytes that a file system has where they are no text.
package protocol FileName: Sendable {
    /// Hands the name to `body` in the form that the system takes.
    func withSystemName<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value

    /// The name for people; bytes that are no text are written as `\xE9`.
    var shown: String { get }

    /// The name as bytes.
    var systemBytes: [UInt8] { get }
}

extension String: FileName {
    package func withSystemName<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        unsafe withCString { unsafe body($0) }
    }

    package var shown: String { self }

    package var systemBytes: [UInt8] { Array(utf8) }
}

extension [UInt8]: FileName {
    package func withSystemName<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        let name = map { CChar(bitPattern: $0) } + [0]
        return unsafe body(name)
    }

    package var shown: String {
        if let text = String(validating: self, as: UTF8.self) { return text }
        return map { byte in
            byte < 0x80 ? String(Unicode.Scalar(byte)) : "\\x" + String(byte, radix: 16, uppercase: true)
        }.joined()
    }

    package var systemBytes: [UInt8] { self }
}
