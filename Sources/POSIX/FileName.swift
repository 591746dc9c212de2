/// Something that names a file: text, or the bytes that a file system has where they are no text.
package protocol FileName: Sendable {
    /// Hands the name to `body` in the form that the system takes.
    func withSystemName<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value

    /// The name for people, with U+FFFD for what is no text.
    var shown: String { get }
}

extension String: FileName {
    package func withSystemName<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        unsafe withCString { unsafe body($0) }
    }

    package var shown: String { self }
}

extension [UInt8]: FileName {
    package func withSystemName<Value>(_ body: (UnsafePointer<CChar>) -> Value) -> Value {
        let name = map { CChar(bitPattern: $0) } + [0]
        return unsafe body(name)
    }

    package var shown: String { String(decoding: self, as: UTF8.self) }
}
