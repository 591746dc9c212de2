/// A URL by which anybody can read an object until some time: who has it needs no key.
package struct ObjectURL: Sendable, Hashable, CustomStringConvertible {
    /// The name of the object.
    package let name: String
    /// The URL itself, which is as secret as what it leads to.
    package let text: String

    package init(_ text: String, of name: String) { (self.name, self.text) = (name, text) }

    package var description: String { "a URL of \(name)" }
}
